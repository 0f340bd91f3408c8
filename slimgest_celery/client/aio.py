"""The client for asyncio: `sync`, awaited."""

from __future__ import annotations

import asyncio
import builtins
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from ..answers import Accepted
from ..model import Delivery, Document, Options, Page, Status
from . import calls
from .calls import Call
from .connection import RETRY_FOR_S, URL, replacing, settings
from .errors import checked
from .event import JobEvent
from .patience import FAILURES, Patience
from .tails import EventTail, PageTail, Tail
from .uploads import Pdf, opened

T = TypeVar("T")


class AsyncClient:
    """As `Client`, to be awaited. For one event loop; to be closed, or used as a context.

    What fails because the service is away or overloaded is tried again, for up to `retry_for_s` seconds after the first
    failure in a row (0: never) and as often as the service asks for; a full queue is waited at for `queue_for_s`
    (None: as long as that). Methods raise `ApiError`, `ServiceUnreachable` and `AnswerInvalid`.
    """

    def __init__(
        self,
        url: str = URL,
        api_key: str | None = None,
        *,
        retry_for_s: float = RETRY_FOR_S,
        queue_for_s: float | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.url = url
        self._retry_for_s = retry_for_s
        self._queue_for_s = retry_for_s if queue_for_s is None else queue_for_s
        self._http = httpx.AsyncClient(**settings(url, api_key), transport=transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Gives the connections back."""
        await self._http.aclose()

    # Reading PDFs

    async def process(
        self, pdf: Pdf, options: Options | None = None, password: str | None = None, *, filename: str | None = None
    ) -> Document:
        """Reads a PDF and returns its document, however long that takes; look at its `status`."""
        job_id = (await self.submit(pdf, options, password, filename=filename)).job_id
        await self.wait(job_id)
        return await self.result(job_id)

    async def submit(
        self,
        pdf: Pdf,
        options: Options | None = None,
        password: str | None = None,
        idempotency_key: str | None = None,
        callback_url: str | None = None,
        *,
        filename: str | None = None,
    ) -> Accepted:
        """Queues a PDF: a path, bytes, or a file open for reading bytes.

        With a key of your choice, the same submission made again (after a crash, say) makes one job. The end of the job
        is told to `callback_url`.
        """
        with opened(pdf, filename) as upload:
            return await self._send(calls.submit(upload, options, password, idempotency_key, callback_url))

    def stream(self, job_id: str, after: str | None = None) -> AsyncIterator[JobEvent]:
        """A job's events to its end, each once, from its first or from after an event's `id`.

        A lost connection is taken up where it broke.
        """
        return self._follow(EventTail(job_id, after))

    async def wait(self, job_id: str) -> Status:
        """Returns when a job has ended."""
        async for _ in self.stream(job_id):
            pass
        return await self.status(job_id)

    async def cancel(self, job_id: str) -> Status:
        """Cancels a job; what was read until then stays readable."""
        return await self._send(calls.cancel(job_id))

    async def retry(self, job_id: str, pages: str | None = None, password: str | None = None) -> Status:
        """Reads an ended job's failed pages again, or those that `pages` names."""
        return await self._send(calls.retry(job_id, pages, password))

    # What came of it

    async def status(self, job_id: str) -> Status:
        """Where a job stands."""
        return await self._send(calls.status(job_id))

    async def list(self, offset: int = 0, limit: int = 50) -> list[Status]:
        """Kept jobs, newest first."""
        return await self._send(calls.listing(offset, limit))

    async def result(self, job_id: str) -> Document:
        """An ended job's document."""
        return await self._send(calls.result(job_id))

    async def result_as(self, job_id: str, format: str, password: str | None = None) -> bytes:
        """An ended job's document in a format of the service, such as `md`, `alto` or `pdf`; waits until it is made.

        An encrypted PDF needs its password again to be made searchable.
        """
        return await self._send(calls.result_as(job_id, format, password))

    async def download(self, job_id: str, format: str, path: str | Path, password: str | None = None) -> Path:
        """As `result_as`, into a file, which is there whole or not at all; holds little of it in memory."""
        call, patience, target = calls.result_as(job_id, format, password), self._patience(), Path(path)
        while True:
            try:
                async with self._opened(call.request) as response:
                    with replacing(target) as file:
                        async for chunk in response.aiter_bytes():
                            await asyncio.to_thread(file.write, chunk)
                return target
            except FAILURES as failure:
                await asyncio.sleep(patience.wait_s(failure))

    def pages(self, job_id: str) -> AsyncIterator[Page]:
        """The pages of an ended job's document in order, each as it arrives."""
        return self._follow(PageTail(job_id))

    async def page(self, job_id: str, page_number: int) -> Page:
        """One page, as soon as it is read."""
        return await self._send(calls.page(job_id, page_number))

    async def image(self, job_id: str, page_number: int, dpi: int = 100, format: str = "webp") -> bytes:
        """A page of the PDF as an image (`webp`, `png` or `jpeg`), whether it was read or not."""
        return await self._send(calls.image(job_id, page_number, dpi, format))

    async def deliveries(self, job_id: str) -> builtins.list[Delivery]:
        """What was sent to a job's callback, attempt by attempt."""
        return await self._send(calls.deliveries(job_id))

    async def redeliver(self, job_id: str, delivery_id: str) -> Delivery:
        """Has a message sent to a job's callback again."""
        return await self._send(calls.redeliver(job_id, delivery_id))

    # The service

    async def service(self) -> dict[str, Any]:
        """What `GET /` says of workers and queue."""
        return await self._send(calls.service())

    async def ready(self) -> bool:
        """Whether the service is there and can read pages now."""
        try:
            return (await self._http.request(**calls.ready())).status_code == 200
        except httpx.TransportError:
            return False

    # Sending

    async def _send(self, call: Call[T]) -> T:
        patience = self._patience(call.repeatable)
        while True:
            try:
                return call.answer(await self._http.request(**call.request))
            except FAILURES as failure:
                await asyncio.sleep(patience.wait_s(failure))

    async def _follow(self, tail: Tail[T]) -> AsyncIterator[T]:
        patience = self._patience()
        while not tail.ended:
            try:
                async with self._opened(tail.request()) as response:
                    if response.status_code == 204:  # nothing came after the last event
                        return
                    async for chunk in response.aiter_bytes():
                        patience.renew()
                        for item in tail.take(chunk):
                            yield item
                        if tail.ended:
                            return
                tail.close()
            except FAILURES as failure:
                await asyncio.sleep(patience.wait_s(failure))

    @asynccontextmanager
    async def _opened(self, request: dict[str, Any]) -> AsyncIterator[httpx.Response]:
        """A good answer, whose body is to be read."""
        async with self._http.stream(**request) as response:
            if response.status_code != 200:
                await response.aread()
            yield checked(response)

    def _patience(self, repeatable: bool = True) -> Patience:
        return Patience(self.url, self._retry_for_s, self._queue_for_s, repeatable)
