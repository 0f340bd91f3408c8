"""The documents of the client, the progress of a job, and the cancellation of its job. A function answers requests."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, get_args

import httpx
import pytest

from slimgest_celery import AsyncClient, Client
from slimgest_celery.client import DocumentFailed, JobCompleted, JobEvent, PageDone, ResultFormat
from slimgest_celery.client.documents import SyncDocument
from slimgest_celery.formats.registry import FORMATS
from tests.unit.client.test_client import ACCEPTED, JOB, STATUS

CELLS = [
    {"row": 0, "column": 0, "col_span": 2, "header": True, "blocks": [1, 2]},
    {"row": 1, "column": 0, "blocks": [3]},
    {"row": 1, "column": 1, "blocks": []},
]
BLOCKS = [{"text": text, "confidence": 1, "box": [0, 0, 1, 1]} for text in ("Intro", "Two", "lines", "below")]
PARAGRAPHS = [{"first": 0, "last": 0}, {"kind": "table", "first": 1, "last": 3, "cells": CELLS}]
PAGE = {"page_number": 1, "status": "ok", "text": "Intro\nTwo lines", "blocks": BLOCKS, "paragraphs": PARAGRAPHS}
PROBLEM = {"code": "page.timeout", "message": "Too slow.", "retryable": True, "hint": "Try again."}
LOST = {"page_number": 2, "status": "failed", "error": PROBLEM}
DOCUMENT = {
    "job_id": JOB, "filename": "a.pdf", "status": "completed", "total_pages": 3, "options": {}, "engine": None,
    "created_at": "2026-03-14T09:26:53Z", "completed_at": None, "elapsed_seconds": None,
    "pages": [PAGE, {"page_number": 3, "status": "ok", "text": "End"}],
}  # fmt: skip
DONE = {
    "page_number": 1, "status": "ok", "source": "ocr", "total_pages": 3, "pages_done": 1, "pages_failed": 0,
    "page_text": "Intro",
}  # fmt: skip
END = {"status": "completed", "total_pages": 3, "pages_failed": 0, "result_url": "/"}


def _event(number: int, kind: str, data: dict[str, Any]) -> bytes:
    return f"event:{kind}\ndata:{json.dumps(data)}\nid:{number}-0\n\n".encode()


class _Endless(httpx.AsyncByteStream, httpx.SyncByteStream):
    """A stream of events that has one page and does not end."""

    def __iter__(self) -> Iterator[bytes]:
        yield _event(1, "page", DONE)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield _event(1, "page", DONE)
        await asyncio.Event().wait()


class Service:
    """Answers each request by its path, and records the requests."""

    def __init__(self, document: dict[str, Any] = DOCUMENT, *, endless: bool = False) -> None:
        self.asked: list[str] = []
        self._document = document
        self._endless = endless

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(f"{request.method} {request.url.path}")
        if request.url.path.endswith("/events"):
            if self._endless:
                return httpx.Response(200, stream=_Endless())
            return httpx.Response(200, content=_event(1, "page", DONE) + _event(2, "complete", END))
        if request.url.path.endswith("/result"):
            if request.url.params["format"] == "md":
                return httpx.Response(200, text="# Märkdown")
            return httpx.Response(200, json=self._document)
        return httpx.Response(200, json=ACCEPTED if request.method == "POST" else STATUS)

    def client(self) -> Client:
        return Client("http://service", transport=httpx.MockTransport(self), retry_for_s=0)

    def aclient(self) -> AsyncClient:
        return AsyncClient("http://service", transport=httpx.MockTransport(self), retry_for_s=0)


def _document(**changed: Any) -> SyncDocument:
    with Service({**DOCUMENT, **changed}).client() as client:
        return client.result(JOB)


def test_a_document_has_its_text_and_its_tables() -> None:
    document = _document()
    assert document.text == "Intro\nTwo lines\n\nEnd"
    (table,) = document.tables
    assert table.rows == [["Two lines", ""], ["below", ""]]
    assert (table.page_number, table.header_rows, table.cells[0].col_span) == (1, 1, 2)
    assert _document(pages=[]).tables == [] and _document(pages=[LOST]).text == ""


def test_only_a_document_that_was_read_completely_raises_nothing() -> None:
    _document().raise_for_status()
    partial = _document(status="partial", pages=[PAGE, LOST])
    partial.raise_for_status(pages=False)
    with pytest.raises(DocumentFailed, match="Too slow") as one:
        partial.raise_for_status()
    assert (one.value.problem_code, one.value.may_retry, one.value.hint) == ("page.timeout", True, "Try again.")
    for status in ("failed", "cancelled"):
        with pytest.raises(DocumentFailed):
            _document(status=status, error=PROBLEM, pages=[]).raise_for_status(pages=False)


def test_the_service_makes_the_markdown() -> None:
    async def fetch() -> str:
        async with Service().aclient() as client:
            return await (await client.process(b"%PDF-")).markdown()

    with Service().client() as client:
        assert client.result(JOB).markdown() == asyncio.run(fetch()) == "# Märkdown"


def test_the_progress_is_reported_also_to_a_coroutine_function() -> None:
    seen: list[JobEvent] = []

    async def later(event: JobEvent) -> None:
        await asyncio.sleep(0)
        seen.append(event)

    async def process(on_event: Callable[[JobEvent], object]) -> None:
        async with Service().aclient() as client:
            await client.process(b"%PDF-", on_event=on_event)

    with Service().client() as client:
        client.process(b"%PDF-", on_event=seen.append)
    asyncio.run(process(seen.append))
    asyncio.run(process(later))
    assert [type(event) for event in seen] == [PageDone, JobCompleted] * 3


@pytest.mark.parametrize("cancel_job", [False, True])
def test_a_cancelled_task_cancels_the_job_if_asked_to(cancel_job: bool) -> None:
    service, reached = Service(endless=True), asyncio.Event()

    async def main() -> None:
        async with service.aclient() as client:
            how: dict[str, Any] = {"cancel_job": cancel_job, "on_event": lambda event: reached.set()}
            task = asyncio.create_task(client.process(b"%PDF-", **how))
            await reached.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(main())
    assert (f"DELETE /jobs/{JOB}" in service.asked) == cancel_job


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
@pytest.mark.parametrize("cancel_job", [False, True])
def test_an_interrupted_wait_cancels_the_job_if_asked_to(cancel_job: bool, error: type[BaseException]) -> None:
    def interrupt(event: JobEvent) -> None:
        raise error

    service = Service(endless=True)
    with service.client() as client, pytest.raises(error):
        client.wait(JOB, on_event=interrupt, cancel_job=cancel_job)
    assert (f"DELETE /jobs/{JOB}" in service.asked) == cancel_job


def test_the_typed_formats_are_those_of_the_service() -> None:
    assert set(get_args(ResultFormat)) == set(FORMATS)
