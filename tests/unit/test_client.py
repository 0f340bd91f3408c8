"""The Python client: what it sends, how it waits, and what it makes of answers. Requests go to a function."""

from __future__ import annotations

import asyncio
import inspect
import io
import json
import os
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from api.forms import shown_name
from slimgest_celery import AsyncClient, Client
from slimgest_celery.client import (
    AnswerInvalid,
    ApiError,
    JobCompleted,
    JobFailed,
    JobStarted,
    PageDone,
    ServiceUnreachable,
    parse,
)
from slimgest_celery.client.errors import NotYet, checked
from slimgest_celery.client.patience import Patience
from slimgest_celery.errors import RequestInvalid
from slimgest_celery.event import valid_id
from slimgest_celery.model import Mode, Options

JOB = "0f6c5a4e-0000-4000-8000-000000000000"
LINKS = {"self": "/jobs/1", "events": "/jobs/1/events", "result": "/jobs/1/result"}
ACCEPTED = {"job_id": JOB, "filename": "a.pdf", "links": LINKS}
STATUS = {
    **ACCEPTED, "status": "queued", "created_at": "2026-03-14T09:26:53Z", "completed_at": None, "has_result": False,
    "error": None, "total_pages": None, "pages_done": 0, "pages_failed": 0, "pages_ahead": 0,
}  # fmt: skip
PAGES = [{"page_number": number, "status": "ok", "text": f"a\u2028{number}"} for number in (1, 2, 3)]

Answer = httpx.Response | Exception


class Service:
    """Answers in turn, the last one for ever, and remembers what it was asked."""

    def __init__(self, *answers: Answer) -> None:
        self.asked: list[httpx.Request] = []
        self._answers = list(answers)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.asked.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        if not answer.is_stream_consumed:
            return answer
        return httpx.Response(answer.status_code, headers=answer.headers, stream=answer.stream)

    def client(self, **how: Any) -> Client:
        return Client("http://service", transport=httpx.MockTransport(self), **how)


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the client has waited each time; nobody really waits, but the clock goes on."""
    waited: list[float] = []

    async def pause(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr("slimgest_celery.client.sync.time", SimpleNamespace(sleep=waited.append))
    monkeypatch.setattr("slimgest_celery.client.aio.asyncio", SimpleNamespace(sleep=pause, to_thread=asyncio.to_thread))
    monkeypatch.setattr("slimgest_celery.client.patience.time", SimpleNamespace(monotonic=lambda: sum(waited)))
    return waited


def ok(body: Any) -> httpx.Response:
    return httpx.Response(200, json=body)


def refused(status: int, code: str = "", retryable: bool = False, **headers: str) -> httpx.Response:
    body = {"code": code, "retryable": retryable, "detail": "No."} if code else None
    return httpx.Response(status, json=body, headers={name.replace("_", "-"): text for name, text in headers.items()})


FULL = {"status": 429, "code": "queue.full", "retryable": True}


# --- Waiting ----------------------------------------------------------------------------------------------------------


def test_what_fails_is_tried_again_later_and_later_until_patience_is_at_its_end(pauses: list[float]) -> None:
    service = Service(httpx.ConnectError("refused"))
    with service.client() as client, pytest.raises(ServiceUnreachable, match="refused"):
        client.status(JOB)
    assert 60 <= sum(pauses) <= 60.2 and len(service.asked) == len(pauses) + 1
    for pause, longest in zip(pauses, (0.5, 1, 2, 4, 8, 15, 15), strict=False):
        assert longest / 2 <= pause <= longest
    assert max(pauses) <= 15


def test_without_patience_nothing_is_tried_again(pauses: list[float]) -> None:
    for failure in (httpx.ConnectError("refused"), refused(503, "broker.unavailable", True, Retry_After="1")):
        service = Service(failure)
        with service.client(retry_for_s=0) as client, pytest.raises((ServiceUnreachable, ApiError)):
            client.status(JOB)
        assert len(service.asked) == 1 and pauses == []


@pytest.mark.parametrize("as_date", [False, True])
def test_a_client_waits_as_long_as_the_service_says(pauses: list[float], as_date: bool) -> None:
    told = format_datetime(datetime.now(UTC) + timedelta(seconds=21), usegmt=True) if as_date else "20"
    service = Service(refused(**FULL, Retry_After=told), ok(ACCEPTED))
    with service.client() as client:
        assert client.submit(b"%PDF-").job_id == JOB
    assert len(pauses) == 1 and 19 <= pauses[0] <= 22


def test_a_longer_wait_than_the_client_is_willing_is_refused_at_once(pauses: list[float]) -> None:
    service = Service(refused(**FULL, Retry_After="61"))
    with service.client() as client, pytest.raises(ApiError) as full:
        client.submit(b"%PDF-")
    assert (full.value.problem_code, full.value.retry_after_s, pauses) == ("queue.full", 61, [])


def test_a_full_queue_may_be_waited_at_for_longer_than_a_service_that_is_away(pauses: list[float]) -> None:
    service = Service(*[refused(**FULL, Retry_After="10")] * 30, ok(ACCEPTED))
    with service.client(retry_for_s=5, queue_for_s=3600) as client:
        client.submit(b"%PDF-")
    assert len(pauses) == 30


def test_a_service_that_goes_away_while_its_queue_is_full_is_still_waited_for(pauses: list[float]) -> None:
    answers: list[Answer] = [*[refused(**FULL, Retry_After="10")] * 9, httpx.ConnectError("?"), refused(**FULL)]
    service = Service(*answers, ok(ACCEPTED))
    with service.client(retry_for_s=5, queue_for_s=600) as client:
        client.submit(b"%PDF-")
    assert len(pauses) == 11


@pytest.mark.parametrize(
    ("answer", "again"),
    [
        (refused(503, "broker.unavailable", True), True),
        (refused(503, "page.image_late", True), True),
        (refused(503, "engine.unavailable"), False),
        (refused(502), True),  # of a proxy
        (refused(500, "service.failure"), False),
        (refused(409, "job.not_ready", True), False),  # to wait for a job is `wait`'s business
        (refused(422, "request.option"), False),
    ],
)
def test_only_what_passes_by_itself_is_asked_again(answer: httpx.Response, again: bool) -> None:
    service = Service(answer, ok(STATUS))
    with service.client() as client:
        if again:
            client.status(JOB)
        else:
            with pytest.raises(ApiError):
                client.status(JOB)


def test_a_submission_is_repeated_with_the_same_key_and_the_same_content() -> None:
    service = Service(httpx.ReadTimeout("?"), httpx.ConnectError("?"), refused(503), ok(ACCEPTED), ok(ACCEPTED))
    file = io.BytesIO(b"%PDF-1.7 content")
    file.read()
    with service.client() as client:
        client.submit(file)
        client.submit(file)
    keys = [request.headers["Idempotency-Key"] for request in service.asked]
    assert len(set(keys[:4])) == 1 and len(set(keys)) == 2 and len(keys) == 5
    assert all(b"%PDF-1.7 content" in request.content for request in service.asked)


def test_what_may_have_been_done_is_not_done_twice() -> None:
    for failure in (httpx.ReadTimeout("?"), refused(502), refused(503)):
        service = Service(failure, ok(STATUS))
        with service.client() as client, pytest.raises((ServiceUnreachable, ApiError)):
            client.retry(JOB)
    for failure in (httpx.ConnectError("?"), refused(503, "broker.unavailable", True), refused(**FULL)):
        service = Service(failure, ok(STATUS))
        with service.client() as client:
            assert client.retry(JOB, "1-2").job_id == JOB
        assert service.asked[1].url.params["pages"] == "1-2"


def test_success_makes_the_next_failure_a_first_one(pauses: list[float]) -> None:
    patience, failure = Patience("http://service", 10, 10), httpx.ReadError("")
    assert patience.wait_s(failure) <= 0.5
    pauses.append(9.9)
    assert patience.wait_s(failure) <= 0.11
    patience.renew()
    pauses.append(5)
    assert patience.wait_s(failure) <= 0.5
    assert patience.wait_s(NotYet(7)) == 7, "that is no failure"
    pauses.append(15)
    assert patience.wait_s(failure) <= 0.5
    pauses.append(11)
    with pytest.raises(ServiceUnreachable, match="ReadError"):
        patience.wait_s(failure)


def test_what_is_still_being_made_is_asked_for_again(pauses: list[float]) -> None:
    service = Service(*[refused(202, Retry_After="1")] * 100, httpx.Response(200, content=b"%PDF-"))
    with service.client() as client:
        assert client.result_as(JOB, "pdf", "sesame") == b"%PDF-"
    assert pauses == [1.0] * 100 and service.asked[0].method == "POST" and b"sesame" in service.asked[0].content


# --- Streams ----------------------------------------------------------------------------------------------------------


def told(*events: tuple[str, str, dict[str, Any]]) -> bytes:
    return b"".join(
        f"event:{kind}\ndata:{json.dumps(data, ensure_ascii=False)}\nid:{number}\n\n".encode()
        for number, kind, data in events
    )


def page(number: int) -> tuple[str, str, dict[str, Any]]:
    counts = {"total_pages": 2, "pages_done": number, "pages_failed": 0}
    text = f"line\u2028line {number}"
    return f"{number}-0", "page", {"page_number": number, "status": "ok", "source": "ocr", "page_text": text, **counts}


START = ("0-1", "start", {"job_id": JOB, "filename": "a.pdf", "total_pages": 2, "invented_later": 1})
LATER = ("2-1", "invented.later", {})
END = ("3-0", "complete", {"status": "completed", "total_pages": 2, "pages_failed": 0, "result_url": "/"})


class Breaking(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that breaks off after its chunks."""

    def __init__(self, *chunks: bytes) -> None:
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        yield from self._chunks
        raise httpx.ReadError("reset")

    async def __aiter__(self) -> Any:
        for chunk in self._chunks:
            yield chunk
        raise httpx.ReadError("reset")


def broken_off() -> list[Answer]:
    """A stream in pieces: cut within an event, ended too early, refused for a moment, and begun again."""
    return [
        httpx.Response(200, stream=Breaking(b"retry:2000\n\n: here\n\n" + told(START, page(1)), told(page(2))[:20])),
        httpx.ConnectError("refused"),
        refused(503, "broker.unavailable", True),
        httpx.Response(200, content=b""),
        httpx.Response(200, stream=Breaking(told(page(2)), told(LATER))),
        httpx.Response(200, content=told(END)),
    ]


def test_a_stream_goes_on_where_it_broke_and_its_events_are_typed() -> None:
    service = Service(*broken_off())
    with service.client() as client:
        events = list(client.stream(JOB))
    assert [type(event) for event in events] == [JobStarted, PageDone, PageDone, JobCompleted]
    assert [event.page_text for event in events if isinstance(event, PageDone)] == [
        "line\u2028line 1",
        "line\u2028line 2",
    ]
    assert [event.last for event in events] == [False, False, False, True]
    after = [request.headers.get("Last-Event-ID") for request in service.asked]
    assert after == [None, "1-0", "1-0", "1-0", "1-0", "2-1"]


def test_a_stream_goes_on_where_it_broke_when_awaited() -> None:
    service = Service(*broken_off())

    async def stream() -> list[str]:
        async with AsyncClient("http://service", transport=httpx.MockTransport(service)) as client:
            return [event.type async for event in client.stream(JOB)]

    assert asyncio.run(stream()) == ["start", "page", "page", "complete"]


def test_a_stream_that_stays_away_is_given_up_and_one_of_no_job_at_once() -> None:
    with Service(httpx.Response(200, stream=Breaking())).client() as client, pytest.raises(ServiceUnreachable):
        list(client.stream(JOB))
    service = Service(refused(404, "job.unknown"))
    with service.client() as client, pytest.raises(ApiError):
        list(client.stream(JOB))
    assert len(service.asked) == 1


def test_a_cancelled_job_ends_its_stream_with_its_code() -> None:
    end = told(("1-0", "error", {"code": "job.cancelled", "message": "The job was cancelled."}))
    with Service(httpx.Response(200, content=end)).client() as client:
        (event,) = client.stream(JOB)
    assert isinstance(event, JobFailed) and event.code == "job.cancelled"


def test_pages_come_each_once_over_a_broken_connection() -> None:
    lines = [(json.dumps(page, ensure_ascii=False) + "\n").encode() for page in PAGES]
    service = Service(
        httpx.Response(200, stream=Breaking(lines[0], lines[1][:9])), httpx.Response(200, content=b"".join(lines))
    )
    with service.client() as client:
        assert [page.text for page in client.pages(JOB)] == ["a\u20281", "a\u20282", "a\u20283"]


def test_a_download_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "a.md"
    target.write_text("before")
    with Service(httpx.Response(200, stream=Breaking(b"half"))).client() as client, pytest.raises(ServiceUnreachable):
        client.download(JOB, "md", target)
    assert target.read_text() == "before" and list(tmp_path.iterdir()) == [target]
    service = Service(httpx.Response(200, stream=Breaking(b"half")), httpx.Response(200, content=b"whole"))
    with service.client() as client:
        assert client.download(JOB, "md", target).read_text() == "whole"

    async def download() -> None:
        service = Service(httpx.Response(200, stream=Breaking(b"half")), httpx.Response(200, content=b"awaited"))
        async with AsyncClient("http://service", transport=httpx.MockTransport(service)) as client:
            await client.download(JOB, "md", target)

    asyncio.run(download())
    assert target.read_text() == "awaited" and list(tmp_path.iterdir()) == [target]


# --- Requests and answers ---------------------------------------------------------------------------------------------


def _sent(submit: Callable[[Client], Any]) -> bytes:
    service = Service(ok(ACCEPTED))
    with service.client() as client:
        submit(client)
    return service.asked[0].content


def test_a_pdf_is_a_path_bytes_or_an_open_file(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF-x")
    assert b'filename="a.pdf"' in _sent(lambda client: client.submit(tmp_path / "a.pdf"))
    assert b'filename="a.pdf"' in _sent(lambda client: client.submit(str(tmp_path / "a.pdf")))
    assert b'filename="b.pdf"' in _sent(lambda client: client.submit(tmp_path / "a.pdf", filename="b.pdf"))
    assert b'filename="document.pdf"' in _sent(lambda client: client.submit(b"%PDF-x"))
    with (tmp_path / "a.pdf").open("rb") as file:
        assert b'filename="a.pdf"' in _sent(lambda client: client.submit(file))
        assert not file.closed
    ours, theirs = os.pipe()
    threading.Thread(target=lambda: (os.write(theirs, b"%PDF-x"), os.close(theirs))).start()
    with os.fdopen(ours, "rb") as pipe:
        sent = _sent(lambda client: client.submit(pipe))
    assert b"%PDF-x" in sent and b'filename="document.pdf"' in sent


def test_only_options_that_were_set_are_sent() -> None:
    sent = _sent(lambda client: client.submit(b"%PDF-", Options(mode=Mode.OCR), "sesame", callback_url="http://x/"))
    assert all(part in sent for part in (b"\r\n\r\nocr\r\n", b"\r\n\r\nsesame\r\n", b"\r\n\r\nhttp://x/\r\n"))
    assert b"dpi" not in sent


def test_an_id_is_no_path() -> None:
    service = Service(ok(STATUS))
    with service.client() as client:
        client.status("../health?x=1")
    assert service.asked[0].url.raw_path == b"/jobs/..%2Fhealth%3Fx%3D1"


def test_what_a_newer_service_tells_more_is_passed_over() -> None:
    with Service(ok({**STATUS, "more": 1, "links": {**LINKS, "more": "/"}})).client() as client:
        assert client.status(JOB).filename == "a.pdf"


@pytest.mark.parametrize("answer", [httpx.Response(200, text="<html>"), ok({}), ok([]), ok({"jobs": [{}]})])
def test_who_answers_and_is_no_slimgest_is_told(answer: httpx.Response) -> None:
    for ask in (lambda client: client.status(JOB), lambda client: client.list()):
        with Service(answer).client() as client, pytest.raises(AnswerInvalid, match="no slimgest"):
            ask(client)


def test_refusals_have_the_service_s_words() -> None:
    response = httpx.Response(301, headers={"Location": "https://elsewhere/"})
    with pytest.raises(ApiError, match="https://elsewhere/"):
        checked(response)
    for body in (b"<html>", b"[]", b""):
        with pytest.raises(ApiError, match="The service answered 418") as error:
            checked(httpx.Response(418, content=body, headers={"Retry-After": "soon"}))
        assert (error.value.problem_code, error.value.may_retry, error.value.retry_after_s) == ("", False, None)


@pytest.mark.parametrize("url", ["", "127.0.0.1:8000", "ftp://a", "http://", "http://a:b"])
def test_a_wrong_address_is_told_before_anything_is_sent(url: str) -> None:
    for kind in (Client, AsyncClient):
        with pytest.raises(RequestInvalid, match="no address of a service"):
            kind(url)


@pytest.mark.parametrize("key", ["slim_é", "slim_x\r\nX-Evil: 1"])
def test_a_key_that_can_be_none_is_told_and_not_repeated(key: str) -> None:
    with pytest.raises(RequestInvalid) as wrong:
        Client("http://service", key)
    assert key not in wrong.value.message


def test_the_awaited_client_has_the_same_methods_with_the_same_parameters() -> None:
    other = {"close": "aclose", "__enter__": "__aenter__", "__exit__": "__aexit__"}
    for name, method in vars(Client).items():
        if inspect.isfunction(method) and (not name.startswith("_") or name in other):
            awaited = getattr(AsyncClient, other.get(name, name))
            assert inspect.signature(awaited).parameters == inspect.signature(method).parameters, name
            assert awaited.__doc__ == method.__doc__, name


# --- Server-sent events -----------------------------------------------------------------------------------------------


def test_events_are_parsed_and_comments_and_retry_passed_over() -> None:
    stream = 'retry:2000\n\n: still here\n\nevent:page\ndata:{"a":\ndata:1}\nid:5-0\n\n'
    stream += "data: {}\n\nevent: end\ndata: 2\nid: 6\n\n"
    events = list(parse(iter(stream.split("\n"))))
    assert [(event.id, event.type, event.data) for event in events] == [("5-0", "page", {"a": 1}), ("6", "end", 2)]


def test_ids_of_events() -> None:
    assert all(map(valid_id, ("0-0", "1700000000000-3", "12")))
    assert not any(map(valid_id, ("", "-", "a-1", "1-", "1-a", "9" * 99)))


def test_file_names_are_shown_without_their_folders() -> None:
    names = {
        "a.pdf": "a.pdf",
        "../../x.pdf": "x.pdf",
        "C:\\dir\\x.pdf": "x.pdf",
        "a\nb.pdf": "ab.pdf",
        "": "document.pdf",
    }
    assert {given: shown_name(given) for given in names} == names
