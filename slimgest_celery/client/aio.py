"""The asynchronous client: the same methods as in sync.py, as coroutines."""

from __future__ import annotations

import asyncio
import builtins
import inspect
from asyncio import CancelledError
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from slimgest_celery.client import endpoints
from slimgest_celery.client.config import CONNECT_S, JOBS_AT_ONCE, RETRY_FOR_S, URL, atomic_write, connection_options
from slimgest_celery.client.documents import AsyncDocument
from slimgest_celery.client.endpoints import Call, ImageFormat, ResultFormat
from slimgest_celery.client.errors import check_response
from slimgest_celery.client.events import JobEvent, OnEvent
from slimgest_celery.client.retries import FAILURES, RetryPolicy
from slimgest_celery.client.streams import ResumableEvents, ResumablePages, ResumableStream
from slimgest_celery.client.uploads import Pdf, open_upload
from slimgest_celery.models.job import JobStatus, Options, Status
from slimgest_celery.models.page import Page
from slimgest_celery.models.responses import Accepted
from slimgest_celery.models.results import FormatOptions
from slimgest_celery.models.webhooks import Delivery

T = TypeVar("T")


class AsyncClient:
    """A client of one service for one event loop. Close it, or use it as an asynchronous context manager.

    The client retries requests that fail because the service is unreachable or overloaded. It gives up `retry_for_s`
    seconds after the first failure in a row (0: no retries). It waits as long as the service asks. While the queue is
    full, it waits up to `queue_for_s` seconds (None: `retry_for_s`). Methods raise `ApiError`, `ServiceUnreachable` and
    `AnswerInvalid`.
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
        self._http = httpx.AsyncClient(**connection_options(url, api_key), transport=transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    # Reading PDFs

    async def process(
        self,
        pdf: Pdf,
        options: Options | None = None,
        password: str | None = None,
        *,
        filename: str | None = None,
        on_event: OnEvent | None = None,
        cancel_job: bool = False,
    ) -> AsyncDocument:
        """Read a PDF or an image and return its document, however long that takes.

        Check the document's `status`, or call its `raise_for_status`. `on_event` and `cancel_job` are those of `wait`.
        """
        job_id = (await self.submit(pdf, options, password, filename=filename)).job_id
        await self.wait(job_id, on_event=on_event, cancel_job=cancel_job)
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
        callback_format: ResultFormat | None = None,
    ) -> Accepted:
        """Queue a PDF or an image: a path, bytes, or a file opened for reading bytes.

        With an `idempotency_key` of your own, a submission that is repeated (for example after a crash) creates one
        job. The service sends a signed message to `callback_url` when the job ends, with the document in
        `callback_format`, if one is given.
        """
        with open_upload(pdf, filename) as upload:
            return await self._send(
                endpoints.submit(upload, options, password, idempotency_key, callback_url, callback_format)
            )

    def stream(self, job_id: str, after: str | None = None) -> AsyncIterator[JobEvent]:
        """Yield each event of a job once, to the last one, from the first one or after the event with the id `after`.

        The stream resumes after a lost connection.
        """
        return self._follow(ResumableEvents(job_id, after))

    async def wait(self, job_id: str, *, on_event: OnEvent | None = None, cancel_job: bool = False) -> Status:
        """Wait until a job has ended, and return its status.

        `on_event` is called with each event, for example to show the progress; with `AsyncClient`, it may be a
        coroutine function. With `cancel_job`, the job is cancelled if the waiting ends early: Ctrl-C, an exception in
        `on_event`, or the cancellation of the asyncio task.
        """
        try:
            async for event in self.stream(job_id):
                if on_event and inspect.isawaitable(outcome := on_event(event)):
                    await outcome
        except (CancelledError, Exception):
            if cancel_job:
                await self._cancel_once(job_id)
            raise
        return await self.status(job_id)

    async def cancel(self, job_id: str) -> Status:
        """Cancel a job. The pages read before are kept."""
        return await self._send(endpoints.cancel(job_id))

    async def delete(self, job_id: str) -> None:
        """Delete a job for good, with everything that the service has stored about it."""
        await self._send(endpoints.delete(job_id))

    async def retry(self, job_id: str, pages: str | None = None, password: str | None = None) -> Status:
        """Read the failed pages of an ended job again, or those in `pages`, such as `1-3,7`."""
        return await self._send(endpoints.retry(job_id, pages, password))

    # Results

    async def status(self, job_id: str) -> Status:
        """Return the status of a job."""
        return await self._send(endpoints.status(job_id))

    async def list(
        self,
        offset: int = 0,
        limit: int = 50,
        *,
        status: JobStatus | Collection[JobStatus] = (),
        filename: str | None = None,
        since: datetime | None = None,
    ) -> list[Status]:
        """Return stored jobs, newest first: those with this status, a file name with this part, submitted since then.

        `jobs` takes the same arguments and returns all of them.
        """
        call = endpoints.listing(status=status, filename=filename, since=since, offset=offset, limit=limit)
        return (await self._send(call)).jobs

    async def jobs(
        self,
        *,
        status: JobStatus | Collection[JobStatus] = (),
        filename: str | None = None,
        since: datetime | None = None,
    ) -> AsyncIterator[Status]:
        """Yield all stored jobs that `list` selects, newest first. Jobs submitted meanwhile are left out."""
        cursor: str | None = None
        while True:
            call = endpoints.listing(status=status, filename=filename, since=since, cursor=cursor, limit=JOBS_AT_ONCE)
            part = await self._send(call)
            for entry in part.jobs:
                yield entry
            if (cursor := part.next_cursor) is None:
                return

    async def result(self, job_id: str) -> AsyncDocument:
        """Return the document of an ended job."""
        document = await self._send(endpoints.result(job_id, AsyncDocument))
        document._client = self
        return document

    async def result_as(
        self, job_id: str, format: ResultFormat, password: str | None = None, options: FormatOptions | None = None
    ) -> bytes:
        """Return the document of an ended job in a format, such as `md`, `alto` or `pdf`. Wait until it is ready.

        The searchable PDF of an encrypted PDF needs the password again. `options` are the title, headers and so on.
        """
        return await self._send(endpoints.result_as(job_id, format, password, options))

    async def download(
        self,
        job_id: str,
        format: ResultFormat,
        path: str | Path,
        password: str | None = None,
        options: FormatOptions | None = None,
    ) -> Path:
        """Write the result of `result_as` to a file, completely or not at all, with little memory."""
        call, retry_policy = endpoints.result_as(job_id, format, password, options), self._retry_policy()
        target = Path(path)
        while True:
            try:
                async with self._open(call.request) as response:
                    with atomic_write(target) as file:
                        async for chunk in response.aiter_bytes():
                            await asyncio.to_thread(file.write, chunk)
                return target
            except FAILURES as failure:
                await asyncio.sleep(retry_policy.wait_s(failure))

    def pages(self, job_id: str) -> AsyncIterator[Page]:
        """Yield the pages of an ended job's document in order, each as it arrives."""
        return self._follow(ResumablePages(job_id))

    async def page(self, job_id: str, page_number: int) -> Page:
        """Return one page. The page is available as soon as it is read."""
        return await self._send(endpoints.page(job_id, page_number))

    async def image(self, job_id: str, page_number: int, dpi: int = 100, format: ImageFormat = "webp") -> bytes:
        """Return the image of a page as `webp`, `png` or `jpeg`. The page need not have been read."""
        return await self._send(endpoints.image(job_id, page_number, dpi, format))

    async def deliveries(self, job_id: str) -> builtins.list[Delivery]:
        """Return the webhook messages of a job, with all attempts."""
        return await self._send(endpoints.deliveries(job_id))

    async def redeliver(self, job_id: str, delivery_id: str) -> Delivery:
        """Send a webhook message of a job again."""
        return await self._send(endpoints.redeliver(job_id, delivery_id))

    # The service

    async def service(self) -> dict[str, Any]:
        """Return the answer of `GET /`: the workers and the queue."""
        return await self._send(endpoints.service())

    async def ready(self) -> bool:
        """Return True if the service answers and can read pages now."""
        try:
            return (await self._http.request(**endpoints.ready())).status_code == 200
        except httpx.TransportError:
            return False

    # Requests

    async def _cancel_once(self, job_id: str) -> None:
        """Try to cancel a job, for a few seconds at most: the caller is ending."""
        with suppress(httpx.HTTPError):
            await self._http.request(**endpoints.cancel(job_id).request, timeout=CONNECT_S)

    async def _send(self, call: Call[T]) -> T:
        retry_policy = self._retry_policy(call.repeatable)
        while True:
            try:
                return call.parse(await self._http.request(**call.request))
            except FAILURES as failure:
                await asyncio.sleep(retry_policy.wait_s(failure))

    async def _follow(self, stream: ResumableStream[T]) -> AsyncIterator[T]:
        retry_policy = self._retry_policy()
        while not stream.ended:
            try:
                async with self._open(stream.request()) as response:
                    if response.status_code == 204:  # the job has no further events
                        return
                    async for chunk in response.aiter_bytes():
                        retry_policy.reset()
                        for item in stream.feed(chunk):
                            yield item
                        if stream.ended:
                            return
                stream.close()
            except FAILURES as failure:
                await asyncio.sleep(retry_policy.wait_s(failure))

    @asynccontextmanager
    async def _open(self, request: dict[str, Any]) -> AsyncIterator[httpx.Response]:
        """Open a successful response, whose body is not read yet."""
        async with self._http.stream(**request) as response:
            if response.status_code != 200:
                await response.aread()
            yield check_response(response)

    def _retry_policy(self, repeatable: bool = True) -> RetryPolicy:
        return RetryPolicy(self.url, self._retry_for_s, self._queue_for_s, repeatable)
