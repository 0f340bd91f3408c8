"""The searchable PDF of a job: requested through the API, made once by a worker, then kept with the job.

The worker starts a process of its own for it (pipeline/searchable_pdf_process.py), limited in time and memory: a PDF
that breaks that process costs neither the worker its model nor a page its attempt. See also pdf/text_overlay.py.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from datetime import datetime
from pathlib import Path

from celery import Celery

from slimgest_celery.config import Settings
from slimgest_celery.errors import FormatFailed, JobUnknown, StorageUnavailable
from slimgest_celery.models.job import Document
from slimgest_celery.models.problem import Problem, StoredFailure
from slimgest_celery.sandbox.launcher import LAUNCHER
from slimgest_celery.state.errors import broker_errors
from slimgest_celery.state.job_state import JobState
from slimgest_celery.state.queues import step_priority
from slimgest_celery.storage.base import temporary_space_errors
from slimgest_celery.storage.job_files import JobFiles

_POLL_S = 0.1
_PROBLEM_S = 60  # that a request may come later, to learn that the storage is full
EXPORT_WAIT_S = 5.0  # that a request waits before it answers 202
_PAGES_PER_LIMIT = 100  # pages that may take, all together, as long as the reading of one page may
_PAGES_PER_STEP = 64  # a long document is made after the short ones, as if its owner waited for several


class SearchablePdfs:
    """The searchable PDFs of all jobs."""

    def __init__(self, *, settings: Settings, files: JobFiles, job_state: JobState, celery: Celery) -> None:
        self._settings = settings
        self._files = files
        self._job_state = job_state
        self._celery = celery

    # For the API

    def ready(self, head: Document, password: str | None, wait_s: float = EXPORT_WAIT_S) -> bool:
        """Return True if an ended job's searchable PDF is stored. If not, request it and wait up to `wait_s` seconds.

        Raises the reason if it could not be made. The next request tries again.
        """
        deadline_s = time.monotonic() + wait_s
        if not head.total_pages or head.completed_at is None:
            raise FormatFailed("There is no searchable PDF of a PDF that could not be opened.")
        while not self._files.has_export(head.job_id, file_name(head.completed_at)):
            if problem := self._pop_problem(head.job_id):
                raise StoredFailure(problem)
            self._request(head, password)
            if time.monotonic() >= deadline_s:
                return False
            time.sleep(_POLL_S)
        return True

    def _request(self, head: Document, password: str | None) -> None:
        """Queue the task unless it is queued or running.

        A person waits for it, so it comes before pages, unless the document is long or its owner waits for others.
        """
        limit_s = self._limit_s(head.total_pages)
        with broker_errors():
            if not self._job_state.acquire_lock(_lock(head.job_id), limit_s + 60):
                return
            if password is not None:
                self._files.put_export_password(head.job_id, password)
            others = self._job_state.begin_export(head.job_id, self._owner(head), limit_s + 60)
            priority = step_priority(others + head.total_pages // _PAGES_PER_STEP)
            self._celery.send_task("slimgest.export", args=(head.job_id,), priority=priority, time_limit=limit_s + 60)

    def _pop_problem(self, job_id: str) -> Problem | None:
        """Return why the PDF could not be made. The reason why nothing can be stored is in Redis."""
        with broker_errors():
            if note := self._job_state.pop_note(_lock(job_id)):
                return Problem.model_validate_json(note, extra="ignore")
        return self._files.pop_export_problem(job_id)

    # For workers

    def make(self, head: Document) -> None:
        """Make and store the searchable PDF of an ended job, or store why it cannot be made. Safe to repeat.

        If the storage is full, the next request tries again.
        """
        try:
            if head.status.ended and head.completed_at is not None:
                name = file_name(head.completed_at)
                if not self._files.has_export(head.job_id, name):
                    self._make(head, name)
            self._files.delete_export_password(head.job_id)
        except StorageUnavailable as error:
            self._job_state.put_note(_lock(head.job_id), Problem.from_error(error).model_dump_json(), _PROBLEM_S)
        self._job_state.end_export(head.job_id, self._owner(head))
        self._job_state.release_lock(_lock(head.job_id))

    def _make(self, head: Document, name: str) -> None:
        with temporary_space_errors(), tempfile.TemporaryDirectory(prefix="slimgest-") as folder:
            target = Path(folder) / name
            if problem := self._run_process(head, target):
                if problem.code == StorageUnavailable.code:
                    raise StorageUnavailable(problem.message)
                self._files.put_export_problem(head.job_id, problem)
            else:
                self._files.put_export(head.job_id, name, target)
            if not self._files.exists(head.job_id):  # deleted while the PDF was made
                self._files.delete(head.job_id)

    def _run_process(self, head: Document, target: Path) -> Problem | None:
        """Run the limited process. Return the problem that it reports, or the way in which it failed."""
        arguments = [head.job_id, str(target), str(self._settings.max_worker_mb)]
        password = json.dumps(self._files.export_password(head.job_id)).encode()
        limit_s, storage_url = self._limit_s(head.total_pages), self._settings.storage_url
        done = LAUNCHER.export(arguments, password, timeout_s=limit_s, storage_url=storage_url)
        if done.returncode is None:
            return Problem.from_error(FormatFailed("Making the PDF searchable took too long."))
        os.write(2, done.stderr)  # Celery replaces sys.stderr
        if done.stdout:
            return Problem.model_validate_json(done.stdout)
        if b"bad_alloc" in done.stderr:  # the C++ libraries may end the process instead of raising MemoryError
            return Problem.from_error(FormatFailed(FormatFailed.OUT_OF_MEMORY))
        if done.returncode or not target.exists():
            return Problem.from_error(FormatFailed("Making the PDF searchable ended the process that did it."))
        return None

    def _owner(self, head: Document) -> str | None:
        try:
            return self._files.job(head.job_id).owner
        except JobUnknown:  # deleted while the PDF was made: its entry is given up later
            return None

    def _limit_s(self, page_count: int) -> int:
        return self._settings.page_timeout_s * (1 + page_count // _PAGES_PER_LIMIT)


def file_name(completed_at: datetime) -> str:
    """Return the name of the stored file. A retried job ends again, and then needs another file."""
    return f"{completed_at:%Y%m%dT%H%M%S%f}.pdf"


def _lock(job_id: str) -> str:
    return f"export:{job_id}"
