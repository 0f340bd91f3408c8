"""The submission of PDFs and images: checked, admitted, stored, then queued."""

from __future__ import annotations

import hashlib
import logging
import time
import uuid
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import IO

from redis.exceptions import RedisError

from slimgest_celery.config import Settings
from slimgest_celery.errors import (
    BrokerUnavailable,
    KeyReused,
    LanguageUnavailable,
    StorageUnavailable,
    UnsupportedFile,
    UploadEmpty,
)
from slimgest_celery.jobs.capacity import AdmissionControl
from slimgest_celery.jobs.service import JobService
from slimgest_celery.languages import data_package, parse_tags, unread
from slimgest_celery.models.file_type import HEAD_BYTES, FileType, describe_other, recognise
from slimgest_celery.models.job import Job, Mode, Options
from slimgest_celery.models.record import now
from slimgest_celery.state.errors import broker_errors
from slimgest_celery.state.job_state import JobState
from slimgest_celery.state.worker_registry import WorkerRegistry
from slimgest_celery.storage.job_files import JobFiles
from slimgest_celery.telemetry import tracing
from slimgest_celery.webhooks import http

_CLAIM_POLL_S = 0.1
_CLAIM_WAIT_S = 20.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Submission:
    """The PDFs and images that a client sent, and the options to read them with."""

    uploads: list[tuple[str, IO[bytes]]]  # file name as shown, seekable content
    options: Options
    password: str | None = None
    owner: str | None = None
    request_id: str | None = None
    callback_url: str | None = field(default=None, repr=False)
    callback_format: str | None = None

    def jobs(self, job_ids: list[str]) -> list[Job]:
        """Return the records of the jobs of this submission, one per file."""
        created_at = now()
        return [
            Job(
                job_id=job_id,
                filename=filename,
                options=self.options,
                created_at=created_at,
                owner=self.owner,
                request_id=self.request_id,
                callback_url=self.callback_url,
                callback_format=self.callback_format,
                trace=tracing.context(),
            )
            for job_id, (filename, _) in zip(job_ids, self.uploads, strict=True)
        ]

    def fingerprint(self) -> str:
        """Return a hash of the content: two submissions with the same hash are the same request."""
        digest = hashlib.sha256(repr((self.options, self.password, self.callback_url, self.callback_format)).encode())
        for filename, content in self.uploads:
            digest.update(repr((filename, hashlib.file_digest(content, "sha256").digest())).encode())  # type: ignore[arg-type]
            content.seek(0)
        return digest.hexdigest()

    def file_types(self) -> list[FileType]:
        """Return the type of each file. Raises `UploadEmpty` or `UnsupportedFile`."""
        return [_file_type(filename, content) for filename, content in self.uploads]


def _file_type(filename: str, content: IO[bytes]) -> FileType:
    head = content.read(HEAD_BYTES)
    content.seek(0)
    if not head:
        raise UploadEmpty(f"The uploaded file {filename!r} is empty.")
    if file_type := recognise(head):
        return file_type
    if other := describe_other(head, filename):
        name, advice = other
        raise UnsupportedFile(f"{filename!r} is {name}; {advice}.")
    raise UnsupportedFile(f"{filename!r} is neither a PDF nor an image that slimgest reads.")


class Submitter:
    """Turns submissions into queued jobs."""

    def __init__(
        self,
        *,
        settings: Settings,
        files: JobFiles,
        job_state: JobState,
        jobs: JobService,
        admission: AdmissionControl,
        worker_registry: WorkerRegistry,
    ) -> None:
        self._settings = settings
        self._files = files
        self._job_state = job_state
        self._jobs = jobs
        self._admission = admission
        self._worker_registry = worker_registry

    def submit(self, submission: Submission, job_ids: list[str] | None = None) -> list[Job]:
        """Accept the files of a submission, all or none, and return their jobs.

        Raises `UploadEmpty`, `UnsupportedFile`, `LanguageUnavailable`, the errors of `webhooks.http.check`,
        `QueueFull`, `StorageUnavailable` or `BrokerUnavailable`; then nothing is queued and nothing remains in storage.
        """
        file_types = submission.file_types()
        submission = self._with_languages(submission)
        if submission.callback_url is not None:
            http.check(submission.callback_url, self._settings)
        jobs = submission.jobs(job_ids or _new_ids(len(submission.uploads)))
        self._admission.admit(jobs)
        try:
            with broker_errors():
                for job, (_, content), file_type in zip(jobs, submission.uploads, file_types, strict=True):
                    self._files.create(job, content, submission.password, is_image=file_type.is_image)
                for job in jobs:
                    self._jobs.send(job)
        except BaseException:
            self._withdraw(jobs)
            raise
        for job in jobs:
            _log.info("job accepted", extra={"job_id": job.job_id, "request_id": job.request_id, "owner": job.owner})
        return jobs

    def _with_languages(self, submission: Submission) -> Submission:
        """Return the submission with the languages of its options, or those of the settings.

        Raises `LanguageUnavailable` if the workers have said what they read, and one of the languages is not in it.
        """
        languages = submission.options.languages or self._settings.languages
        options = Options.model_validate({**submission.options.model_dump(), "languages": languages})
        tags = parse_tags(languages)
        if tags and options.mode != Mode.TEXT:
            with broker_errors():
                readable = {tag for worker in self._worker_registry.workers() for tag in worker.languages}
            if readable and (missing := unread(readable, tags)):
                raise _language_unavailable(missing, readable)
        return replace(submission, options=options)

    def submit_once(self, submission: Submission, key: str) -> list[Job]:
        """Submit, unless a submission with the same idempotency key came before: then return the jobs of that one.

        This also works if both arrive at the same time. Raises `KeyReused` if the submissions differ, and as `submit`.
        """
        name, fingerprint = _sha256(f"{submission.owner}\0{key}".encode()), submission.fingerprint()
        job_ids = _new_ids(len(submission.uploads))
        deadline_s = time.monotonic() + _CLAIM_WAIT_S
        while earlier := self._claim(name, fingerprint, job_ids):
            if earlier[0] != fingerprint:
                raise KeyReused
            jobs = [self._jobs.job(job_id) for job_id in earlier[1:] if self._is_known(job_id)]
            if len(jobs) == len(earlier) - 1:
                return jobs
            if time.monotonic() > deadline_s:  # the process of the other request died: its claim expires
                raise BrokerUnavailable("A request with this Idempotency-Key is still being stored; ask again soon.")
            time.sleep(_CLAIM_POLL_S)  # if the other request fails, its claim is released and this one succeeds
        try:
            accepted = self.submit(submission, job_ids)
        except BaseException:
            with broker_errors():
                self._job_state.release_claim(name)
            raise
        with broker_errors():
            self._job_state.confirm(name)
        return accepted

    def _is_known(self, job_id: str) -> bool:
        return self._files.exists(job_id) or self._jobs.expired(job_id)

    def _claim(self, name: str, fingerprint: str, job_ids: list[str]) -> list[str]:
        """Return the fingerprint and job ids of an earlier claim; empty if this claim succeeded."""
        with broker_errors():
            earlier = self._job_state.claim(name, " ".join([fingerprint, *job_ids]))
        return earlier.split(" ") if earlier else []

    def _withdraw(self, jobs: list[Job]) -> None:
        """Delete a refused submission completely, so that the reconciler never finds and reads it."""
        for job in jobs:
            with suppress(StorageUnavailable):
                self._files.delete(job.job_id)
        for job in jobs:
            with suppress(RedisError):  # the job keeps its place in the queue until the reconciler finds it empty
                self._job_state.refuse(job.job_id, job.owner)


def _language_unavailable(missing: Sequence[str], readable: Collection[str]) -> LanguageUnavailable:
    packages = " ".join(map(data_package, missing))
    return LanguageUnavailable(
        f"No engine of this service reads {', '.join(missing)}. It reads {', '.join(sorted(readable))}.",
        f"Choose from these. Operator: install Tesseract and its data, such as `apt-get install {packages}`.",
    )


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _new_ids(count: int) -> list[str]:
    return [str(uuid.uuid4()) for _ in range(count)]
