"""The Python client: its requests, retries, streams and exceptions. A function answers the requests."""

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

from api.requests import sanitize_filename
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
from slimgest_celery.client.errors import NotYet, check_response
from slimgest_celery.client.retries import RetryPolicy
from slimgest_celery.errors import RequestInvalid
from slimgest_celery.models.events import is_valid_id
from slimgest_celery.models.job import Mode, Options

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
    """A service that gives its answers in turn, repeats the last one, and records the requests."""

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
    """The pauses of the client. Nothing really waits, but the clock advances."""
    waited: list[float] = []

    async def pause(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr("slimgest_celery.client.sync.time", SimpleNamespace(sleep=waited.append))
    monkeypatch.setattr("slimgest_celery.client.aio.asyncio", SimpleNamespace(sleep=pause, to_thread=asyncio.to_thread))
    monkeypatch.setattr("slimgest_celery.client.retries.time", SimpleNamespace(monotonic=lambda: sum(waited)))
    return waited


def ok(body: Any) -> httpx.Response:
    return httpx.Response(200, json=body)


def refused(status: int, code: str = "", retryable: bool = False, **headers: str) -> httpx.Response:
    body = {"code": code, "retryable": retryable, "detail": "No."} if code else None
    return httpx.Response(status, json=body, headers={name.replace("_", "-"): text for name, text in headers.items()})


FULL = {"status": 429, "code": "queue.full", "retryable": True}


# --- Retries ----------------------------------------------------------------------------------------------------------


def test_failures_are_retried_after_growing_pauses_until_the_time_is_over(pauses: list[float]) -> None:
    service = Service(httpx.ConnectError("refused"))
    with service.client() as client, pytest.raises(ServiceUnreachable, match="refused"):
        client.status(JOB)
    assert 60 <= sum(pauses) <= 60.2 and len(service.asked) == len(pauses) + 1
    for pause, longest in zip(pauses, (0.5, 1, 2, 4, 8, 15, 15), strict=False):
        assert longest / 2 <= pause <= longest
    assert max(pauses) <= 15


def test_without_retry_time_nothing_is_retried(pauses: list[float]) -> None:
    for failure in (httpx.ConnectError("refused"), refused(503, "broker.unavailable", True, Retry_After="1")):
        service = Service(failure)
        with service.client(retry_for_s=0) as client, pytest.raises((ServiceUnreachable, ApiError)):
            client.status(JOB)
        assert len(service.asked) == 1 and pauses == []


@pytest.mark.parametrize("as_date", [False, True])
def test_a_client_waits_as_long_as_the_service_asks(pauses: list[float], as_date: bool) -> None:
    retry_after = format_datetime(datetime.now(UTC) + timedelta(seconds=21), usegmt=True) if as_date else "20"
    service = Service(refused(**FULL, Retry_After=retry_after), ok(ACCEPTED))
    with service.client() as client:
        assert client.submit(b"%PDF-").job_id == JOB
    assert len(pauses) == 1 and 19 <= pauses[0] <= 22


def test_a_requested_wait_beyond_the_retry_time_fails_at_once(pauses: list[float]) -> None:
    service = Service(refused(**FULL, Retry_After="61"))
    with service.client() as client, pytest.raises(ApiError) as full:
        client.submit(b"%PDF-")
    assert (full.value.problem_code, full.value.retry_after_s, pauses) == ("queue.full", 61, [])


def test_a_full_queue_has_its_own_waiting_time(pauses: list[float]) -> None:
    service = Service(*[refused(**FULL, Retry_After="10")] * 30, ok(ACCEPTED))
    with service.client(retry_for_s=5, queue_for_s=3600) as client:
        client.submit(b"%PDF-")
    assert len(pauses) == 30


def test_a_failure_while_the_queue_is_full_does_not_end_the_wait(pauses: list[float]) -> None:
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
        (refused(409, "job.not_ready", True), False),  # `wait` waits for a job
        (refused(422, "request.option"), False),
    ],
)
def test_only_temporary_errors_are_retried(answer: httpx.Response, again: bool) -> None:
    service = Service(answer, ok(STATUS))
    with service.client() as client:
        if again:
            client.status(JOB)
        else:
            with pytest.raises(ApiError):
                client.status(JOB)


def test_a_repeated_submission_has_the_same_key_and_content() -> None:
    service = Service(httpx.ReadTimeout("?"), httpx.ConnectError("?"), refused(503), ok(ACCEPTED), ok(ACCEPTED))
    file = io.BytesIO(b"%PDF-1.7 content")
    file.read()
    with service.client() as client:
        client.submit(file)
        client.submit(file)
    keys = [request.headers["Idempotency-Key"] for request in service.asked]
    assert len(set(keys[:4])) == 1 and len(set(keys)) == 2 and len(keys) == 5
    assert all(b"%PDF-1.7 content" in request.content for request in service.asked)


def test_a_call_that_may_have_been_executed_is_not_repeated() -> None:
    for failure in (httpx.ReadTimeout("?"), refused(502), refused(503)):
        service = Service(failure, ok(STATUS))
        with service.client() as client, pytest.raises((ServiceUnreachable, ApiError)):
            client.retry(JOB)
    for failure in (httpx.ConnectError("?"), refused(503, "broker.unavailable", True), refused(**FULL)):
        service = Service(failure, ok(STATUS))
        with service.client() as client:
            assert client.retry(JOB, "1-2").job_id == JOB
        assert service.asked[1].url.params["pages"] == "1-2"


def test_after_a_success_the_next_failure_counts_as_the_first(pauses: list[float]) -> None:
    retry_policy, failure = RetryPolicy("http://service", 10, 10), httpx.ReadError("")
    assert retry_policy.wait_s(failure) <= 0.5
    pauses.append(9.9)
    assert retry_policy.wait_s(failure) <= 0.11
    retry_policy.reset()
    pauses.append(5)
    assert retry_policy.wait_s(failure) <= 0.5
    assert retry_policy.wait_s(NotYet(7)) == 7, "not a failure"
    pauses.append(15)
    assert retry_policy.wait_s(failure) <= 0.5
    pauses.append(11)
    with pytest.raises(ServiceUnreachable, match="ReadError"):
        retry_policy.wait_s(failure)


def test_content_that_is_being_prepared_is_requested_again(pauses: list[float]) -> None:
    service = Service(*[refused(202, Retry_After="1")] * 100, httpx.Response(200, content=b"%PDF-"))
    with service.client() as client:
        assert client.result_as(JOB, "pdf", "sesame") == b"%PDF-"
    assert pauses == [1.0] * 100 and service.asked[0].method == "POST" and b"sesame" in service.asked[0].content


# --- Streams ----------------------------------------------------------------------------------------------------------


def sse(*events: tuple[str, str, dict[str, Any]]) -> bytes:
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


class LostConnection(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body whose connection is lost after its chunks."""

    def __init__(self, *chunks: bytes) -> None:
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        yield from self._chunks
        raise httpx.ReadError("reset")

    async def __aiter__(self) -> Any:
        for chunk in self._chunks:
            yield chunk
        raise httpx.ReadError("reset")


def interrupted_stream() -> list[Answer]:
    """Return the answers of an interrupted stream: cut within an event, refused, ended too early, and resumed."""
    return [
        httpx.Response(
            200, stream=LostConnection(b"retry:2000\n\n: here\n\n" + sse(START, page(1)), sse(page(2))[:20])
        ),
        httpx.ConnectError("refused"),
        refused(503, "broker.unavailable", True),
        httpx.Response(200, content=b""),
        httpx.Response(200, stream=LostConnection(sse(page(2)), sse(LATER))),
        httpx.Response(200, content=sse(END)),
    ]


def test_a_stream_resumes_and_its_events_are_typed() -> None:
    service = Service(*interrupted_stream())
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


def test_an_asynchronous_stream_resumes() -> None:
    service = Service(*interrupted_stream())

    async def stream() -> list[str]:
        async with AsyncClient("http://service", transport=httpx.MockTransport(service)) as client:
            return [event.type async for event in client.stream(JOB)]

    assert asyncio.run(stream()) == ["start", "page", "page", "complete"]


def test_a_lost_stream_fails_after_the_retry_time_and_one_of_an_unknown_job_at_once() -> None:
    with Service(httpx.Response(200, stream=LostConnection())).client() as client, pytest.raises(ServiceUnreachable):
        list(client.stream(JOB))
    service = Service(refused(404, "job.unknown"))
    with service.client() as client, pytest.raises(ApiError):
        list(client.stream(JOB))
    assert len(service.asked) == 1


def test_the_stream_of_a_cancelled_job_ends_with_the_code() -> None:
    end = sse(("1-0", "error", {"code": "job.cancelled", "message": "The job was cancelled."}))
    with Service(httpx.Response(200, content=end)).client() as client:
        (event,) = client.stream(JOB)
    assert isinstance(event, JobFailed) and event.code == "job.cancelled"


def test_each_page_is_yielded_once_over_a_lost_connection() -> None:
    lines = [(json.dumps(page, ensure_ascii=False) + "\n").encode() for page in PAGES]
    service = Service(
        httpx.Response(200, stream=LostConnection(lines[0], lines[1][:9])), httpx.Response(200, content=b"".join(lines))
    )
    with service.client() as client:
        assert [page.text for page in client.pages(JOB)] == ["a\u20281", "a\u20282", "a\u20283"]


def test_a_download_is_written_completely_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "a.md"
    target.write_text("before")
    with (
        Service(httpx.Response(200, stream=LostConnection(b"half"))).client() as client,
        pytest.raises(ServiceUnreachable),
    ):
        client.download(JOB, "md", target)
    assert target.read_text() == "before" and list(tmp_path.iterdir()) == [target]
    service = Service(httpx.Response(200, stream=LostConnection(b"half")), httpx.Response(200, content=b"whole"))
    with service.client() as client:
        assert client.download(JOB, "md", target).read_text() == "whole"

    async def download() -> None:
        service = Service(httpx.Response(200, stream=LostConnection(b"half")), httpx.Response(200, content=b"awaited"))
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


def test_a_pdf_can_be_a_path_bytes_or_an_open_file(tmp_path: Path) -> None:
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


def test_an_image_is_sent_with_its_media_type_and_a_fitting_name(tmp_path: Path) -> None:
    png = b"\x89PNG\r\n\x1a\n" + bytes(6000)
    sent = _sent(lambda client: client.submit(png))
    assert b'filename="image.png"' in sent and b"Content-Type: image/png" in sent and png in sent
    (tmp_path / "photo.pdf").write_bytes(png)
    with (tmp_path / "photo.pdf").open("rb") as file:
        file.seek(100)
        sent = _sent(lambda client: client.submit(file))
    assert b'filename="photo.pdf"' in sent and b"Content-Type: image/png" in sent and png in sent


def test_only_options_that_are_set_are_sent() -> None:
    sent = _sent(lambda client: client.submit(b"%PDF-", Options(mode=Mode.OCR), "sesame", callback_url="http://x/"))
    assert all(part in sent for part in (b"\r\n\r\nocr\r\n", b"\r\n\r\nsesame\r\n", b"\r\n\r\nhttp://x/\r\n"))
    assert b"dpi" not in sent


def test_an_id_with_slashes_is_quoted() -> None:
    service = Service(ok(STATUS))
    with service.client() as client:
        client.status("../health?x=1")
    assert service.asked[0].url.raw_path == b"/jobs/..%2Fhealth%3Fx%3D1"


def test_unknown_fields_of_a_newer_service_are_ignored() -> None:
    with Service(ok({**STATUS, "more": 1, "links": {**LINKS, "more": "/"}})).client() as client:
        assert client.status(JOB).filename == "a.pdf"


@pytest.mark.parametrize("answer", [httpx.Response(200, text="<html>"), ok({}), ok([]), ok({"jobs": [{}]})])
def test_an_answer_of_another_server_is_reported(answer: httpx.Response) -> None:
    for ask in (lambda client: client.status(JOB), lambda client: client.list()):
        with Service(answer).client() as client, pytest.raises(AnswerInvalid, match="is not slimgest"):
            ask(client)


def test_an_api_error_has_the_message_of_the_service() -> None:
    body = {"code": "queue.full", "detail": "The queue is full.", "hint": "Wait.", "retryable": True}
    with pytest.raises(ApiError, match=r"^The queue is full\.$") as full:
        check_response(httpx.Response(429, json=body))
    assert (full.value.problem_code, full.value.hint, full.value.may_retry) == ("queue.full", "Wait.", True)
    response = httpx.Response(301, headers={"Location": "https://elsewhere/"})
    with pytest.raises(ApiError, match="https://elsewhere/"):
        check_response(response)
    for body in (b"<html>", b"[]", b""):
        with pytest.raises(ApiError, match="The service answered 418") as error:
            check_response(httpx.Response(418, content=body, headers={"Retry-After": "soon"}))
        assert (error.value.problem_code, error.value.hint) == ("", "")
        assert (error.value.may_retry, error.value.retry_after_s) == (False, None)


@pytest.mark.parametrize("url", ["", "127.0.0.1:8000", "ftp://a", "http://", "http://a:b"])
def test_an_invalid_address_is_reported_before_anything_is_sent(url: str) -> None:
    for kind in (Client, AsyncClient):
        with pytest.raises(RequestInvalid, match="not the address of a service"):
            kind(url)


@pytest.mark.parametrize("key", ["slim_é", "slim_x\r\nX-Evil: 1"])
def test_an_impossible_key_is_reported_and_not_repeated(key: str) -> None:
    with pytest.raises(RequestInvalid) as wrong:
        Client("http://service", key)
    assert key not in wrong.value.message


def test_the_asynchronous_client_has_the_same_methods_parameters_and_docstrings() -> None:
    other = {"close": "aclose", "__enter__": "__aenter__", "__exit__": "__aexit__"}
    for name, method in vars(Client).items():
        if inspect.isfunction(method) and (not name.startswith("_") or name in other):
            awaited = getattr(AsyncClient, other.get(name, name))
            assert inspect.signature(awaited).parameters == inspect.signature(method).parameters, name
            assert awaited.__doc__ == method.__doc__, name


# --- Server-sent events -----------------------------------------------------------------------------------------------


def test_events_are_parsed_and_comments_and_retry_are_skipped() -> None:
    stream = 'retry:2000\n\n: still here\n\nevent:page\ndata:{"a":\ndata:1}\nid:5-0\n\n'
    stream += "data: {}\n\nevent: end\ndata: 2\nid: 6\n\n"
    events = list(parse(iter(stream.split("\n"))))
    assert [(event.id, event.type, event.data) for event in events] == [("5-0", "page", {"a": 1}), ("6", "end", 2)]


def test_event_ids_are_one_or_two_numbers() -> None:
    assert all(map(is_valid_id, ("0-0", "1700000000000-3", "12")))
    assert not any(map(is_valid_id, ("", "-", "a-1", "1-", "1-a", "9" * 99)))


def test_file_names_are_displayed_without_folders() -> None:
    names = {
        "a.pdf": "a.pdf",
        "../../x.pdf": "x.pdf",
        "C:\\dir\\x.pdf": "x.pdf",
        "a\nb.pdf": "ab.pdf",
        "": "document.pdf",
    }
    assert {given: sanitize_filename(given) for given in names} == names
