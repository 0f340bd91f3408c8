"""The job that a worker child reads, held open from one of its tasks to the next.

PDFium finds a page by walking over all pages before it, once per opened PDF: opened anew for each task, a book would
cost the square of its pages.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from functools import cached_property
from pathlib import Path

from .errors import JobUnknown
from .files import JobFiles
from .fingerprints import Fingerprints
from .model import Job
from .pdf import Pdf, open_pdf

_RENEWED_AFTER = 8  # tasks: PDFium keeps some of every page that it has read for as long as a PDF is open
_IDLE_S = 15.0  # without a task: a deleted job's upload would stay on the disk for as long as it is open

Watch = Callable[[], AbstractContextManager[None]]


class OpenJob:
    """A job's PDF, open, and what its tasks need to know of it."""

    def __init__(self, files: JobFiles, job_id: str, closing: ExitStack, watch: Watch) -> None:
        """Raises what `pdf.open_pdf` raises, `JobUnknown`, and `FileNotFoundError` where there is no upload."""
        self._files = files
        self.record: Job = files.job(job_id)
        self.source: tuple[Path, str | None] = closing.enter_context(files.source(job_id)), files.password(job_id)
        with watch():  # but not while the upload is fetched: that has limits of its own, and is no fault of the PDF
            self.pdf: Pdf = open_pdf(*self.source)
        closing.callback(self.pdf.close)
        self.fingerprints = Fingerprints(self.source[0], len(self.pdf))
        closing.callback(self.fingerprints.close)

    @property
    def total(self) -> int:
        """How many pages are to be read."""
        return len(self._page_numbers)

    @property
    def first(self) -> int:
        """The first of them."""
        return self._page_numbers[0]

    @cached_property
    def _page_numbers(self) -> list[int]:
        plan = self._files.plan(self.record.job_id)
        if plan is None:  # no page is sent before it is stored
            raise JobUnknown
        return plan.page_numbers


class OpenJobs:
    """Holds one job at a time, for the one thread of a worker child that uses PDFium.

    Between tasks, from `rest` to `wake`, another may close it.
    """

    def __init__(self, files: JobFiles, idle_s: float = _IDLE_S) -> None:
        self._files = files
        self._idle_s = idle_s
        self._resting: threading.Timer | None = None
        self._held: tuple[tuple[str, int], OpenJob] | None = None
        self._closing = ExitStack()
        self._tasks = 0

    def hold(self, job_id: str, run: int, watch: Watch = nullcontext) -> OpenJob:
        """The job, opened (under `watch`) unless it was, which lasts until the next call; raises as `OpenJob`.

        An upload never changes, but a retry may bring another password: it is another `run`.
        """
        self._tasks += 1
        if self._held and self._held[0] == (job_id, run) and self._tasks <= _RENEWED_AFTER:
            if not self._files.exists(job_id):
                raise JobUnknown
            return self._held[1]
        self.release()
        with ExitStack() as closing:  # what fails half-way leaves nothing open
            job = OpenJob(self._files, job_id, closing, watch)
            self._held, self._closing, self._tasks = ((job_id, run), job), closing.pop_all(), 1
        return job

    def release(self) -> None:
        """Closes what is held."""
        self._held, self._tasks = None, 0
        self._closing.close()

    def rest(self) -> None:
        """A task is over: what is held is closed unless the next one comes soon."""
        self.wake()
        if self._held:
            self._resting = threading.Timer(self._idle_s, self.release)
            self._resting.daemon = True
            self._resting.start()

    def wake(self) -> None:
        """A task begins."""
        if self._resting is not None:
            self._resting.cancel()
            self._resting.join()  # it may be closing in this moment
            self._resting = None
