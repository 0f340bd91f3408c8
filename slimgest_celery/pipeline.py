"""What happens to a PDF in a worker: planned, read span by span, assembled. Plain functions; tasks.py calls them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime

from redis.exceptions import RedisError

from . import metrics
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
from .last_pages import longest_first
from .metrics import Increments
from .model import End, Job, JobStatus, Plan, Problem, Source, now
from .model import Engine as EngineRecord
from .pace import span_length
from .page_reading import failed_page
from .recall import Recall, recalling
from .span_reading import MAX_ATTEMPTS, keep, read_overlapped, read_singly, read_span
from .spans import GIVEN_BACK, Span, batched_length, chosen, expected_source, spans

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
    found = list(spans(left, _span_length(desk, source)))
    if source != Source.OCR or not anew:  # text takes too little time for what it would take to look at it
        return found
    with desk.watch(job_id, page_numbers[-2:]):  # two: neither they nor the PDF are to blame (tasks.condemn)
        return longest_first(found, job.pdf, len(desk.jobs.roster.workers()))


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
        keep(desk.jobs, job_id, pages, len(page_numbers), desk.engine.name, recall)
        there.update(page.page_number for page in pages)
    return there


def _span_length(desk: Desk, source: Source) -> Callable[[int], int]:
    """How many pages make a task, by how many are left to be shared out."""
    if source == Source.OCR and desk.engine.batch_size > 1:
        return lambda _left: batched_length(desk.engine.batch_size)
    page_s, workers = desk.pace.page_s(source), len(desk.jobs.roster.workers())
    return lambda left: span_length(page_s, left, workers)


@contextmanager
def _at_work(desk: Desk, job_id: str, first: int, last: int) -> Iterator[list[int]]:
    """Shows what the worker does; how many pages it has read is to be added to what this yields.

    An attempt that fails for want of storage or Redis is no fault of the pages.
    """
    desk.jobs.roster.busy(desk.worker, job_id, first)
    read: list[int] = []
    try:
        yield read
    except (StorageUnavailable, BrokerUnavailable, RedisError):
        desk.jobs.ledger.forgive(job_id, first, last)
        raise
    finally:
        desk.jobs.roster.idle(desk.worker, sum(read), resident_bytes() >> 20)


# --- Read -------------------------------------------------------------------------------------------------------------


def read(desk: Desk, job_id: str, first: int, last: int, run: int = 0) -> Span | None:
    """Reads a span's pages; each is stored, then told. A page's own fault is a stored record, not an exception.

    Returns what is left of the span where it gave way to more urgent work. All pages before that are stored: whoever
    reads the rest to its end has the whole span done, even while another, too, reads it again from its beginning.

    A span begun before (its worker died) is read page by page: a page that a worker died of MAX_ATTEMPTS times is
    given up, and costs only itself.
    """
    jobs = desk.jobs
    attempt, over = jobs.ledger.begin(job_id, first, last, run)
    if over:
        return None
    with _at_work(desk, job_id, first, last) as done:
        if jobs.end(job_id):
            return None
        page_numbers: Sequence[int] = range(first, last + 1)
        job = desk.open_jobs.hold(job_id, run)
        left, served = page_numbers[:0], 0
        if attempt > 1:  # nothing is recalled: the worker may have died of that
            read_singly(desk, job, page_numbers, attempt)
        else:
            recall = recalling(desk, job, serves=run == 0)  # what a retry reads again it reads
            read_several = read_overlapped if desk.engine.batch_size > 1 else read_span
            left = read_several(desk, job, page_numbers, recall)
            served = recall.served
        done.append(len(page_numbers) - len(left) - served)
    return Span(first=left[0], last=last, priority=GIVEN_BACK) if left else None


def read_through(desk: Desk, job_id: str, first: int, last: int, run: int, give_back: Callable[[Span], None]) -> None:
    """Reads a span to its end or until it gives way: then `give_back` sends the rest, and ends this by raising.

    A rest that cannot be sent (`BrokerUnavailable`) is read here; should it have been sent all the same, once more.
    """
    while rest := read(desk, job_id, first, last, run):
        with suppress(BrokerUnavailable):
            give_back(rest)
        first = rest.first


def give_up(jobs: Jobs, job_id: str, page_number: int, error: PageFailure) -> None:
    """Records a page that went past a limit, before its worker child ends."""
    plan = jobs.files.plan(job_id)
    total, engine = (len(plan.page_numbers), plan.engine.name) if plan else (0, metrics.NONE)
    keep(jobs, job_id, [failed_page(page_number, error)], total, engine)


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
                keep(jobs, job_id, [lost], len(plan.page_numbers), plan.engine.name)
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
