"""Three ways to read a page range: in order, in batches, or one by one after a worker died. Pages are stored, then
published."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

from slimgest_celery.errors import PageWorkerLost
from slimgest_celery.models.job import Mode
from slimgest_celery.models.page import Page, Source
from slimgest_celery.pdf.document import Pdf
from slimgest_celery.pipeline.context import WorkerContext
from slimgest_celery.pipeline.page_reuse import PageReuse
from slimgest_celery.pipeline.page_store import store_and_publish
from slimgest_celery.pipeline.pdf_session import PdfSession
from slimgest_celery.pipeline.watchdog import Blame
from slimgest_celery.reading.dynamic_batching import read_in_batches
from slimgest_celery.reading.page_reader import failed_page
from slimgest_celery.reading.text_layer_decision import predict_source

MAX_ATTEMPTS = 3
_PUBLISH_EVERY_S = 0.25  # the longest time that a page waits to be stored together with others


def read_in_order(
    context: WorkerContext, session: PdfSession, page_numbers: Sequence[int], reuse: PageReuse
) -> Sequence[int]:
    """Read pages one after the other.

    Return the pages not read because higher-priority work is waiting. All earlier pages are stored and published.
    """
    job_id, options = session.record.job_id, session.record.options
    pages_to_read, verdicts = _PreemptiblePages(context, session, page_numbers), context.font_verdicts(job_id)
    with _ResultBuffer(context, session, page_numbers[0], reuse) as buffer:
        for number in pages_to_read:
            with context.watch(job_id, Blame.page(number)):
                pages = context.reader.read_pages(session.pdf, options, [number], reuse.page, verdicts)
            buffer.add(pages)
    return pages_to_read.remaining


def read_batches(
    context: WorkerContext, session: PdfSession, page_numbers: Sequence[int], reuse: PageReuse
) -> Sequence[int]:
    """As `read_in_order`, for an engine that reads several pages at once, while others are rendered and stored."""
    job_id, options = session.record.job_id, session.record.options
    pages_to_read, verdicts = _PreemptiblePages(context, session, page_numbers), context.font_verdicts(job_id)
    two_batches = min(len(page_numbers), 2 * context.engine.batch_size)  # one is read while another is prepared
    with (
        _rendered_ahead(context, session, page_numbers) as (pdf, ready),
        _ResultBuffer(context, session, page_numbers[0], reuse) as buffer,
    ):
        batches = read_in_batches(
            pages_to_read,
            lambda number: context.reader.prepare_page(pdf, options, number, reuse.page, verdicts),
            context.reader.finish_pages,
            context.engine.batch_size,
            ready,
        )
        while True:
            with context.watch(job_id, Blame.nobody(), page_count=two_batches):
                batch = next(batches, None)
            if batch is None:
                break
            buffer.add(batch)
    return pages_to_read.remaining


def read_one_by_one(
    context: WorkerContext, session: PdfSession, page_numbers: Sequence[int], range_attempt: int
) -> None:
    """Read the pages of a range again after its worker died: each page has a limit of attempts. Skip stored pages."""
    job_id, options, engine = session.record.job_id, session.record.options, context.engine.name
    verdicts = context.font_verdicts(job_id)
    stored = context.files.pages(job_id, page_numbers[0], page_numbers[-1])
    context.events.publish_pages(job_id, list(stored.values()), session.total, engine)
    for number in page_numbers:
        if number in stored:
            continue
        attempt = range_attempt
        if len(page_numbers) > 1:  # the first attempt at the range counts for each page; then each page has its own
            attempt = 1 + context.job_state.begin_attempt(job_id, number, number)[0]
        if attempt > MAX_ATTEMPTS:
            page = failed_page(number, PageWorkerLost(), worker=context.worker)
        else:
            with context.watch(job_id, Blame.page(number)):
                (page,) = context.reader.read_pages(session.pdf, options, [number], verdicts=verdicts)
        page = page.model_copy(update={"attempts": min(attempt, MAX_ATTEMPTS)})
        store_and_publish(job_id, [page], session.total, engine, files=context.files, events=context.events)


class _PreemptiblePages:
    """An iterator of pages that stops when higher-priority work waits. It yields at least one page."""

    def __init__(self, context: WorkerContext, session: PdfSession, page_numbers: Sequence[int]) -> None:
        self.remaining = page_numbers
        self._context, self._session = context, session

    def __iter__(self) -> Iterator[int]:
        while self.remaining:
            number, self.remaining = self.remaining[0], self.remaining[1:]
            yield number
            if number == self._session.first:  # the second page of a short document must not wait for another one
                continue
            if self.remaining and self._context.should_yield():
                return


class _ResultBuffer:
    """Collects pages for a short time, so that pages that are read quickly are stored together."""

    def __init__(self, context: WorkerContext, session: PdfSession, first: int, reuse: PageReuse) -> None:
        self._context, self._session, self._reuse = context, session, reuse
        self._pages: list[Page] = []
        # The first page of a job is published at once.
        self._published_s = -math.inf if first == session.first else time.monotonic()
        self._flushed_s = time.monotonic()

    def __enter__(self) -> _ResultBuffer:
        return self

    def add(self, pages: list[Page]) -> None:
        self._pages += pages
        if time.monotonic() - self._published_s > _PUBLISH_EVERY_S:
            self._flush()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._flush()

    def _flush(self) -> None:
        if self._pages:
            context, session = self._context, self._session
            store_and_publish(
                session.record.job_id,
                self._pages,
                session.total,
                context.engine.name,
                files=context.files,
                events=context.events,
                reuse=self._reuse,
            )
            context.page_timings.record(context.engine.name, self._pages, time.monotonic() - self._flushed_s)
        self._pages, self._published_s = [], time.monotonic()
        self._flushed_s = self._published_s


@contextmanager
def _rendered_ahead(
    context: WorkerContext, session: PdfSession, page_numbers: Sequence[int]
) -> Iterator[tuple[Pdf, Callable[[int, float], bool]]]:
    """Yield the PDF, which helper processes render ahead if there are any, and a function: True if a page is ready."""
    options = session.record.options
    if context.render_pool is None or _has_text_layer(context, session, page_numbers):
        yield session.pdf, lambda _number, _wait_s: True
        return
    how: dict[str, Any] = {"dpi": options.dpi, "max_pixels": context.settings.max_page_pixels}
    skip_text_pages = options.mode == Mode.AUTO
    with context.render_pool.render_ahead(
        session.pdf, session.source, page_numbers, skip_text_pages=skip_text_pages, **how
    ) as pdf:
        yield cast(Pdf, pdf), pdf.is_ready


def _has_text_layer(context: WorkerContext, session: PdfSession, page_numbers: Sequence[int]) -> bool:
    """Return True if these pages are probably read from their text layers: then there is nothing to render."""
    sample = sorted({page_numbers[index] for index in (0, len(page_numbers) // 2, -1)})
    with context.watch(session.record.job_id, Blame.pages(sample), page_count=len(sample)):
        return predict_source(session.pdf, session.record.options.mode, sample) == Source.TEXT_LAYER
