"""The context of a worker child: everything that the pipeline's steps use."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Protocol

from redis.exceptions import RedisError

from slimgest_celery.config import Settings
from slimgest_celery.engines.protocol import OcrEngine
from slimgest_celery.errors import BrokerUnavailable, StorageUnavailable
from slimgest_celery.events.event_log import EventLog
from slimgest_celery.jobs.service import JobService
from slimgest_celery.pipeline.pdf_session import PdfSessions
from slimgest_celery.pipeline.watchdog import Blame
from slimgest_celery.process_limits import resident_bytes
from slimgest_celery.reading.page_reader import PageReader
from slimgest_celery.reading.render_pool import RenderPool
from slimgest_celery.reading.text_layer_fonts import FontVerdicts
from slimgest_celery.state.job_state import JobState
from slimgest_celery.state.page_index import PageIndex
from slimgest_celery.state.page_timings import PageTimings
from slimgest_celery.state.worker_registry import WorkerRegistry
from slimgest_celery.storage.base import temporary_space_errors
from slimgest_celery.storage.job_files import JobFiles


class Watch(Protocol):
    """Limits for the code inside its context: see `Watchdog.watch`."""

    def __call__(self, job_id: str, blame: Blame, page_count: int = 1) -> AbstractContextManager[None]: ...


def _never() -> bool:
    return False


@dataclass(frozen=True, kw_only=True)
class WorkerContext:
    """The parts of a worker child."""

    settings: Settings
    files: JobFiles
    events: EventLog
    job_state: JobState
    jobs: JobService
    worker_registry: WorkerRegistry
    page_index: PageIndex
    page_timings: PageTimings
    font_verdicts: Callable[[str], FontVerdicts]  # by job id
    pdf_sessions: PdfSessions
    reader: PageReader
    watch: Watch
    render_pool: RenderPool | None = None  # for an engine that reads several pages at once
    should_yield: Callable[[], bool] = _never  # True if higher-priority work waits; called after each page

    @property
    def engine(self) -> OcrEngine:
        return self.reader.engine

    @property
    def worker(self) -> str:
        """The name of the Celery node."""
        return self.reader.worker


@contextmanager
def task_attempt(context: WorkerContext, job_id: str, first: int, last: int) -> Iterator[None]:
    """Mark the worker as busy inside. Raises `StorageUnavailable` also if the temporary folder is full.

    An attempt that fails because storage or Redis is unavailable does not count: the pages did not cause it.
    """
    context.worker_registry.mark_busy(context.worker, job_id, first)
    try:
        with temporary_space_errors():
            yield
    except (StorageUnavailable, BrokerUnavailable, RedisError):
        context.job_state.undo_attempt(job_id, first, last)
        raise
    finally:
        context.worker_registry.mark_idle(context.worker, resident_bytes() >> 20)
