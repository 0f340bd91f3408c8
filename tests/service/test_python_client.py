"""The Python client, synchronous and asynchronous, against the real service."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import Popen

import httpx
import pytest

from slimgest_celery import AsyncClient, Client
from slimgest_celery.client import ApiError, JobCompleted, JobEvent, JobFailed, JobStarted, PageDone
from slimgest_celery.models.events import CompleteData, ErrorData, PageData, StartData
from slimgest_celery.models.job import JobStatus, Mode, Options
from tests.support import pdfs
from tests.support.ports import free_port
from tests.support.stack import Stack, wait_for

OCR = Options(mode=Mode.OCR)


class RecordingTransport(httpx.HTTPTransport):
    """A real connection that records the statuses of answers, and can lose the first answer."""

    def __init__(self, lose_first: bool = False) -> None:
        super().__init__()
        self.answered: list[int] = []
        self.wait_s = 0.0  # from the last `Retry-After`
        self._lose = lose_first

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = super().handle_request(request)
        self.answered.append(response.status_code)
        self.wait_s = float(response.headers.get("Retry-After", self.wait_s))
        if self._lose:
            self._lose = False
            response.close()
            raise httpx.ReadError("The connection was reset.", request=request)
        return response


def _named(stack: Stack, filename: str) -> list[str]:
    return [job["job_id"] for job in stack.get("/jobs").json()["jobs"] if job["filename"] == filename]


def test_the_client_waits_for_a_full_queue_as_long_as_the_service_asks(stack: Stack) -> None:
    full = [stack.submit(pdfs.numbered(200), mode="ocr") for _ in range(20)]
    transport = RecordingTransport()
    with Client(stack.url, transport=transport) as client, ThreadPoolExecutor() as pool:
        began_s = time.monotonic()
        submitting = pool.submit(client.submit, pdfs.numbered(1), filename="waited.pdf")
        wait_for(lambda: 429 in transport.answered, what="a refusal")
        for job_id in full:
            client.cancel(job_id)
        job_id = submitting.result(60).job_id
        assert time.monotonic() - began_s > transport.wait_s > 0, "as Retry-After asks"
        assert client.wait(job_id).status == JobStatus.COMPLETED
    assert _named(stack, "waited.pdf") == [job_id]


def test_a_submission_whose_answer_was_lost_creates_one_job(stack: Stack) -> None:
    transport = RecordingTransport(lose_first=True)
    with Client(stack.url, transport=transport) as client:
        accepted = client.submit(pdfs.numbered(1), filename="lost.pdf")
    assert transport.answered == [202, 202]
    assert _named(stack, "lost.pdf") == [accepted.job_id]


def test_each_event_is_yielded_once_over_a_restart_of_the_api(stack: Stack) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    first_api = _api(stack, port)
    events: dict[str, list[JobEvent]] = {"sync": [], "async": []}
    job_id = stack.submit(pdfs.numbered(120), mode="ocr")

    def follow() -> None:
        with Client(url) as client:
            for event in client.stream(job_id):
                events["sync"].append(event)

    async def follow_async() -> None:
        async with AsyncClient(url) as client:
            async for event in client.stream(job_id):
                events["async"].append(event)

    followers = [threading.Thread(target=follow), threading.Thread(target=lambda: asyncio.run(follow_async()))]
    for follower in followers:
        follower.start()
    wait_for(lambda: min(map(len, events.values())) > 3, what="the first pages", logs=stack.folder)
    first_api.kill()
    first_api.wait()
    seen = {name: len(received) for name, received in events.items()}
    assert max(seen.values()) < 120, "the API was killed before the end"
    second_api = _api(stack, port)
    for follower in followers:
        follower.join(60)
    second_api.terminate()
    second_api.wait()
    for received in events.values():
        assert isinstance(received[0], JobStarted) and isinstance(received[-1], JobCompleted)
        pages = [event for event in received if isinstance(event, PageDone)]
        assert sorted(page.page_number for page in pages) == list(range(1, 121)) and len(received) == 122
        assert all(page.page_text == f"page {page.page_number}" for page in pages)


def _api(stack: Stack, port: int) -> Popen[bytes]:
    """Start another API process."""
    process = stack.spawn(sys.executable, "-m", "api", "--port", str(port), log="restarted")
    with Client(f"http://127.0.0.1:{port}", retry_for_s=0) as client:
        wait_for(client.ready, what="the API", logs=stack.folder)
    return process


def test_the_data_of_events_match_their_models(stack: Stack) -> None:
    models = {"start": StartData, "page": PageData, "complete": CompleteData, "error": ErrorData}
    jobs = [stack.submit(pdfs.coloured([(0, 1, 0), (255, 255, 0)]), mode="ocr"), stack.submit(b"%PDF-1.4 broken")]
    data = {
        event.type: models[event.type].model_validate(event.data, extra="forbid")
        for job in jobs
        for event in stack.events(job)
    }
    assert set(data) == set(models)


def test_cancel_and_retry(stack: Stack) -> None:
    with Client(stack.url) as client:
        job_id = client.submit(pdfs.numbered(200), OCR).job_id
        stream = client.stream(job_id)
        next(stream)
        assert client.cancel(job_id).status == JobStatus.CANCELLED
        *_, end = stream
        assert isinstance(end, JobFailed) and end.code == "job.cancelled"
        read = client.submit(pdfs.numbered(3), OCR).job_id
        client.wait(read)
        assert not client.retry(read, "2-3").status.ended
        assert client.wait(read).status == JobStatus.COMPLETED
        assert [page.text for page in client.pages(read)] == ["page 1", "page 2", "page 3"]
        assert client.image(read, 1, format="png").startswith(b"\x89PNG")
        with pytest.raises(ApiError) as refused:
            client.retry(read)
        assert refused.value.problem_code == "request.option"


def test_a_pdf_is_read_from_bytes_from_a_file_and_with_its_password(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(pdfs.text_pages(["The secret."], password="sesame"))
    with Client(stack.url) as client:
        assert client.process(pdfs.numbered(1), filename="b.pdf").filename == "b.pdf"
        with (tmp_path / "a.pdf").open("rb") as file:
            document = client.process(file, password="sesame")
        assert (document.filename, document.pages[0].text) == ("a.pdf", "The secret.")
        for password, code in ((None, "pdf.encrypted"), ("open", "pdf.wrong_password")):
            failed = client.process(tmp_path / "a.pdf", password=password)
            assert failed.error and failed.error.code == code


def test_the_asynchronous_client_has_all_methods(stack: Stack, tmp_path: Path) -> None:
    async def use() -> None:
        async with AsyncClient(stack.url) as client:
            assert await client.ready() and (await client.service())["workers"]
            first, second = await asyncio.gather(*(client.process(pdfs.numbered(count), OCR) for count in (1, 2)))
            assert (len(first.pages), len(second.pages)) == (1, 2)
            assert [page.page_number async for page in client.pages(second.job_id)] == [1, 2]
            made = await client.download(second.job_id, "pdf", tmp_path / "made.pdf")
            assert made.read_bytes().startswith(b"%PDF-")
            assert (await client.page(first.job_id, 1)).text == "page 1"
            assert not (await client.retry(first.job_id, "1")).status.ended
            assert (await client.wait(first.job_id)).has_result
            assert first.job_id in [entry.job_id for entry in await client.list()]
            job_id = (await client.submit(pdfs.numbered(200), OCR)).job_id
            assert (await client.cancel(job_id)).status == JobStatus.CANCELLED

    asyncio.run(use())


def test_several_threads_share_a_client(stack: Stack) -> None:
    with Client(stack.url) as client, ThreadPoolExecutor(8) as pool:
        reading = [pool.submit(client.process, pdfs.numbered(count), OCR) for count in range(1, 9)]
        assert [len(document.result(60).pages) for document in reading] == list(range(1, 9))
