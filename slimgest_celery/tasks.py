"""The Celery tasks: shells around pipeline.py. Arguments are ids and page numbers, nothing else.

slimgest.ingest(job_id, run)  →  chord( slimgest.pages(job_id, first, last, run) … )  |  slimgest.finish(job_id, run)

`run` counts retries, so that what is left of an earlier run in the queues is let go.
"""

from __future__ import annotations

import time
from functools import cache
from typing import Any

from celery import Signature, Task, chord
from celery.signals import task_postrun, task_prerun
from redis.exceptions import RedisError

from . import engines, exports, imaging, pipeline, sweeping
from .app import app, jobs, settings
from .deliveries import Couriers
from .desk import Desk
from .errors import BrokerUnavailable, PageFailure, PageTimeout, PdfOutOfMemory, PdfTimeout, StorageUnavailable
from .guard import Guard, Watch
from .images import ImageAsked
from .jobs import broker_errors
from .open_jobs import OpenJobs
from .pace import Pace
from .queues import Urgency
from .render_ahead import Renderers
from .spans import GIVEN_BACK, Span

# Redis or storage away: worth waiting for. The backs-off add up to more than half an hour.
_RETRY: dict[str, Any] = {
    "autoretry_for": (StorageUnavailable, BrokerUnavailable, RedisError),
    "retry_backoff": 1,
    "retry_backoff_max": 30,
    "default_retry_delay": 0,  # after a lost worker: at once
    "max_retries": 100,  # a last bound; span_reading.MAX_ATTEMPTS ends a page long before
}
_READING = ("slimgest.ingest", "slimgest.pages")
_LONGEST_SPAN_S = 3 * 3600  # half of the visibility timeout (celeryconfig.py)


@app.task(name="slimgest.ingest", bind=True, **_RETRY)
def ingest(self: Task[Any, Any], job_id: str, run: int = 0) -> dict[str, str]:
    """Plans a job's pages and becomes the chord that reads them; the chord's body keeps this task's id, the job's."""
    spans = pipeline.plan(desk(self.request.hostname), job_id, run)
    if not spans:  # it has ended, or all its pages were read before and only their end is missing
        pipeline.assemble(jobs(), job_id, run)
        return _answer(job_id)
    body = finish.si(job_id, run).on_error(finish.si(job_id, run))
    # `replace` would hand this task's own errback to the chord, which may one day give it to every page as well.
    self.request.errbacks = None
    return self.replace(chord([_reading(job_id, span, run) for span in spans], body))  # type: ignore[no-any-return]


@app.task(name="slimgest.pages", bind=True, ignore_result=True, **_RETRY)
def pages(self: Task[Any, Any], job_id: str, first: int, last: int, run: int = 0) -> None:
    """Reads pages `first` to `last`; where it gives way to more urgent work, the rest takes its place in the chord.

    Under the same id the chord counts them once, and only by one that has read to the end: a worker that dies between
    sending the rest and acknowledging this message has both run, and the first to end finds all pages stored.
    """

    def give_back(rest: Span) -> None:
        with broker_errors():
            self.replace(_reading(job_id, rest, run))

    pipeline.read_through(desk(self.request.hostname), job_id, first, last, run, give_back)


@app.task(name="slimgest.finish", **_RETRY)
def finish(job_id: str, run: int = 0) -> dict[str, str]:
    """Ends the job: as the chord's body when all pages are read, as its errback when some were lost."""
    pipeline.assemble(jobs(), job_id, run)
    return _answer(job_id)


@app.task(name="slimgest.export", ignore_result=True, **{**_RETRY, "max_retries": 10})
def export(job_id: str) -> None:
    """Makes the searchable PDF of an ended job."""
    exports.make(jobs(), job_id)


@app.task(name="slimgest.image", ignore_result=True, **_RETRY)
def image(job_id: str, page_number: int, dpi: int, form: str) -> None:
    """Draws a page for somebody who looks."""
    asked = ImageAsked.model_validate({"job_id": job_id, "page_number": page_number, "dpi": dpi, "form": form})
    with guard().watch(job_id, [page_number], image=asked):
        imaging.draw(jobs(), asked)


@app.task(name="slimgest.sweep")
def sweep() -> int:
    """Deletes what is older than the retention time; returns how many jobs."""
    return sweeping.sweep(jobs(), time.time())


@app.task(name="slimgest.reconcile")
def reconcile() -> list[str]:
    """Closes or resumes jobs that fell between two steps; returns their ids. Has what is due to callbacks sent."""
    couriers().wake()
    return sweeping.reconcile(jobs())


@app.task(name="slimgest.deliver", ignore_result=True)
def deliver() -> None:
    """Has what is due to callbacks sent; does not wait for it."""
    couriers().wake()


def _reading(job_id: str, span: Span, run: int) -> Signature[Any]:
    """The task that reads a span."""
    limit_s = _limit_s(len(span.page_numbers))
    return pages.si(job_id, span.first, span.last, run).set(priority=span.priority, time_limit=limit_s)


def _answer(job_id: str) -> dict[str, str]:
    """What the result backend keeps for a job: how it ended."""
    end = jobs().end(job_id)
    return {"status": end.status if end else "processing"}


def _limit_s(page_count: int) -> int:
    """The guard's limit for every page and some: Celery's own limit is the net below it.

    No span of many pages may take as long as a message may stay unacknowledged: it was sized to take half a second.
    """
    each_s = settings().page_timeout_s + 30
    return min(each_s * page_count, max(each_s, _LONGEST_SPAN_S)) + 60


# --- What a worker child works with -----------------------------------------------------------------------------------


@cache
def engine() -> engines.Engine:
    """This child's OCR engine, loaded when first asked for: by `workers.process`, before the child takes work."""
    return engines.load(settings())


@cache
def guard() -> Guard:
    """This child's guard, started."""
    watching = Guard(
        limit_s=settings().page_timeout_s, limit_mb=settings().max_worker_mb, ended=jobs().ledger.ended, condemn=condemn
    )
    watching.start()
    return watching


@cache
def renderers() -> Renderers | None:
    """This child's render helpers, started: for an engine that takes several pages at once."""
    count, batch_size = settings().render_helpers, engine().batch_size
    if count == 0 or batch_size == 1:
        return None
    # Twice a batch: one that waits to be read, and one that is being rendered.
    return Renderers(count, window=2 * batch_size, limit_mb=settings().max_worker_mb)


@cache
def open_jobs() -> OpenJobs:
    """What this child holds open between the tasks of one job; any other task has it closed, and so has idleness."""
    holding = OpenJobs(jobs().files)

    def begin(task: Task[Any, Any], **_: Any) -> None:
        holding.wake()
        if task.name not in _READING:
            holding.release()

    task_prerun.connect(begin, weak=False)
    task_postrun.connect(lambda **_: holding.rest(), weak=False)
    return holding


@cache
def couriers() -> Couriers:
    """This child's couriers."""
    return Couriers(jobs().deliveries)


def desk(worker: str) -> Desk:
    return Desk(
        jobs=jobs(),
        engine=engine(),
        open_jobs=open_jobs(),
        pace=Pace(jobs().redis, engine().name),
        worker=worker,
        watch=guard().watch,
        renderers=renderers(),
        urgent=Urgency(app, jobs().redis, below=GIVEN_BACK).waits,
    )


def condemn(watch: Watch, error: PageFailure) -> None:
    """Stores and tells what went past a limit, before its process ends. Of several pages read at once nobody knows
    which it was: they are read singly the next time."""
    if watch.image is not None:
        jobs().images.refuse(watch.image, error)
    elif watch.page_numbers is None:
        pipeline.fail(jobs(), watch.job_id, PdfTimeout() if isinstance(error, PageTimeout) else PdfOutOfMemory())
    elif len(watch.page_numbers) == 1:
        pipeline.give_up(jobs(), watch.job_id, watch.page_numbers[0], error)
