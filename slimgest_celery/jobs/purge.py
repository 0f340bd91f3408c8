"""The deletion of a job for good, by its owner: nothing of it is left when the request is answered."""

from __future__ import annotations

import logging
import time

from celery import Celery

from slimgest_celery.jobs.service import JobService
from slimgest_celery.state.errors import broker_errors
from slimgest_celery.state.job_state import JobState
from slimgest_celery.state.page_index import PageIndex
from slimgest_celery.state.worker_registry import REGISTRATION_S, WorkerRegistry
from slimgest_celery.storage.job_files import JobFiles
from slimgest_celery.webhooks.deliveries import DeliveryQueue

_POLL_S = 0.1
_log = logging.getLogger(__name__)


class Purger:
    """Deletes jobs with their files, events, images, exports, deliveries and entries in the page cache."""

    def __init__(
        self,
        *,
        jobs: JobService,
        files: JobFiles,
        job_state: JobState,
        worker_registry: WorkerRegistry,
        page_index: PageIndex,
        deliveries: DeliveryQueue,
        celery: Celery,
    ) -> None:
        self._jobs = jobs
        self._files = files
        self._job_state = job_state
        self._worker_registry = worker_registry
        self._page_index = page_index
        self._deliveries = deliveries
        self._celery = celery

    def purge(self, job_id: str, owner: str | None) -> None:
        """Cancel the job if it has not ended, then delete it. Safe to repeat. Raises as `JobService.job`."""
        with broker_errors():
            self._jobs.cancel(job_id)
            self._job_state.expire(job_id, owner)  # from now on, its tasks do nothing, and requests get 410
            self._wait_for_workers(job_id)
            self._deliveries.forget(job_id)
            self._files.delete(job_id)
            self._page_index.forget(job_id)
            self._job_state.expire(job_id, owner)  # again: a worker may have published a last event
            self._celery.AsyncResult(job_id).forget()
        _log.info("job purged", extra={"job_id": job_id, "owner": owner})

    def _wait_for_workers(self, job_id: str) -> None:
        """Wait until no worker reads a page of the job: it would store that page. They stop within seconds.

        The registration of a worker that died expires.
        """
        deadline_s = time.monotonic() + REGISTRATION_S + 1
        while any(worker.job_id == job_id for worker in self._worker_registry.workers()):
            if time.monotonic() > deadline_s:  # what this worker may still store is deleted by the next sweep
                _log.warning("job purged while a worker was busy with it", extra={"job_id": job_id})
                return
            time.sleep(_POLL_S)
