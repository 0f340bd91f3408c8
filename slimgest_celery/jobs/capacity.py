"""Admission control: the bounds on pending work and disk space, and the measured capacity behind `Retry-After` and
`GET /capacity`."""

from __future__ import annotations

import math
import shutil
import tempfile
import time
from collections.abc import Sequence

from slimgest_celery.errors import LowSpace, QueueFull, RetryLater, TooManyPendingJobs, TooManyPendingPages
from slimgest_celery.models.job import Job
from slimgest_celery.models.service import Capacity
from slimgest_celery.state.errors import broker_errors
from slimgest_celery.state.job_state import JobState
from slimgest_celery.state.page_timings import PageTimings
from slimgest_celery.state.worker_registry import WorkerRegistry
from slimgest_celery.storage.job_files import JobFiles

_MAX_WAIT_S = 86400.0
_RETRY_AFTER_S = 5  # before anything was measured
_MAX_RETRY_AFTER_S = 600
_COUNT_EVERY_S = 1.0  # pages of an owner: the pages of thousands of jobs take some milliseconds to count
_COUNTED_JOBS = 1000
_LOW_SPACE_RETRY_S = 60  # expired jobs are deleted once a minute
_MB = 1 << 20
_SAMPLE = 20  # jobs


class AdmissionControl:
    """Admits jobs up to a limit of pending ones, and up to limits of each owner."""

    def __init__(
        self,
        job_state: JobState,
        worker_registry: WorkerRegistry,
        page_timings: PageTimings,
        limit: int,
        owner_jobs: int | None = None,
        owner_pages: int | None = None,
    ) -> None:
        """`owner_jobs` and `owner_pages` limit the pending jobs of one owner, and the unread pages of these jobs."""
        self._job_state = job_state
        self._worker_registry = worker_registry
        self._page_timings = page_timings
        self._limit = limit
        self._owner_jobs = min(limit, owner_jobs or limit)
        self._owner_pages = owner_pages or math.inf
        self._counted: dict[str | None, tuple[float, int]] = {}  # owner → when, and the pages

    def admit(self, jobs: Sequence[Job]) -> None:
        """Add jobs of one submission to the pending ones, all or none.

        Raises `QueueFull`, `TooManyPendingJobs`, `TooManyPendingPages`, `BrokerUnavailable`.
        """
        job_ids, first = [job.job_id for job in jobs], jobs[0]
        with broker_errors():
            self._check_pages(first.owner)
            created_s = first.created_at.timestamp()
            if not self._job_state.admit(job_ids, self._limit, created_s, first.owner, self._owner_jobs):
                raise self._full(len(jobs), first.owner)

    def check_capacity(self, owner: str | None) -> None:
        """Raise as `admit` if the next submission would be refused. Call it before an upload is read."""
        with broker_errors():
            self._check_pages(owner)
            if self._is_full(1) or len(self._job_state.pending_of(owner)) >= self._owner_jobs:
                raise self._full(1, owner)

    def _check_pages(self, owner: str | None) -> None:
        """Raise `TooManyPendingPages`. A job that no worker has opened counts as one page."""
        if self._owner_pages == math.inf:
            return
        now_s = time.monotonic()
        counted_s, pages = self._counted.get(owner, (-math.inf, 0))
        if now_s - counted_s > _COUNT_EVERY_S:
            job_ids = self._job_state.pending_of(owner)[:_COUNTED_JOBS]
            pages = sum(progress.pages_left for progress in self._job_state.progress(job_ids))
            self._counted[owner] = now_s, pages
        if pages >= self._owner_pages:
            _, per_second = self._speed()
            excess = pages - self._owner_pages + 1
            raise TooManyPendingPages(retry_after_s=_whole_seconds(excess / per_second if per_second else None))

    def capacity(self) -> Capacity:
        """Return the work ahead of a new job, and the time that it takes.

        The wait may be shorter: the first pages of a new job have a higher priority than the later pages of others.
        """
        with broker_errors():
            pending, ahead = self._job_state.pending_count(), self._job_state.pages_ahead()
            ready, per_second = self._speed()
        return Capacity(
            accepting=pending < self._limit,
            pending_jobs=pending,
            limit=self._limit,
            pages_ahead=ahead,
            workers=ready,
            pages_per_second=round(per_second, 3) if per_second else None,
            estimated_wait_seconds=round(min(_MAX_WAIT_S, ahead / per_second), 1) if per_second else None,
            detail=None if per_second else "No worker is ready." if not ready else "No page was read yet.",
        )

    def _is_full(self, wanted: int) -> bool:
        return self._job_state.pending_count() + wanted > self._limit

    def _full(self, wanted: int, owner: str | None) -> RetryLater:
        if self._is_full(wanted):
            return QueueFull(retry_after_s=self.retry_after_s(wanted, self._job_state.pending(_SAMPLE)))
        oldest = self._job_state.pending_of(owner)[:_SAMPLE]
        return TooManyPendingJobs(retry_after_s=self.retry_after_s(wanted, oldest))

    def retry_after_s(self, wanted: int, oldest: Sequence[str]) -> int:
        """Return the seconds until `wanted` jobs have ended, estimated from the pages left of the oldest ones."""
        _, per_second = self._speed()
        if not per_second or not oldest:
            return _RETRY_AFTER_S
        pages_a_job = sum(progress.pages_left for progress in self._job_state.progress(oldest)) / len(oldest)
        return _whole_seconds(wanted * pages_a_job / per_second)

    def _speed(self) -> tuple[int, float | None]:
        """Return the number of ready workers and their pages per second; None before anything was measured."""
        ready = sum(worker.state in ("idle", "busy") for worker in self._worker_registry.workers())
        speed = self._page_timings.pages_per_second()
        return ready, speed * ready if speed and ready else None


def check_free_space(files: JobFiles, upload_bytes: int, min_free_mb: int) -> None:
    """Raise `LowSpace` if an upload would leave too little free space. Call it before the upload is read.

    An upload is written to the temporary folder as it arrives, and then to the storage.
    """
    free = [shutil.disk_usage(tempfile.gettempdir()).free, files.free_bytes()]
    if min(space for space in free if space is not None) - upload_bytes < min_free_mb * _MB:
        raise LowSpace(retry_after_s=_LOW_SPACE_RETRY_S)


def _whole_seconds(estimate_s: float | None) -> int:
    """Return an estimate as a `Retry-After`."""
    return _RETRY_AFTER_S if estimate_s is None else max(1, math.ceil(min(_MAX_RETRY_AFTER_S, estimate_s)))
