"""The open PDF of a job, kept from one task of a worker child to the next.

PDFium finds a page by walking over all pages before it, once per opened PDF. If it was opened for each task, the cost
of a book would grow with the square of its pages.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from functools import cached_property
from pathlib import Path

from slimgest_celery.errors import JobUnknown
from slimgest_celery.models.job import Job
from slimgest_celery.pdf.document import Pdf, open_pdf
from slimgest_celery.pdf.fingerprint import Fingerprints
from slimgest_celery.process_limits import resident_bytes
from slimgest_celery.storage.job_files import JobFiles

# PDFium keeps memory of every page that it has read until the PDF is closed: some 100 MB of a thousand pages. To open
# it again costs up to half a second, if its fonts need a repair.
_REOPEN_AFTER_TASKS = 8
_REOPEN_AFTER_BYTES = 64 << 20  # of growth
_IDLE_S = 15.0  # without a task; an open upload of a deleted job would keep its disk space

Limits = Callable[[], AbstractContextManager[None]]


class PdfSession:
    """The open PDF of a job, and its records."""

    def __init__(self, files: JobFiles, job_id: str, closing: ExitStack, limits: Limits) -> None:
        """Raises the errors of `open_pdf`, `JobUnknown`, and `FileNotFoundError` if there is no upload."""
        self._files = files
        self.record: Job = files.job(job_id)
        self.source: tuple[Path, str | None] = closing.enter_context(files.source(job_id)), files.password(job_id)
        with limits():  # not while the upload is fetched: the storage has its own limits, and the PDF is not to blame
            self.pdf: Pdf = open_pdf(*self.source)
        closing.callback(self.pdf.close)
        self.fingerprints = Fingerprints(self.source[0], len(self.pdf))
        closing.callback(self.fingerprints.close)

    @property
    def total(self) -> int:
        """The number of pages to read."""
        return len(self._page_numbers)

    @property
    def first(self) -> int:
        """The number of the first page to read."""
        return self._page_numbers[0]

    @cached_property
    def _page_numbers(self) -> list[int]:
        plan = self._files.plan(self.record.job_id)
        if plan is None:  # page tasks are sent only after the plan is stored
            raise JobUnknown
        return plan.page_numbers


class PdfSessions:
    """Keeps one session at a time, for the one thread of a worker child that uses PDFium.

    Between tasks, from `start_idle_timer` to `cancel_idle_timer`, the timer's thread may close it.
    """

    def __init__(self, files: JobFiles, idle_s: float = _IDLE_S) -> None:
        self._files = files
        self._idle_s = idle_s
        self._idle_timer: threading.Timer | None = None
        self._current: tuple[tuple[str, int], PdfSession] | None = None
        self._closing = ExitStack()
        self._tasks = 0
        self._bytes = 0  # of the process when the PDF was opened

    def get(self, job_id: str, retry_count: int, limits: Limits = nullcontext) -> PdfSession:
        """Return the session of a job, opened inside `limits()` if needed. It is valid until the next call.

        An upload never changes, but a retry may bring another password, so it opens the PDF again. Raises as
        `PdfSession`.
        """
        self._tasks += 1
        if self._current and self._current[0] == (job_id, retry_count) and not self._is_too_large():
            if not self._files.exists(job_id):
                raise JobUnknown
            return self._current[1]
        self.release()
        with ExitStack() as closing:  # closes everything if opening fails half-way
            session = PdfSession(self._files, job_id, closing, limits)
            self._current, self._closing = ((job_id, retry_count), session), closing.pop_all()
            self._tasks, self._bytes = 1, resident_bytes()
        return session

    def _is_too_large(self) -> bool:
        """Return True if the open PDF has made the process grow. At least some tasks share one opening."""
        return self._tasks > _REOPEN_AFTER_TASKS and resident_bytes() - self._bytes > _REOPEN_AFTER_BYTES

    def release(self) -> None:
        """Close the current session."""
        self._current, self._tasks = None, 0
        self._closing.close()

    def start_idle_timer(self) -> None:
        """Close the current session later, unless a task begins before."""
        self.cancel_idle_timer()
        if self._current:
            self._idle_timer = threading.Timer(self._idle_s, self.release)
            self._idle_timer.daemon = True
            self._idle_timer.start()

    def cancel_idle_timer(self) -> None:
        if self._idle_timer is not None:
            self._idle_timer.cancel()
            self._idle_timer.join()  # it may be closing the session at this moment
            self._idle_timer = None
