"""Jobs as their owner sees them: records, status, documents, cancellation, end states. Nothing here opens a PDF."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from functools import cache

from celery import Celery

from slimgest_celery.errors import JobCancelled, JobExpired, JobUnknown, StorageNotShared
from slimgest_celery.events.event_log import EventLog
from slimgest_celery.models.job import Document, End, Job, JobStatus, Links, Status, document_head
from slimgest_celery.models.page import Page
from slimgest_celery.models.problem import Problem
from slimgest_celery.models.record import now
from slimgest_celery.models.webhooks import Delivery
from slimgest_celery.state.errors import broker_errors
from slimgest_celery.state.job_index import JobIndex
from slimgest_celery.state.job_state import JobState, Progress
from slimgest_celery.state.queues import HOUSEKEEPING, step_priority
from slimgest_celery.storage.job_files import JobFiles, StoredPage
from slimgest_celery.telemetry import metrics, tracing
from slimgest_celery.telemetry.metrics import Increments
from slimgest_celery.webhooks.deliveries import DeliveryQueue

_NOTE_S = 7 * 86400
_log = logging.getLogger(__name__)


class JobService:
    """The stored jobs of a service, joined with what Redis knows of those in flight."""

    def __init__(
        self,
        *,
        files: JobFiles,
        job_state: JobState,
        job_index: JobIndex,
        events: EventLog,
        deliveries: DeliveryQueue,
        celery: Celery,
    ) -> None:
        self._files = files
        self._job_state = job_state
        self._job_index = job_index
        self._events = events
        self._deliveries = deliveries
        self._celery = celery

    # Records

    def job(self, job_id: str) -> Job:
        """Return a job's record. Raises `JobUnknown` or `JobExpired`."""
        try:
            return self._files.job(job_id)
        except JobUnknown:
            if self.expired(job_id):
                raise JobExpired from None
            raise

    def owned_job(self, job_id: str, owner: str | None) -> Job:
        """Return a job's record if `owner` owns the job. Raises as `job`: another owner's job is `JobUnknown`."""
        job = self.job(job_id)
        if job.owner != owner:
            raise JobUnknown
        return job

    def expired(self, job_id: str) -> bool:
        with broker_errors():
            return self._job_state.expired(job_id)

    # Status

    def status(self, job_id: str) -> Status:
        """Return the current status of a job. Raises as `job`."""
        with broker_errors():
            job, (progress,) = self.job(job_id), self._job_state.progress([job_id])
            return self._status(job, progress, self._job_state.pages_ahead)

    def statuses(self, job_ids: Sequence[str]) -> list[Status | None]:
        """Return the current status of each job; None for one that was deleted."""
        with broker_errors():
            of_each = cache(self._job_state.pages_ahead_of_each)  # counted once, and only if a job has not ended
            jobs, progress = map(self._stored_job, job_ids), self._job_state.progress(job_ids)
            return [
                self._status(job, its, lambda job_id: of_each().get(job_id, 0)) if job else None
                for job, its in zip(jobs, progress, strict=True)
            ]

    def _stored_job(self, job_id: str) -> Job | None:
        try:
            return self._files.job(job_id)
        except JobUnknown:
            return None

    def end(self, job_id: str) -> End | None:
        """Return the end state of a job, or None while the job has not ended."""
        if end := self._files.end(job_id):
            return end
        with broker_errors():
            note = self._job_state.note(_end_note(job_id))
        return self._store_end(job_id, End.model_validate_json(note, extra="ignore")) if note else None

    def _store_end(self, job_id: str, end: End) -> End:
        """Store the end of a job that a worker could not store, because it does not share this storage."""
        end = self._files.put_end(job_id, end)
        self._files.delete_password(job_id)
        self.create_delivery(job_id, end)
        return end

    def _status(self, job: Job, progress: Progress, pages_ahead: Callable[[str], int]) -> Status:
        state = self._celery.AsyncResult(job.job_id).state
        end = self.end(job.job_id)
        status = end.status if end else JobStatus.QUEUED if state == "PENDING" else JobStatus.PROCESSING
        if end and progress.total_pages is None:
            progress = self._progress_from_files(job.job_id)
        return Status(
            job_id=job.job_id,
            status=status,
            created_at=job.created_at,
            completed_at=end.completed_at if end else None,
            has_result=bool(end) and status != JobStatus.FAILED,
            error=end.error if end else None,
            filename=job.filename,
            total_pages=progress.total_pages,
            pages_done=progress.pages_done,
            pages_failed=progress.pages_failed,
            pages_with_warnings=progress.pages_with_warnings,
            pages_ahead=0 if end else pages_ahead(job.job_id),
            links=links(job.job_id),
        )

    def _progress_from_files(self, job_id: str) -> Progress:
        plan = self._files.plan(job_id)
        total = len(plan.page_numbers) if plan else 0
        done = failed = warned = 0
        for page in self._files.iterate_stored(job_id):  # one at a time: all records are not held in memory
            done, failed, warned = done + 1, failed + (page.status == "failed"), warned + page.has_warnings
        return Progress(total_pages=total, pages_done=done, pages_failed=failed, pages_with_warnings=warned)

    # Results

    def document_head(self, job_id: str) -> Document:
        """Return the job's document without its pages (see `pages`). Raises as `job`."""
        return document_head(self.job(job_id), self.end(job_id), self._files.plan(job_id))

    def pages(self, job_id: str) -> Iterator[StoredPage]:
        """Yield the stored pages in order. Each is read from storage when it is needed."""
        return self._files.iterate_stored(job_id)

    def page(self, job_id: str, page_number: int) -> Page:
        """Return one stored page. Raises `PageUnknown`, and as `job`."""
        self.job(job_id)
        return self._files.page(job_id, page_number)

    # Queueing

    def send(self, job: Job) -> None:
        """Queue a stored job. The job's id is the Celery id of its ingest, and then of its chord's body."""
        job_id, priority = job.job_id, step_priority(self._job_state.jobs_ahead(job.job_id, job.owner))
        retry_count = self._job_state.retry_count(job_id)
        self._job_state.mark_activity(job_id)
        self._job_index.enter(job)
        # If the result of an earlier attempt stayed, Celery would count this task as done when its worker dies.
        self._celery.AsyncResult(job_id).forget()
        finish = self._celery.signature("slimgest.finish", args=(job_id, retry_count), immutable=True)
        ingest = {"args": (job_id, retry_count), "task_id": job_id, "priority": priority}
        self._celery.send_task("slimgest.ingest", link_error=finish, **ingest)

    def resume(self, job_id: str) -> None:
        """Queue an accepted job again. Its stored pages are published, not read again."""
        job = self._files.job(job_id)
        self._job_state.readmit(job_id, job.created_at.timestamp())
        with tracing.continue_trace(job.trace):
            self.send(job)

    # End states

    def cancel(self, job_id: str) -> Status:
        """Cancel a job: its queued pages are dropped and the current page is aborted. No effect on an ended job."""
        self.job(job_id)
        self.end_job(
            job_id, End(status=JobStatus.CANCELLED, completed_at=now(), error=Problem.from_error(JobCancelled()))
        )
        return self.status(job_id)

    def end_job(self, job_id: str, end: End) -> End:
        """Set and publish a job's end state unless it has one. Free its place in the queue. Return the valid state."""
        retry_count = self._job_state.retry_count(job_id)
        return self.publish_end(job_id, self._files.put_end(job_id, end), retry_count)

    def end_unseen(self, job_id: str) -> None:
        """End a pending job whose files this process does not see. No effect on a job that was deleted.

        The end is stored in Redis: the storage of this process is not the one in which the API looks for it.
        """
        with broker_errors():
            if self._job_state.expired(job_id) or not self._job_state.is_pending(job_id):
                return
            end = End(status=JobStatus.FAILED, completed_at=now(), error=Problem.from_error(StorageNotShared()))
            self._job_state.put_note(_end_note(job_id), end.model_dump_json(), _NOTE_S)
            retry_count = self._job_state.retry_count(job_id)
            self._events.publish_end(job_id, end, 0, retry_count, metrics.one(metrics.JOBS, end.status.value))
            self._job_index.mark_ended(job_id, end.status, self._job_index.owner_of(job_id))
            self._job_state.close(job_id)
        _log.error("job ended: %s", StorageNotShared.code, extra={"job_id": job_id})

    def publish_end(self, job_id: str, end: End, retry_count: int) -> End:
        """Publish a stored end state and free the job's place in the queue, unless a retry has withdrawn the end state.

        Safe to repeat: if a worker dies between these steps, the next caller completes them.
        """
        if self._job_state.retry_count(job_id) != retry_count:
            return end
        self._files.delete_password(job_id)
        plan = self._files.plan(job_id)
        total = len(plan.page_numbers) if plan else 0
        with broker_errors():
            if self._events.publish_end(job_id, end, total, retry_count, self._end_counts(job_id, end)):
                code = end.error.code if end.error else None
                _log.info("job ended", extra={"job_id": job_id, "status": end.status.value, "code": code})
            self.create_delivery(job_id, end)
            self._job_index.mark_ended(job_id, end.status, self._files.owner(job_id))
            self._job_state.close(job_id)  # last: while the job is pending, the reconciler repeats all of this
        return end

    def _end_counts(self, job_id: str, end: End) -> Increments:
        """Return the metrics of a job's end. A retried job has no duration: it may have been idle for hours."""
        counts = metrics.one(metrics.JOBS, end.status.value)
        if self._job_state.retry_count(job_id):
            return counts
        whole = end.completed_at - self._files.job(job_id).created_at
        return {**counts, **metrics.seconds(metrics.JOB_SECONDS, "whole", whole.total_seconds())}

    # Webhooks

    def create_delivery(self, job_id: str, end: End) -> None:
        """Create the webhook message of this end state, if the job has a callback. Safe to repeat."""
        if self._deliveries.create(self._files.job(job_id), end):
            self._send_deliveries()

    def redeliver(self, job_id: str, delivery_id: str) -> Delivery:
        """Send a webhook message again. Raises `DeliveryUnknown`, and as `job`."""
        self.job(job_id)
        with broker_errors():
            delivery = self._deliveries.redeliver(job_id, delivery_id)
            self._send_deliveries()
        return delivery

    def _send_deliveries(self) -> None:
        """Queue the sending. The message may expire: `slimgest.reconcile` does the same every few seconds."""
        self._celery.send_task("slimgest.deliver", expires=5, priority=HOUSEKEEPING)


def _end_note(job_id: str) -> str:
    return f"end:{job_id}"


def links(job_id: str) -> Links:
    """Return a job's addresses below the service's root."""
    return Links(self=f"/jobs/{job_id}", events=f"/jobs/{job_id}/events", result=f"/jobs/{job_id}/result")
