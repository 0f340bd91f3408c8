"""What happens to a PDF in a worker: planned, read span by span, assembled. Plain functions; tasks.py calls them."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, cast

from redis.exceptions import RedisError

from . import metrics, tracing
from .desk import Desk
from .errors import (
    AllPagesFailed,
    BrokerUnavailable,
    JobFailure,
    JobWorkerLost,
    PageFailure,
    PageWorkerLost,
    StorageUnavailable,
)
from .guard import resident_bytes
from .jobs import Jobs
from .metrics import Increments
from .model import End, Job, JobStatus, Mode, Page, Plan, Problem, Source, now
from .model import Engine as EngineRecord
from .open_jobs import OpenJob
from .overlap import overlapped
from .pace import span_length
from .page_reading import failed_page, finish_batch, prepare, read_batch
from .pdf import Pdf
from .recall import Recall, recalling
from .spans import Span, batched_length, chosen, expected_source, has_text, spans

MAX_ATTEMPTS = 3
# Pages read since the last were stored wait at most this long to be stored and told.
_TELL_EVERY_S = 0.25
_log = logging.getLogger(__name__)


# --- Planned ----------------------------------------------------------------------------------------------------------


def plan(desk: Desk, job_id: str, run: int = 0) -> list[Span]:
    """Opens a job's PDF, plans its pages, tells `start`. Returns the spans still to be read.

    A PDF that cannot be read ends the job here, and there is nothing to read. Repeating it is harmless.
    """
    jobs = desk.jobs
    if end := jobs.end(job_id):
        jobs.tell_end(job_id, end, run)
        return []
    attempt, over = jobs.ledger.begin(job_id, 0, 0, run)
    if over:
        return []
    with _at_work(desk, job_id, 0, 0):
        if attempt > MAX_ATTEMPTS:
            fail(jobs, job_id, JobWorkerLost())
            return []
        try:
            found = _plan(desk, job_id, run, anew=run == 0 and attempt == 1)
        except JobFailure as error:
            fail(jobs, job_id, error)
            return []
    jobs.ledger.forgive(job_id, 0, 0)  # it opened: ingest may run again for other reasons than its worker's death
    return found


def _plan(desk: Desk, job_id: str, run: int, anew: bool) -> list[Span]:
    began_at = now()
    job = desk.open_jobs.hold(job_id, run, lambda: desk.watch(job_id, None))
    with desk.watch(job_id, None):
        page_numbers = chosen(job.record.options, len(job.pdf), desk.jobs.settings.max_pages)
        source = expected_source(job.pdf, job.record.options, page_numbers)
    _start(desk, job.record, page_numbers, began_at)
    there = _told_again(desk, job_id, len(page_numbers))
    if anew and not there and source == Source.OCR:
        with desk.watch(job_id, None):
            there = _recalled(desk, job_id, page_numbers, recalling(desk, job))
    left = [number for number in page_numbers if number not in there]
    return list(spans(left, _span_length(desk, source)))


def _start(desk: Desk, job: Job, page_numbers: list[int], began_at: datetime) -> None:
    jobs = desk.jobs
    engine = EngineRecord(name=desk.engine.name, version=desk.engine.version)
    jobs.files.put_plan(job.job_id, Plan(page_numbers=page_numbers, engine=engine, started_at=now()))
    jobs.ledger.planned(job.job_id, len(page_numbers))
    jobs.events.start(job.job_id, job.filename, len(page_numbers), _of_start(job, began_at))
    _log.info("job planned", extra={"job_id": job.job_id, "request_id": job.request_id, "worker": desk.worker})


def _of_start(job: Job, began_at: datetime) -> Increments:
    """What a job counts when its pages are planned: how long it waited for that, and how long that took."""
    wait, took = began_at - job.created_at, now() - began_at
    return {
        **metrics.seconds(metrics.JOB_SECONDS, "wait", wait.total_seconds()),
        **metrics.seconds(metrics.JOB_SECONDS, "plan", took.total_seconds()),
    }


def _told_again(desk: Desk, job_id: str, total: int) -> set[int]:
    """Where ingest runs again, what was read before is told, where it has not been, and not read again; returns it."""
    stored = desk.jobs.files.pages(job_id)
    if stored:
        desk.jobs.events.pages(job_id, list(stored.values()), total, desk.engine.name)
    return set(stored)


def _recalled(desk: Desk, job_id: str, page_numbers: Sequence[int], recall: Recall) -> set[int]:
    """Stores and tells pages that other jobs have read; returns which. What is left out is recalled by its task."""
    there: set[int] = set()
    for pages in recall.many(page_numbers):
        _keep(desk.jobs, job_id, pages, len(page_numbers), desk.engine.name, recall)
        there.update(page.page_number for page in pages)
    return there


def _span_length(desk: Desk, source: Source) -> Callable[[int], int]:
    """How many pages make a task, by how many are left to be shared out."""
    if source == Source.OCR and desk.engine.batch_size > 1:
        return lambda _left: batched_length(desk.engine.batch_size)
    page_s, workers = desk.pace.page_s(source), len(desk.jobs.roster.workers())
    return lambda left: span_length(page_s, left, workers)


@contextmanager
def _at_work(desk: Desk, job_id: str, first: int, last: int) -> Iterator[None]:
    """Shows what the worker does. An attempt that fails for want of storage or Redis is no fault of the pages."""
    desk.jobs.roster.busy(desk.worker, job_id, first)
    pages = 0
    try:
        yield
        pages = last - first + 1 if first else 0
    except (StorageUnavailable, BrokerUnavailable, RedisError):
        desk.jobs.ledger.forgive(job_id, first, last)
        raise
    finally:
        desk.jobs.roster.idle(desk.worker, pages, resident_bytes() >> 20)


# --- Read -------------------------------------------------------------------------------------------------------------


def read(desk: Desk, job_id: str, first: int, last: int, run: int = 0) -> None:
    """Reads a span's pages; each is stored, then told. A page's own fault is a stored record, not an exception.

    A span begun before (its worker died) is read page by page: a page that a worker died of MAX_ATTEMPTS times is
    given up, and costs only itself.
    """
    jobs = desk.jobs
    attempt, over = jobs.ledger.begin(job_id, first, last, run)
    if over:
        return
    with _at_work(desk, job_id, first, last):
        if jobs.end(job_id):
            return
        job = desk.open_jobs.hold(job_id, run)
        page_numbers = range(first, last + 1)
        if attempt > 1:  # nor recalled: the worker may have died of that
            _read_singly(desk, job, page_numbers, attempt)
            return
        recall = recalling(desk, job, serves=run == 0)  # what a retry reads again it reads
        if desk.engine.batch_size > 1:
            _read_overlapped(desk, job, page_numbers, recall)
        else:
            _read_span(desk, job, page_numbers, recall)


def _read_span(desk: Desk, job: OpenJob, page_numbers: Sequence[int], recall: Recall) -> None:
    with _Tray(desk, job, page_numbers[0], recall) as tray:
        for number in page_numbers:
            with desk.watch(job.record.job_id, [number]):
                pages = read_batch(desk, job.pdf, job.record.options, [number], recall.page)
            tray.put(pages)


def _read_overlapped(desk: Desk, job: OpenJob, page_numbers: Sequence[int], recall: Recall) -> None:
    """As `_read_span`, for an engine that takes several pages: it reads while others are rendered, stored and told."""
    with _ahead(desk, job, page_numbers) as (pages, ready), _Tray(desk, job, page_numbers[0], recall) as tray:
        batches = overlapped(
            page_numbers,
            lambda number: prepare(desk, pages, job.record.options, number, recall.page),
            lambda prepared: finish_batch(desk, prepared),
            desk.engine.batch_size,
            ready,
        )
        while True:
            with desk.watch(job.record.job_id, page_numbers):  # none of them can be blamed: see tasks.condemn
                batch = next(batches, None)
            if batch is None:
                break
            tray.put(batch)


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
    with desk.watch(job.record.job_id, page_numbers):
        return all(has_text(job.pdf, page_numbers[place]) for place in (0, len(page_numbers) // 2, -1))


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
            _keep(desk.jobs, job.record.job_id, self._pages, job.total, desk.engine.name, self._recall)
            desk.pace.note(self._pages)
        self._pages, self._told_s = [], time.monotonic()


def _read_singly(desk: Desk, job: OpenJob, page_numbers: Sequence[int], span_attempt: int) -> None:
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
        _keep(jobs, job_id, [page], job.total, desk.engine.name)


def _keep(jobs: Jobs, job_id: str, pages: list[Page], total: int, engine: str, recall: Recall | None = None) -> None:
    """Stored, then told; and made known to other jobs."""
    jobs.files.put_pages(job_id, pages)
    jobs.events.pages(job_id, pages, total, engine)
    if recall:
        recall.keep(pages)
    for page in pages:
        _log.info("page read", extra=_about(job_id, page))
        tracing.note("page read", _about(job_id, page))


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


def give_up(jobs: Jobs, job_id: str, page_number: int, error: PageFailure) -> None:
    """Records a page that went past a limit, before its worker child ends."""
    plan = jobs.files.plan(job_id)
    total, engine = (len(plan.page_numbers), plan.engine.name) if plan else (0, metrics.NONE)
    _keep(jobs, job_id, [failed_page(page_number, error)], total, engine)


# --- Assembled --------------------------------------------------------------------------------------------------------


def assemble(jobs: Jobs, job_id: str, run: int = 0) -> End | None:
    """Ends a job: writes its end state. Chord body and errback alike; harmless when repeated.

    Pages that are nowhere (their tasks died with all their attempts) are recorded as failed first. A finish of an
    earlier run, from before a retry, does nothing and gives None.
    """
    if jobs.ledger.run(job_id) != run:
        return None
    end, plan = jobs.files.end(job_id), jobs.files.plan(job_id)
    if end is None and plan is None:
        return fail(jobs, job_id, JobWorkerLost())
    if end is None and plan is not None:
        jobs.ledger.touch(job_id)
        well = {page.page_number: page.status == "ok" for page in jobs.files.each_stored(job_id)}
        for number in plan.page_numbers:
            if number not in well:
                lost = failed_page(number, PageWorkerLost())
                _keep(jobs, job_id, [lost], len(plan.page_numbers), plan.engine.name)
        end = jobs.files.put_end(job_id, _verdict([well.get(number, False) for number in plan.page_numbers]))
    return jobs.tell_end(job_id, end, run) if end else None


def fail(jobs: Jobs, job_id: str, error: JobFailure) -> End:
    """Ends a job whose PDF could not be read."""
    return jobs.conclude(job_id, End(status=JobStatus.FAILED, completed_at=now(), error=Problem.of(error)))


def _verdict(well: Sequence[bool]) -> End:
    failed = len(well) - sum(well)
    status = JobStatus.COMPLETED if not failed else JobStatus.FAILED if failed == len(well) else JobStatus.PARTIAL
    error = Problem.of(AllPagesFailed()) if status == JobStatus.FAILED else None
    return End(status=status, completed_at=now(), pages_failed=failed, error=error)
