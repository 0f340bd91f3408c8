"""Jobs as their owner sees them: submit, status, list, result, cancel. Nothing here opens a PDF."""

from __future__ import annotations

import hashlib
import logging
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from celery.exceptions import OperationalError
from celery.result import AsyncResult
from kombu.exceptions import OperationalError as BrokerError
from pydantic import ValidationError
from redis import Redis
from redis.exceptions import RedisError

from . import callbacks, metrics, tracing
from .capacity import capacity, retry_after_s
from .config import Settings
from .deliveries import Deliveries
from .errors import (
    BrokerUnavailable,
    JobCancelled,
    JobExpired,
    JobRunning,
    JobUnknown,
    KeyReused,
    OptionInvalid,
    QueueFull,
    StorageUnavailable,
)
from .events import Events
from .files import JobFiles, StoredPage
from .images import Images
from .ledger import Ledger, Progress
from .metrics import Counts, Increments
from .model import Capacity, Delivery, Document, End, Job, JobStatus, Links, Options, Page, Plan, Problem, Status, now
from .page_cache import PageCache
from .queues import HOUSEKEEPING
from .roster import Roster
from .submission import Submission

if TYPE_CHECKING:
    from celery import Celery

_CLAIM_POLL_S = 0.1
_CLAIM_WAIT_S = 20.0
_log = logging.getLogger(__name__)


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
        self.counts = Counts(redis)
        self.images = Images(redis, self.files, celery)
        self.page_cache = PageCache(redis, self.files, settings.retention_s)
        self.deliveries = Deliveries(settings, redis, self.files)

    # Submission: admitted, then stored, then sent

    def submit(self, sent: Submission, job_ids: list[str] | None = None) -> list[Job]:
        """Accepts the PDFs of a submission: all of them or none.

        Raises `UploadEmpty`, `NotAPdf`, what `callbacks.check` raises, `QueueFull`, `StorageUnavailable` or
        `BrokerUnavailable`; then nothing is queued and nothing stays in storage.
        """
        sent.check()
        if sent.callback_url is not None:
            callbacks.check(sent.callback_url, self.settings)
        jobs = sent.jobs(job_ids or _new_ids(len(sent.uploads)))
        with broker_errors():
            self._admit(jobs)
            try:
                for job, (_, content) in zip(jobs, sent.uploads, strict=True):
                    self.files.create(job, content, sent.password)
                for job in jobs:
                    self.send(job.job_id)
            except BaseException:
                self._withdraw(jobs)
                raise
        for job in jobs:
            _log.info("job accepted", extra={"job_id": job.job_id, "request_id": job.request_id, "owner": job.owner})
        return jobs

    def submit_once(self, sent: Submission, key: str) -> list[Job]:
        """As `submit`, but a submission with a key that came before returns the jobs that it made then.

        Also when both arrive at once. Raises `KeyReused` where the submissions differ.
        """
        name, fingerprint = _sha256(f"{sent.owner}\0{key}".encode()), sent.fingerprint()
        job_ids = _new_ids(len(sent.uploads))
        deadline_s = time.monotonic() + _CLAIM_WAIT_S
        while before := self._claim(name, fingerprint, job_ids):
            if before[0] != fingerprint:
                raise KeyReused
            found = [self.job(job_id) for job_id in before[1:] if self.files.exists(job_id) or self.expired(job_id)]
            if len(found) == len(before) - 1:
                return found
            if time.monotonic() > deadline_s:  # its process died: the claim runs out by itself
                raise BrokerUnavailable("A request with this Idempotency-Key is still being stored; ask again soon.")
            time.sleep(_CLAIM_POLL_S)  # if storing fails, the other's claim goes, and ours stands
        try:
            accepted = self.submit(sent, job_ids)
        except BaseException:
            with broker_errors():
                self.ledger.disclaim(name)
            raise
        with broker_errors():
            self.ledger.confirm(name)
        return accepted

    def _claim(self, name: str, fingerprint: str, job_ids: list[str]) -> list[str]:
        """The fingerprint and job ids of an earlier claim, or nothing where this one stands."""
        with broker_errors():
            before = self.ledger.claim(name, " ".join([fingerprint, *job_ids]))
        return before.split(" ") if before else []

    def check_room(self) -> None:
        """Raises `QueueFull` where the next submission would be refused; to be asked before an upload is read."""
        with broker_errors():
            if self.ledger.pending_count() >= self.settings.max_pending_jobs:
                raise self._full(1)

    def _full(self, wanted: int) -> QueueFull:
        return QueueFull(retry_after_s=retry_after_s(self.ledger, self.roster, wanted))

    def capacity(self) -> Capacity:
        """What is ahead of a job sent now, and how long that may take."""
        with broker_errors():
            return capacity(self.ledger, self.roster, self.settings.max_pending_jobs)

    def send(self, job_id: str) -> None:
        """Queues a stored job. The Celery id of its ingest, and then of its chord's body, is the job's id."""
        run = self.ledger.run(job_id)
        self.ledger.touch(job_id)
        # A result that an earlier run left would make Celery take this one for done when its worker dies.
        AsyncResult(job_id, app=self.celery).forget()
        finish = self.celery.signature("slimgest.finish", args=(job_id, run), immutable=True)
        self.celery.send_task("slimgest.ingest", args=(job_id, run), task_id=job_id, link_error=finish)

    def resume(self, job_id: str) -> None:
        """Sends a job again that was accepted before: stored pages are told, not read again."""
        job = self.files.job(job_id)
        self.ledger.readmit(job_id, job.created_at.timestamp())
        with tracing.continued(job.trace):
            self.send(job_id)

    def _admit(self, jobs: list[Job]) -> None:
        job_ids = [job.job_id for job in jobs]
        created_s, owner = jobs[0].created_at.timestamp(), jobs[0].owner
        if not self.ledger.admit(job_ids, self.settings.max_pending_jobs, created_s, owner):
            raise self._full(len(jobs))

    def _withdraw(self, jobs: list[Job]) -> None:
        """Nothing of a refused submission may stay, or it would be found and read later on."""
        for job in jobs:
            with suppress(StorageUnavailable):
                self.files.delete(job.job_id)
        for job in jobs:
            with suppress(RedisError):  # it keeps its place in the queue until the reconciler finds it empty
                self.ledger.refuse(job.job_id, job.owner)

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
            if self.expired(job_id):
                raise JobExpired from None
            raise

    def expired(self, job_id: str) -> bool:
        with broker_errors():
            return self.ledger.expired(job_id)

    def owned(self, job_id: str, owner: str | None) -> Job:
        """As `job`, for one who asks: another owner's job is as unknown as one that never was."""
        job = self.job(job_id)
        if job.owner != owner:
            raise JobUnknown
        return job

    def list(self, offset: int, limit: int, owner: str | None = None) -> tuple[list[Status], int]:
        """An owner's kept jobs, newest first, and how many there are in all."""
        with broker_errors():
            job_ids = self.ledger.listed(offset, limit, owner)
            found = []
            for job_id, progress in zip(job_ids, self.ledger.progress(job_ids), strict=True):
                with suppress(JobUnknown):  # deleted meanwhile
                    found.append(self._status(self.files.job(job_id), progress))
            return found, self.ledger.listed_count(owner)

    def end(self, job_id: str) -> End | None:
        """How a job ended, or None while it has not."""
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
        plan, pages = self.files.plan(job_id), list(self.files.each_stored(job_id))
        failed = sum(page.status == "failed" for page in pages)
        total = len(plan.page_numbers) if plan else 0
        return Progress(total_pages=total, pages_done=len(pages), pages_failed=failed)

    # Results

    def head(self, job_id: str) -> Document:
        """The job's document without its pages, which `pages` brings. Raises as `job` does."""
        job, end, plan = self.job(job_id), self.files.end(job_id), self.files.plan(job_id)
        return Document(
            job_id=job.job_id,
            filename=job.filename,
            status=end.status if end else JobStatus.PROCESSING if plan else JobStatus.QUEUED,
            total_pages=len(plan.page_numbers) if plan else 0,
            options=job.options,
            engine=plan.engine if plan else None,
            created_at=job.created_at,
            completed_at=end.completed_at if end else None,
            elapsed_seconds=(end.completed_at - job.created_at).total_seconds() if end else None,
            pages=[],
            error=end.error if end else None,
        )

    def pages(self, job_id: str) -> Iterator[StoredPage]:
        """The pages read so far, in order, each read from storage when it is asked for."""
        return self.files.each_stored(job_id)

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
        """Sets a job's end state unless it has one; tells it and frees its place. Returns the end that stands."""
        run = self.ledger.run(job_id)
        return self.tell_end(job_id, self.files.put_end(job_id, end), run)

    def tell_end(self, job_id: str, end: End, run: int) -> End:
        """Tells the end that stands and frees the job's place; nothing where a retry has taken that end back meanwhile.

        Safe to repeat: a worker that died between these steps leaves the rest to whoever comes next.
        """
        if self.ledger.run(job_id) != run:
            return end
        self.files.forget_password(job_id)
        plan = self.files.plan(job_id)
        with broker_errors():
            if self.events.end(job_id, end, len(plan.page_numbers) if plan else 0, run, self._of_end(job_id, end)):
                code = end.error.code if end.error else None
                _log.info("job ended", extra={"job_id": job_id, "status": end.status.value, "code": code})
            self.announce(job_id, end)
            self.ledger.close(job_id)  # last: until then, whoever finds the job pending does all of this again
        return end

    def _of_end(self, job_id: str, end: End) -> Increments:
        """What the end of a job counts. A retried job has no time of its own: it may have rested for hours."""
        counts = metrics.one(metrics.JOBS, end.status.value)
        if self.ledger.run(job_id):
            return counts
        whole = end.completed_at - self.files.job(job_id).created_at
        return {**counts, **metrics.seconds(metrics.JOB_SECONDS, "whole", whole.total_seconds())}

    def announce(self, job_id: str, end: End) -> None:
        """Sees to it that the job's callback hears of this end; harmless when repeated."""
        if self.deliveries.announce(self.files.job(job_id), end):
            self._deliver()

    def redeliver(self, job_id: str, delivery_id: str) -> Delivery:
        """Sends a message to the job's callback again; raises `DeliveryUnknown` too."""
        self.job(job_id)
        with broker_errors():
            delivery = self.deliveries.repeat(job_id, delivery_id)
            self._deliver()
        return delivery

    def _deliver(self) -> None:
        """`slimgest.reconcile` does the same every few seconds, so a message that waits longer than that may go."""
        self.celery.send_task("slimgest.deliver", expires=5, priority=HOUSEKEEPING)

    def retry(self, job_id: str, pages: str | None, password: str | None = None) -> Status:
        """Reads an ended job's failed and unread pages again, or those of its pages that `pages` names.

        The job keeps its id and its good pages. Raises `JobRunning`, `QueueFull`, `OptionInvalid`, and as `job`.
        """
        job, end, plan = self.job(job_id), self.files.end(job_id), self.files.plan(job_id)
        if end is None:
            raise JobRunning
        again = self._pages_to_read_again(job_id, plan, pages)
        with broker_errors():
            self._admit([job])
            self.files.forget_pages(job_id, again)
            self.events.reopen(job_id, again)
            self.files.reopen(job_id, password)
            self.send(job_id)
            return self.status(job_id)

    def _pages_to_read_again(self, job_id: str, plan: Plan | None, pages: str | None) -> set[int]:
        if plan is None:  # it could not be opened: all of it is tried again
            return set()
        stored = {page.page_number: page for page in self.files.each_stored(job_id)}
        if pages in (None, "failed"):
            again = {number for number, page in stored.items() if page.status == "failed"}
            if not again and set(stored) >= set(plan.page_numbers):
                raise OptionInvalid("pages: no page of this job has failed; name those to read again, such as 1-3.")
            return again
        try:
            chosen = Options(pages=pages).page_numbers(plan.page_numbers[-1])
        except ValidationError as error:
            raise OptionInvalid("pages: must be `failed`, or page numbers and ranges such as 1-3,7.") from error
        if not set(chosen) & set(plan.page_numbers):
            raise OptionInvalid("pages: none of these pages belongs to the job.")
        return set(chosen) & set(plan.page_numbers)


def links(job_id: str) -> Links:
    """A job's addresses below the service's root."""
    return Links(self=f"/jobs/{job_id}", events=f"/jobs/{job_id}/events", result=f"/jobs/{job_id}/result")


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _new_ids(count: int) -> list[str]:
    return [str(uuid.uuid4()) for _ in range(count)]
