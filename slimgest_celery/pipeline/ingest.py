"""The first step of a job: open the PDF, plan its pages, divide them into tasks. `tasks.ingest` calls `ingest_job`.

An uploaded image is converted to a PDF before.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from datetime import datetime

from slimgest_celery.errors import JobFailure, JobWorkerLost
from slimgest_celery.models.job import EngineInfo, Job, Plan
from slimgest_celery.models.page import Source
from slimgest_celery.models.record import now
from slimgest_celery.pdf.image_conversion import image_to_pdf
from slimgest_celery.pipeline.context import WorkerContext, task_attempt
from slimgest_celery.pipeline.finish import fail_job
from slimgest_celery.pipeline.page_range import PageRange, sample, select_pages, split_into_ranges
from slimgest_celery.pipeline.page_reuse import PageReuse, page_reuse_for
from slimgest_celery.pipeline.page_store import store_and_publish
from slimgest_celery.pipeline.pdf_session import Limits, PdfSession
from slimgest_celery.pipeline.range_reader import MAX_ATTEMPTS
from slimgest_celery.pipeline.scheduling import batched_length, longest_first, range_length
from slimgest_celery.pipeline.watchdog import Blame
from slimgest_celery.reading.text_layer_decision import predict_source
from slimgest_celery.telemetry import metrics
from slimgest_celery.telemetry.metrics import Increments

_log = logging.getLogger(__name__)


def ingest_job(context: WorkerContext, job_id: str, retry_count: int = 0) -> list[PageRange]:
    """Open a job's PDF, plan its pages, publish `start`. Return the page ranges still to be read.

    A PDF that cannot be read ends the job here; then there is nothing to read. Safe to repeat.
    """
    if end := context.files.end(job_id):
        context.jobs.publish_end(job_id, end, retry_count)
        return []
    attempt, ended = context.job_state.begin_attempt(job_id, 0, 0, retry_count)
    if ended:
        return []
    with task_attempt(context, job_id, 0, 0):
        if attempt > MAX_ATTEMPTS:
            fail_job(context.jobs, job_id, JobWorkerLost())
            return []
        try:
            page_ranges = _plan(context, job_id, retry_count, is_new=retry_count == 0 and attempt == 1)
        except JobFailure as error:
            fail_job(context.jobs, job_id, error)
            return []
    # The PDF could be opened: ingest may run again for other reasons than the death of its worker.
    context.job_state.undo_attempt(job_id, 0, 0)
    return page_ranges


def _plan(context: WorkerContext, job_id: str, retry_count: int, is_new: bool) -> list[PageRange]:
    began_at = now()
    session = _open(context, job_id, retry_count)
    options = session.record.options
    with context.watch(job_id, Blame.pdf()):
        page_numbers = select_pages(options, len(session.pdf), context.settings.max_pages)
    source = _predict_source(context, session, page_numbers) if is_new else Source.OCR
    _store_plan(context, session.record, page_numbers, began_at)
    done = _publish_stored(context, job_id, len(page_numbers))
    if is_new and not done and source == Source.OCR:
        with context.watch(job_id, Blame.nobody()):
            done = _reuse_pages(context, job_id, page_numbers, page_reuse_for(context, session))
    left = [number for number in page_numbers if number not in done]
    jobs_ahead = context.job_state.jobs_ahead(job_id, session.record.owner)
    page_ranges = list(split_into_ranges(left, _range_length(context, source), jobs_ahead))
    if source != Source.OCR or not is_new:  # text pages are read faster than they could be compared
        return page_ranges
    with context.watch(job_id, Blame.nobody(), page_count=2):
        return longest_first(page_ranges, session.pdf, len(context.worker_registry.workers()))


def _predict_source(context: WorkerContext, session: PdfSession, page_numbers: Sequence[int]) -> Source:
    """Return the probable source of most text. A sample page that breaks this child costs the PDF nothing: the next
    attempt plans without samples, and the page fails when it is read."""
    with context.watch(session.record.job_id, Blame.nobody()):
        return predict_source(session.pdf, session.record.options.mode, sample(page_numbers))


def _open(context: WorkerContext, job_id: str, retry_count: int) -> PdfSession:
    def limits() -> AbstractContextManager[None]:
        return context.watch(job_id, Blame.pdf())

    try:
        return context.pdf_sessions.get(job_id, retry_count, limits)
    except FileNotFoundError:  # there is no PDF yet, if the upload is an image
        _convert_image(context, job_id, limits)
        return context.pdf_sessions.get(job_id, retry_count, limits)


def _convert_image(context: WorkerContext, job_id: str, limits: Limits) -> None:
    """Replace the image of a job by a PDF. The time limit is per frame."""
    max_pixels, max_frames = context.settings.max_page_pixels, context.settings.max_pages
    with (
        suppress(FileNotFoundError),  # another worker that ingests the same job has just replaced it
        context.files.source_image(job_id) as image,
        tempfile.TemporaryFile() as pdf,  # without a name: nothing of it is left if this process is killed
    ):
        image_to_pdf(image, pdf, max_pixels=max_pixels, max_frames=max_frames, limits=limits)
        pdf.seek(0)
        context.files.replace_image(job_id, pdf)


def _store_plan(context: WorkerContext, job: Job, page_numbers: list[int], began_at: datetime) -> None:
    engine = EngineInfo(name=context.engine.name, version=context.engine.version)
    context.files.put_plan(job.job_id, Plan(page_numbers=page_numbers, engine=engine, started_at=now()))
    context.job_state.set_total_pages(job.job_id, len(page_numbers))
    context.events.publish_start(job.job_id, job.filename, len(page_numbers), _start_counts(job, began_at))
    _log.info("job planned", extra={"job_id": job.job_id, "request_id": job.request_id, "worker": context.worker})


def _start_counts(job: Job, began_at: datetime) -> Increments:
    """Return the metrics of a planned job: its time in the queue, and the time of the planning."""
    wait, took = began_at - job.created_at, now() - began_at
    return {
        **metrics.seconds(metrics.JOB_SECONDS, "wait", wait.total_seconds()),
        **metrics.seconds(metrics.JOB_SECONDS, "plan", took.total_seconds()),
    }


def _publish_stored(context: WorkerContext, job_id: str, total: int) -> set[int]:
    """Publish the pages that an earlier ingest or a run before a retry has stored. Return their numbers."""
    stored = context.files.pages(job_id)
    if stored:
        context.events.publish_pages(job_id, list(stored.values()), total, context.engine.name)
    return set(stored)


def _reuse_pages(context: WorkerContext, job_id: str, page_numbers: Sequence[int], reuse: PageReuse) -> set[int]:
    """Store and publish cached pages; return their numbers. The page tasks look up the rest."""
    done: set[int] = set()
    for pages in reuse.find_in_batches(page_numbers):
        engine, total = context.engine.name, len(page_numbers)
        store_and_publish(job_id, pages, total, engine, files=context.files, events=context.events, reuse=reuse)
        done.update(page.page_number for page in pages)
    return done


def _range_length(context: WorkerContext, source: Source) -> Callable[[int], int]:
    """Return the function that gives the pages of the next task by the number of pages left."""
    if source == Source.OCR and context.engine.batch_size > 1:
        return lambda _left: batched_length(context.engine.batch_size)
    page_s, workers = context.page_timings.page_s(context.engine.name, source), len(context.worker_registry.workers())
    return lambda left: range_length(page_s, left, workers)
