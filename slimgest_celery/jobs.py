"""Jobs as their owner sees them: submit, status, list, result, cancel. Nothing here opens a PDF."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from celery.exceptions import OperationalError
from celery.result import AsyncResult
from kombu.exceptions import OperationalError as BrokerError
from redis import Redis
from redis.exceptions import RedisError

from .config import Settings
from .errors import BrokerUnavailable, JobCancelled, JobExpired, JobUnknown, NotAPdf, QueueFull, UploadEmpty
from .events import Events
from .files import JobFiles
from .ledger import Ledger, Progress
from .model import Document, End, Job, JobStatus, Links, Options, Page, Plan, Problem, Status, now
from .roster import Roster

if TYPE_CHECKING:
    from celery import Celery

_HEAD_BYTES = 1024
_RETRY_AFTER_S = 5


@contextmanager
def broker_errors() -> Iterator[None]:
    """What Redis and Celery raise when the broker cannot be reached, as `BrokerUnavailable`."""
    try:
        yield
    except (RedisError, OperationalError, BrokerError) as error:
        raise BrokerUnavailable from error


class Jobs:
    """All jobs of one service: their files, and what Redis knows of those in flight."""

    def __init__(self, settings: Settings, redis: Redis, celery: Celery) -> None:
        self.settings = settings
        self.redis = redis
        self.celery = celery
        self.files = JobFiles(settings.storage_url)
        self.events = Events(redis, self.files, settings.retention_s)
        self.ledger = Ledger(redis, settings.retention_s)
        self.roster = Roster(redis)

    # Submission: admitted, then stored, then sent

    def submit(
        self,
        uploads: list[tuple[str, IO[bytes]]],
        options: Options,
        password: str | None = None,
        job_ids: list[str] | None = None,
    ) -> list[Job]:
        """Accepts PDFs, each given as its file name and its seekable content: all of them or none.

        Raises `UploadEmpty`, `NotAPdf`, `QueueFull`, `StorageUnavailable` or `BrokerUnavailable`; then nothing is
        queued and nothing stays in storage.
        """
        for filename, content in uploads:
            _check_head(filename, content)
        created_at = now()
        jobs = [
            Job(job_id=job_id, filename=filename, options=options, created_at=created_at)
            for job_id, (filename, _) in zip(job_ids or _new_ids(len(uploads)), uploads, strict=True)
        ]
        with broker_errors():
            self._admit(jobs)
            try:
                for job, (_, content) in zip(jobs, uploads, strict=True):
                    self.files.create(job, content, password)
                for job in jobs:
                    self.send(job.job_id)
            except BaseException:
                self._withdraw(jobs)
                raise
        return jobs

    def full(self) -> bool:
        """Whether the next submission would be refused; to be asked before an upload is read."""
        with broker_errors():
            return self.ledger.pending_count() >= self.settings.max_pending_jobs

    def send(self, job_id: str) -> None:
        """Queues a stored job. The Celery id of its ingest, and then of its chord's body, is the job's id."""
        finish = self.celery.signature("slimgest.finish", args=(job_id,), immutable=True)
        self.celery.send_task("slimgest.ingest", args=(job_id,), task_id=job_id, link_error=finish)

    def _admit(self, jobs: list[Job]) -> None:
        job_ids = [job.job_id for job in jobs]
        if not self.ledger.admit(job_ids, self.settings.max_pending_jobs, jobs[0].created_at.timestamp()):
            raise QueueFull(retry_after_s=_RETRY_AFTER_S)

    def _withdraw(self, jobs: list[Job]) -> None:
        for job in jobs:
            self.files.delete(job.job_id)
            with broker_errors():
                self.ledger.refuse(job.job_id)

    # Status

    def status(self, job_id: str) -> Status:
        """Where a job stands; raises `JobUnknown` or `JobExpired`."""
        with broker_errors():
            return self._status(self.job(job_id), *self.ledger.progress([job_id]))

    def job(self, job_id: str) -> Job:
        """A job's record; raises `JobUnknown` or `JobExpired`."""
        try:
            return self.files.job(job_id)
        except JobUnknown:
            with broker_errors():
                if self.ledger.expired(job_id):
                    raise JobExpired from None
            raise

    def list(self, offset: int, limit: int) -> tuple[list[Status], int]:
        """Kept jobs, newest first, and how many there are in all."""
        with broker_errors():
            job_ids = self.ledger.listed(offset, limit)
            found = [
                self._status(self.files.job(job_id), progress)
                for job_id, progress in zip(job_ids, self.ledger.progress(job_ids), strict=True)
                if self.files.exists(job_id)
            ]
            return found, self.ledger.listed_count()

    def end(self, job_id: str) -> End | None:
        """How a job ended, or None. The result backend says whether to look."""
        return self.files.end(job_id)

    def _status(self, job: Job, progress: Progress) -> Status:
        state = AsyncResult(job.job_id, app=self.celery).state
        end = self.files.end(job.job_id)
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
            pages_ahead=0 if end else self.ledger.pages_ahead(job.job_id),
            links=links(job.job_id),
        )

    def _progress_from_files(self, job_id: str) -> Progress:
        plan, pages = self.files.plan(job_id), self.files.pages(job_id).values()
        failed = sum(page.status == "failed" for page in pages)
        total = len(plan.page_numbers) if plan else 0
        return Progress(total_pages=total, pages_done=len(pages), pages_failed=failed)

    # Results

    def document(self, job_id: str) -> Document:
        """The job's document; before its end, one with the pages read so far. Raises as `job` does."""
        job = self.job(job_id)
        stored = self.files.document_text(job_id)
        if stored is not None:
            return Document.model_validate_json(stored)
        end, plan = self.files.end(job_id), self.files.plan(job_id)
        pages = list(self.files.pages(job_id).values())
        status = end.status if end else JobStatus.PROCESSING if plan else JobStatus.QUEUED
        return document(job, plan, pages, status, end)

    def page(self, job_id: str, page_number: int) -> Page:
        """One page as read; raises `PageUnknown` too."""
        self.job(job_id)
        return self.files.page(job_id, page_number)

    # Endings

    def cancel(self, job_id: str) -> Status:
        """Stops a job: its queued pages are let go, the page in hand is given up. Harmless once the job has ended."""
        self.job(job_id)
        cancelled = End(status=JobStatus.CANCELLED, completed_at=now(), error=Problem.of(JobCancelled()))
        self.conclude(job_id, cancelled)
        return self.status(job_id)

    def conclude(self, job_id: str, end: End) -> End:
        """Sets a job's end state unless it has one; tells it and frees its place. Returns the end that stands.

        Safe to repeat: a worker that died between these steps leaves the rest to whoever comes next.
        """
        end = self.files.put_end(job_id, end)
        self.files.forget_password(job_id)
        plan = self.files.plan(job_id)
        with broker_errors():
            if not self.ledger.ended(job_id):
                self.events.end(job_id, end, len(plan.page_numbers) if plan else 0)
            self.ledger.close(job_id)
        return end

    # Retention

    def sweep(self, now_s: float) -> int:
        """Deletes jobs whose retention has passed, and returns how many. Lists again those that Redis forgot."""
        gone = [job_id for job_id in self.files.job_ids() if self._is_due(job_id, now_s)]
        for job_id in gone:
            self.files.delete(job_id)
            self.ledger.expire(job_id)
            self.celery.AsyncResult(job_id).forget()
        return len(gone)

    def _is_due(self, job_id: str, now_s: float) -> bool:
        keep_s = self.settings.retention_s
        if not self.files.exists(job_id):  # an upload whose API process died before it was accepted
            return self.files.age_s(job_id, now_s) > min(keep_s, 3600)
        end = self.files.end(job_id)
        self.ledger.relist(job_id, self.files.job(job_id).created_at.timestamp())
        return end is not None and now_s - end.completed_at.timestamp() > keep_s


def links(job_id: str) -> Links:
    """A job's addresses below the service's root."""
    return Links(self=f"/jobs/{job_id}", events=f"/jobs/{job_id}/events", result=f"/jobs/{job_id}/result")


def document(job: Job, plan: Plan | None, pages: list[Page], status: JobStatus, end: End | None) -> Document:
    """A job's records as one."""
    elapsed_s = (end.completed_at - job.created_at).total_seconds() if end else None
    return Document(
        job_id=job.job_id,
        filename=job.filename,
        status=status,
        total_pages=len(plan.page_numbers) if plan else 0,
        options=job.options,
        engine=plan.engine if plan else None,
        created_at=job.created_at,
        completed_at=end.completed_at if end else None,
        elapsed_seconds=elapsed_s,
        pages=pages,
        error=end.error if end else None,
    )


def _new_ids(count: int) -> list[str]:
    return [str(uuid.uuid4()) for _ in range(count)]


def _check_head(filename: str, content: IO[bytes]) -> None:
    """PDF readers accept the mark anywhere in the first kilobyte, and so do we."""
    head = content.read(_HEAD_BYTES)
    content.seek(0)
    if not head:
        raise UploadEmpty(f"The uploaded file {filename!r} is empty.")
    if b"%PDF-" not in head:
        raise NotAPdf(f"{filename!r} is not a PDF: it lacks the `%PDF-` mark in its first {_HEAD_BYTES} bytes.")
