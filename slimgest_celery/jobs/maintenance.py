"""Two periodic tasks: reconcile makes sure that every accepted job ends, sweep deletes jobs after their retention.

Both may run at any time, in several processes at once: each step is safe to repeat.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from celery import Celery

from slimgest_celery.errors import JobUnknown, SlimgestError
from slimgest_celery.jobs.service import JobService
from slimgest_celery.state.job_index import JobIndex
from slimgest_celery.state.job_state import JobState
from slimgest_celery.state.queues import QueueLengths
from slimgest_celery.state.worker_registry import WorkerRegistry
from slimgest_celery.storage.job_files import JobFiles

# A job is stuck if it had no activity for this long, no message waits in any queue, and no worker is busy with it.
STUCK_S = 20.0
# An upload is stored faster than this. An older folder without a job's record was left by a process that died.
_UPLOAD_S = 3600.0
_LOCK_S = 4  # less than beat's period; if a run takes longer, a second one starts, which does no harm
_log = logging.getLogger(__name__)


class Maintenance:
    """Ends or resumes jobs that lost a message, and deletes expired ones."""

    def __init__(
        self,
        *,
        jobs: JobService,
        files: JobFiles,
        job_state: JobState,
        job_index: JobIndex,
        worker_registry: WorkerRegistry,
        queue_lengths: QueueLengths,
        celery: Celery,
        retention_s: int,
    ) -> None:
        self._jobs = jobs
        self._files = files
        self._job_state = job_state
        self._job_index = job_index
        self._worker_registry = worker_registry
        self._queue_lengths = queue_lengths
        self._celery = celery
        self._retention_s = retention_s

    def reconcile(self) -> list[str]:
        """Publish ends that were not published, and queue stuck jobs again. Return the ids of all these jobs.

        A pending job may have lost its message, its chord's counter or its finish. A Redis that restarted empty has
        lost every job: then storage is searched for jobs without an end.
        """
        if not self._job_state.acquire_lock("reconcile", _LOCK_S):
            return []
        pending, redis_is_empty = self._job_state.pending(), not self._job_state.is_initialised()
        idle = not self._queue_lengths.any_waiting()
        repaired = [job_id for job_id in pending if _run_or_skip(self._repair, job_id, idle)]
        if redis_is_empty:
            others = [job_id for job_id in self._files.job_ids() if job_id not in set(pending)]
            repaired += [job_id for job_id in others if _run_or_skip(self._restore, job_id)]
            self._job_state.mark_initialised()
        return repaired

    def sweep(self, now_s: float) -> int:
        """Delete jobs older than the retention and return their number. List jobs again that Redis has lost."""
        job_ids = self._files.job_ids()
        self._job_index.unlist_missing(set(job_ids), now_s - _UPLOAD_S)
        return sum(_run_or_skip(self._sweep, job_id, now_s) for job_id in job_ids)

    def _repair(self, job_id: str, idle: bool) -> bool:
        """Publish the end of a pending job that has ended; queue it again if it is stuck."""
        if not self._files.exists(job_id):  # the API process died while it stored the upload
            if self._job_state.seconds_since_admission(job_id) > _UPLOAD_S:
                self._job_state.refuse(job_id)
            return False
        retry_count = self._job_state.retry_count(job_id)
        if end := self._files.end(job_id):
            self._jobs.publish_end(job_id, end, retry_count)
            return True
        busy = any(worker.job_id == job_id for worker in self._worker_registry.workers())
        if busy or not idle or self._job_state.seconds_since_activity(job_id) < STUCK_S:
            return False
        self._jobs.resume(job_id)
        return True

    def _restore(self, job_id: str) -> bool:
        """Queue a job that Redis has lost. If the job has ended, only its webhook may be missing."""
        if not self._files.exists(job_id):
            return False
        if end := self._files.end(job_id):
            self._jobs.create_delivery(job_id, end)
            return False
        self._jobs.resume(job_id)
        return True

    def _sweep(self, job_id: str, now_s: float) -> bool:
        if not self._is_due(job_id, now_s):
            return False
        owner = self._files.owner(job_id)
        self._files.delete(job_id)
        self._job_state.expire(job_id, owner)
        self._celery.AsyncResult(job_id).forget()
        return True

    def _is_due(self, job_id: str, now_s: float) -> bool:
        try:
            job = self._files.job(job_id)
        except JobUnknown:
            if self._job_state.expired(job_id):  # a worker stored something after the job was deleted
                return True
            return self._files.age_s(job_id, now_s) > min(self._retention_s, _UPLOAD_S)
        end = self._files.end(job_id)
        self._job_index.restore(job, end.status if end else None)
        return end is not None and now_s - end.completed_at.timestamp() > self._retention_s


def _run_or_skip(step: Callable[..., bool], job_id: str, *arguments: object) -> bool:
    """Run a step for one job. Skip a job that is unreadable, or was deleted meanwhile, so that the others continue."""
    try:
        return step(job_id, *arguments)
    except (SlimgestError, OSError):
        _log.exception("job skipped", extra={"job_id": job_id})
        return False
