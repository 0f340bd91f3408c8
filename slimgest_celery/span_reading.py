"""A span of a job's pages: read one after the other, or several at once, or singly; stored, then told."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

from . import tracing
from .desk import Desk
from .errors import PageWorkerLost
from .jobs import Jobs
from .model import Mode, Page
from .open_jobs import OpenJob
from .overlap import overlapped
from .page_reading import failed_page, finish_batch, prepare, read_batch
from .pdf import Pdf
from .recall import Recall
from .spans import has_text

MAX_ATTEMPTS = 3
# Pages read since the last were stored wait at most this long to be stored and told.
_TELL_EVERY_S = 0.25
_log = logging.getLogger(__name__)


def read_span(desk: Desk, job: OpenJob, page_numbers: Sequence[int], recall: Recall) -> Sequence[int]:
    """Returns the pages that were left for the sake of more urgent work; all before them are stored and told."""
    row = _Row(desk, job, page_numbers)
    with _Tray(desk, job, page_numbers[0], recall) as tray:
        for number in row:
            with desk.watch(job.record.job_id, [number]):
                pages = read_batch(desk, job.pdf, job.record.options, [number], recall.page)
            tray.put(pages)
    return row.left


def read_overlapped(desk: Desk, job: OpenJob, page_numbers: Sequence[int], recall: Recall) -> Sequence[int]:
    """As `read_span`, for an engine that takes several pages: it reads while others are rendered, stored and told."""
    row = _Row(desk, job, page_numbers)
    two_batches = page_numbers[: 2 * desk.engine.batch_size]  # one is read while another is prepared
    with _ahead(desk, job, page_numbers) as (pages, ready), _Tray(desk, job, page_numbers[0], recall) as tray:
        batches = overlapped(
            row,
            lambda number: prepare(desk, pages, job.record.options, number, recall.page),
            lambda prepared: finish_batch(desk, prepared),
            desk.engine.batch_size,
            ready,
        )
        while True:
            with desk.watch(job.record.job_id, two_batches):  # none of them can be blamed: see tasks.condemn
                batch = next(batches, None)
            if batch is None:
                break
            tray.put(batch)
    return row.left


class _Row:
    """Pages one after the other, until all are read or more urgent work waits; one is read in any case."""

    def __init__(self, desk: Desk, job: OpenJob, page_numbers: Sequence[int]) -> None:
        self.left = page_numbers
        self._desk, self._job = desk, job

    def __iter__(self) -> Iterator[int]:
        while self.left:
            number, self.left = self.left[0], self.left[1:]
            yield number
            if number == self._job.first:  # a letter's second page is to wait for no other letter
                continue
            if self.left and self._desk.urgent():
                return


@contextmanager
def _ahead(desk: Desk, job: OpenJob, page_numbers: Sequence[int]) -> Iterator[tuple[Pdf, Callable[[int, float], bool]]]:
    """The PDF, rendered ahead where there are helpers for that, and whether a page of it is ready."""
    options = job.record.options
    if desk.renderers is None or _is_text(desk, job, page_numbers):
        yield job.pdf, lambda _number, _wait_s: True
        return
    how: dict[str, Any] = {"dpi": options.dpi, "max_pixels": desk.jobs.settings.max_page_pixels}
    look_for_text = options.mode == Mode.AUTO
    with desk.renderers.ahead(job.pdf, job.source, page_numbers, look_for_text=look_for_text, **how) as pages:
        yield cast(Pdf, pages), pages.ready


def _is_text(desk: Desk, job: OpenJob, page_numbers: Sequence[int]) -> bool:
    """Whether these pages are to be had from their text layers, by all signs: then there is nothing to render."""
    if job.record.options.mode != Mode.AUTO:
        return job.record.options.mode == Mode.TEXT
    sample = sorted({page_numbers[place] for place in (0, len(page_numbers) // 2, -1)})
    with desk.watch(job.record.job_id, sample):
        return all(has_text(job.pdf, number) for number in sample)


class _Tray:
    """Pages read and not yet stored: they wait a little, so that what is read quickly is stored together."""

    def __init__(self, desk: Desk, job: OpenJob, first: int, recall: Recall) -> None:
        self._desk, self._job, self._recall = desk, job, recall
        self._pages: list[Page] = []
        # A job's first page is told as soon as it is there.
        self._told_s = -math.inf if first == job.first else time.monotonic()

    def __enter__(self) -> _Tray:
        return self

    def put(self, pages: list[Page]) -> None:
        self._pages += pages
        if time.monotonic() - self._told_s > _TELL_EVERY_S:
            self._empty()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._empty()

    def _empty(self) -> None:
        if self._pages:
            desk, job = self._desk, self._job
            keep(desk.jobs, job.record.job_id, self._pages, job.total, desk.engine.name, self._recall)
            desk.pace.note(self._pages)
        self._pages, self._told_s = [], time.monotonic()


def read_singly(desk: Desk, job: OpenJob, page_numbers: Sequence[int], span_attempt: int) -> None:
    jobs, job_id = desk.jobs, job.record.job_id
    stored = jobs.files.pages(job_id, page_numbers[0], page_numbers[-1])
    jobs.events.pages(job_id, list(stored.values()), job.total, desk.engine.name)
    for number in page_numbers:
        if number in stored:
            continue
        attempt = span_attempt
        if len(page_numbers) > 1:  # the span's first attempt was one for each of its pages; then each page has its own
            attempt = 1 + jobs.ledger.begin(job_id, number, number)[0]
        if attempt > MAX_ATTEMPTS:
            page = failed_page(number, PageWorkerLost(), worker=desk.worker)
        else:
            with desk.watch(job_id, [number]):
                (page,) = read_batch(desk, job.pdf, job.record.options, [number])
        page = page.model_copy(update={"attempts": min(attempt, MAX_ATTEMPTS)})
        keep(jobs, job_id, [page], job.total, desk.engine.name)


def keep(jobs: Jobs, job_id: str, pages: list[Page], total: int, engine: str, recall: Recall | None = None) -> None:
    """Stored, then told; and made known to other jobs."""
    jobs.files.put_pages(job_id, pages)
    jobs.events.pages(job_id, pages, total, engine)
    if recall:
        recall.keep(pages)
    for page in pages:
        about = _about(job_id, page)
        _log.info("page read", extra=about)
        tracing.note("page read", about)


def _about(job_id: str, page: Page) -> dict[str, object]:
    """What the log and the trace say of a page."""
    return {
        "job_id": job_id,
        "page_number": page.page_number,
        "worker": page.worker,
        "attempt": page.attempts,
        "status": page.status,
        "source": page.source and page.source.value,
        "cached": page.cached,
        "code": page.error and page.error.code,
        "seconds": round(page.seconds.render + page.seconds.read, 4),
    }
