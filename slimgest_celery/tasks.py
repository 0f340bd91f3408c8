"""The Celery tasks: thin functions that call pipeline/ and jobs/. Arguments are ids and page numbers, nothing else.

slimgest.ingest(job_id, retry_count)
    → chord( slimgest.pages(job_id, first, last, retry_count) … )  |  slimgest.finish(job_id, retry_count)

`retry_count` is the number of retries of the job: tasks that were queued before a retry do nothing.
"""

from __future__ import annotations

import time
from functools import cache
from typing import Any

from celery import Signature, Task, chord
from celery.signals import task_postrun, task_prerun
from redis.exceptions import RedisError

from slimgest_celery.app import Components, app, components, settings
from slimgest_celery.engines.engine_set import EngineSet
from slimgest_celery.engines.protocol import OcrEngine, ReadsLanguages, SelectsLanguages
from slimgest_celery.engines.registry import load_engine, load_helper
from slimgest_celery.errors import (
    BrokerUnavailable,
    JobUnknown,
    PageFailure,
    PageTimeout,
    PdfOutOfMemory,
    PdfTimeout,
    StorageUnavailable,
)
from slimgest_celery.models.page import PageImageRequest
from slimgest_celery.page_elements.protocol import LayoutModel
from slimgest_celery.page_elements.registry import load_layout_model
from slimgest_celery.pipeline.context import WorkerContext
from slimgest_celery.pipeline.finish import fail_job, fail_page, finish_job
from slimgest_celery.pipeline.ingest import ingest_job
from slimgest_celery.pipeline.page_image import render_page_image
from slimgest_celery.pipeline.page_range import PageRange
from slimgest_celery.pipeline.pages import read_pages
from slimgest_celery.pipeline.pdf_session import PdfSessions
from slimgest_celery.pipeline.preemption import Preemption
from slimgest_celery.pipeline.watchdog import Blame, Watchdog, WatchedWork
from slimgest_celery.reading.page_reader import PageReader
from slimgest_celery.reading.render_pool import RenderPool
from slimgest_celery.sandbox.launcher import LAUNCHER
from slimgest_celery.state.errors import broker_errors
from slimgest_celery.state.queues import REQUEUED
from slimgest_celery.webhooks.deliveries import SenderPool

# If Redis or storage is unavailable, the task waits. The delays add up to more than half an hour.
_RETRY: dict[str, Any] = {
    "autoretry_for": (StorageUnavailable, BrokerUnavailable, RedisError),
    "retry_backoff": 1,
    "retry_backoff_max": 30,
    "default_retry_delay": 0,  # after a lost worker: at once
    "max_retries": 100,  # a last limit; range_reader.MAX_ATTEMPTS ends a page long before
}
_READING = ("slimgest.ingest", "slimgest.pages")
_LONGEST_RANGE_S = 3 * 3600  # half of the visibility timeout (celeryconfig.py)


@app.task(name="slimgest.ingest", bind=True, **_RETRY)
def ingest(self: Task[Any, Any], job_id: str, retry_count: int = 0) -> dict[str, str]:
    """Plan a job's pages, then become the chord that reads them. The chord's body keeps this task's id, the job's."""
    try:
        page_ranges = ingest_job(worker_context(self.request.hostname), job_id, retry_count)
    except JobUnknown:
        page_ranges = []
    if not page_ranges:  # the job has ended, or all its pages are stored and only its end is missing
        return _finish(job_id, retry_count)
    body = finish.si(job_id, retry_count).on_error(finish.si(job_id, retry_count))
    # `replace` would pass this task's own errback on to the chord, which may one day pass it on to every page.
    self.request.errbacks = None
    header = [_pages_task(job_id, page_range, retry_count) for page_range in page_ranges]
    return self.replace(chord(header, body))  # type: ignore[no-any-return]


@app.task(name="slimgest.pages", bind=True, ignore_result=True, **_RETRY)
def pages(self: Task[Any, Any], job_id: str, first: int, last: int, retry_count: int = 0) -> None:
    """Read pages `first` to `last`. If it yields to higher-priority work, the rest takes its place in the chord.

    The rest has the same id, so the chord counts both as one, when one of them has read the last page. If a worker dies
    after it has sent the rest and before it has acknowledged this message, both run; the first to end finds all pages
    stored.
    """

    def requeue_rest(rest: PageRange) -> None:
        with broker_errors():
            self.replace(_pages_task(job_id, rest, retry_count))

    try:
        read_pages(worker_context(self.request.hostname), job_id, first, last, retry_count, requeue_rest)
    except JobUnknown:  # deleted, or the API and this worker do not share the storage
        components().jobs.end_unseen(job_id)


@app.task(name="slimgest.finish", **_RETRY)
def finish(job_id: str, retry_count: int = 0) -> dict[str, str]:
    """End the job: as the chord's body when all pages are read, as its errback when some were lost."""
    return _finish(job_id, retry_count)


@app.task(name="slimgest.export", ignore_result=True, **{**_RETRY, "max_retries": 10})
def export(job_id: str) -> None:
    """Make the searchable PDF of an ended job."""
    components().searchable_pdfs.make(components().jobs.document_head(job_id))


@app.task(name="slimgest.image", ignore_result=True, **_RETRY)
def image(job_id: str, page_number: int, dpi: int, form: str) -> None:
    """Render a page for a viewer."""
    fields = {"job_id": job_id, "page_number": page_number, "dpi": dpi, "form": form}
    request, parts = PageImageRequest.model_validate(fields), components()
    with watchdog().watch(job_id, Blame.image_request(request)):
        render_page_image(
            request,
            jobs=parts.jobs,
            files=parts.files,
            images=parts.page_images,
            max_page_pixels=settings().max_page_pixels,
        )


@app.task(name="slimgest.sweep")
def sweep() -> int:
    """Delete jobs older than the retention; return their number."""
    return components().maintenance.sweep(time.time())


@app.task(name="slimgest.reconcile")
def reconcile() -> list[str]:
    """Repair jobs that lost a message; return their ids. Send due webhooks."""
    _wake_webhook_senders()
    return components().maintenance.reconcile()


@app.task(name="slimgest.deliver", ignore_result=True)
def deliver() -> None:
    """Start sending the due webhooks, without waiting for the receivers."""
    _wake_webhook_senders()


def _wake_webhook_senders() -> None:
    """A receiver may have any address, which the sandbox of this child does not allow: another process sends."""
    if not LAUNCHER.is_started:
        sender_pool().wake()
    elif components().deliveries.any_due():
        LAUNCHER.wake_webhook_sender()


def _finish(job_id: str, retry_count: int) -> dict[str, str]:
    """Finish the job. Return what the result backend keeps of it: its end state."""
    parts = components()
    finish_job(job_id, retry_count, jobs=parts.jobs, files=parts.files, job_state=parts.job_state, events=parts.events)
    end = parts.files.end(job_id)
    return {"status": end.status if end else "processing"}


def _pages_task(job_id: str, page_range: PageRange, retry_count: int) -> Signature[Any]:
    """Return the task that reads a page range."""
    limit_s = _limit_s(len(page_range.page_numbers))
    signature = pages.si(job_id, page_range.first, page_range.last, retry_count)
    return signature.set(priority=page_range.priority, time_limit=limit_s)


def _limit_s(page_count: int) -> int:
    """Return Celery's hard limit, the safety net below the watchdog's limit per page.

    A range of many pages must not take as long as a message may stay unacknowledged: it was sized to take half a
    second.
    """
    each_s = settings().page_timeout_s + 30
    return min(each_s * page_count, max(each_s, _LONGEST_RANGE_S)) + 60


# --- The parts of a worker child --------------------------------------------------------------------------------------


@cache
def engine() -> OcrEngine:
    """Return this child's OCR engine, loaded on the first call: by `workers.celery_hooks`, before the first task."""
    return load_engine(settings())


@cache
def helper_engine() -> SelectsLanguages | None:
    """Return this child's engine for languages that its own does not read, or None if it is not installed."""
    return load_helper(settings())


@cache
def layout_model() -> LayoutModel | None:
    """Return this child's layout model, or None without one. Its network is compiled for the first scanned page."""
    return load_layout_model(settings())


def engine_languages() -> tuple[str, ...]:
    """Return the languages that the engines read; empty if this child's own does not say."""
    engines = EngineSet(engine(), helper_engine)
    return tuple(sorted(engines.languages)) if isinstance(engine(), ReadsLanguages) else ()


@cache
def watchdog() -> Watchdog:
    """Return this child's watchdog, started."""
    started = Watchdog(
        limit_s=settings().page_timeout_s,
        limit_mb=settings().max_worker_mb,
        ended=components().job_state.ended,
        on_limit_exceeded=on_limit_exceeded,
    )
    started.start()
    return started


@cache
def render_pool() -> RenderPool | None:
    """Return this child's render helpers, started; None for an engine that reads one page at a time."""
    count, batch_size = settings().render_helpers, engine().batch_size
    if count == 0 or batch_size == 1:
        return None
    # Two batches: one that waits to be read, and one that is being rendered.
    return RenderPool(count, window=2 * batch_size, limit_mb=settings().max_worker_mb)


@cache
def pdf_sessions() -> PdfSessions:
    """Return this child's open PDF, kept between the tasks of one job. Other tasks close it, and so does idle time."""
    sessions = PdfSessions(components().files)

    def begin(task: Task[Any, Any], **_: Any) -> None:
        sessions.cancel_idle_timer()
        if task.name not in _READING:
            sessions.release()

    task_prerun.connect(begin, weak=False)
    task_postrun.connect(lambda **_: sessions.start_idle_timer(), weak=False)
    return sessions


@cache
def sender_pool() -> SenderPool:
    """Return this child's senders of webhooks."""
    return SenderPool(components().deliveries)


def worker_context(worker: str) -> WorkerContext:
    """Return the context of this child. `worker` is the name of its Celery node."""
    return make_context(
        components(),
        pdf_sessions=pdf_sessions(),
        reader=PageReader(
            engine=engine(),
            worker=worker,
            max_pixels=settings().max_page_pixels,
            reads_pictures=settings().read_pictures,
            load_helper=helper_engine,
            layout_model=layout_model(),
        ),
        watch=watchdog().watch,
        render_pool=render_pool(),
        should_yield=Preemption(app, components().redis, below=REQUEUED).should_yield,
    )


def make_context(parts: Components, **of_child: Any) -> WorkerContext:
    """Return a context with the parts that all processes have, and the fields that only a worker child has."""
    return WorkerContext(
        settings=parts.settings,
        files=parts.files,
        events=parts.events,
        job_state=parts.job_state,
        jobs=parts.jobs,
        worker_registry=parts.worker_registry,
        page_index=parts.page_index,
        page_timings=parts.page_timings,
        font_verdicts=parts.font_verdicts,
        **of_child,
    )


def on_limit_exceeded(work: WatchedWork, error: PageFailure) -> None:
    """Store and publish the failure of the page, PDF or image request to blame, before the process is killed."""
    parts, blame = components(), work.blame
    if blame.image is not None:
        parts.page_images.put_error(blame.image, error)
    elif blame.whole_pdf:
        fail_job(parts.jobs, work.job_id, PdfTimeout() if isinstance(error, PageTimeout) else PdfOutOfMemory())
    elif blame.page_number is not None:
        fail_page(work.job_id, blame.page_number, error, files=parts.files, events=parts.events)
