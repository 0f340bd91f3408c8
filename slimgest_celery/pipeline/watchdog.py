"""The limits of a worker child: time and memory per page, and the end of its job.

Code in C cannot be interrupted, only killed. So a thread watches the work of the child. Past a limit it stores and
publishes the failure, and then kills the process. Celery starts a new child with the same task, which finds that page
stored and continues with the next.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from slimgest_celery.errors import PageFailure, PageOutOfMemory, PageTimeout
from slimgest_celery.models.page import PageImageRequest
from slimgest_celery.process_limits import resident_bytes
from slimgest_celery.telemetry import logs

_PERIOD_S = 0.1
_ENDED_EVERY_S = 1.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Blame:
    """The PDF, page or image request that fails if the watched work exceeds a limit; or none of them.

    None of them fails while several pages are read at once: the next attempt reads these pages one by one.
    """

    whole_pdf: bool = False
    page_number: int | None = None
    image: PageImageRequest | None = None

    @classmethod
    def pdf(cls) -> Blame:
        """The PDF, while it is opened and its pages are planned."""
        return cls(whole_pdf=True)

    @classmethod
    def page(cls, page_number: int) -> Blame:
        return cls(page_number=page_number)

    @classmethod
    def image_request(cls, request: PageImageRequest) -> Blame:
        """The image request, while the image is rendered for a viewer. The job may have ended."""
        return cls(image=request)

    @classmethod
    def nobody(cls) -> Blame:
        return cls()

    @classmethod
    def pages(cls, page_numbers: Sequence[int]) -> Blame:
        """The page, if there is only one; else nobody."""
        return cls.page(page_numbers[0]) if len(page_numbers) == 1 else cls.nobody()


@dataclass(frozen=True, kw_only=True)
class WatchedWork:
    """The current work of the child."""

    job_id: str
    blame: Blame
    deadline_s: float  # on the monotonic clock


class Watchdog(threading.Thread):
    """Watches this process from a thread of its own. Started once per worker child."""

    def __init__(
        self,
        *,
        limit_s: float,
        limit_mb: int,
        ended: Callable[[str], bool],
        on_limit_exceeded: Callable[[WatchedWork, PageFailure], None],
    ) -> None:
        """`ended` checks if a job has ended. `on_limit_exceeded` stores and publishes a failure before the kill."""
        super().__init__(name="watchdog", daemon=True)
        self._limit_s = limit_s
        self._limit_bytes = limit_mb << 20
        self._ended = ended
        self._on_limit_exceeded = on_limit_exceeded
        self._work: WatchedWork | None = None
        self._lock = threading.Lock()
        self._next_check_s = 0.0

    @contextmanager
    def watch(self, job_id: str, blame: Blame, page_count: int = 1) -> Iterator[None]:
        """Apply the limits to the code inside. The time limit is per page."""
        deadline_s = time.monotonic() + self._limit_s * page_count
        self._work = WatchedWork(job_id=job_id, blame=blame, deadline_s=deadline_s)
        try:
            yield
        finally:
            with self._lock:  # a kill that has begun is completed
                self._work = None

    def run(self) -> None:
        while True:
            time.sleep(_PERIOD_S)
            with self._lock:
                if (work := self._work) is not None:
                    self._check(work)

    def _check(self, work: WatchedWork) -> None:
        if time.monotonic() > work.deadline_s:
            self._kill(work, PageTimeout())
        elif resident_bytes() > self._limit_bytes:
            self._kill(work, PageOutOfMemory())
        elif work.blame.image is None and time.monotonic() > self._next_check_s:
            self._next_check_s = time.monotonic() + _ENDED_EVERY_S
            if self._has_ended(work.job_id):
                self._kill(work, None)

    def _has_ended(self, job_id: str) -> bool:
        try:
            return self._ended(job_id)
        except Exception:  # Redis is unavailable: the page continues, as without a watchdog
            return False

    def _kill(self, work: WatchedWork, error: PageFailure | None) -> None:
        try:
            if error is not None:
                self._on_limit_exceeded(work, error)
        except Exception:  # the failure could not be stored: the number of attempts is still limited
            _log.exception("failure not stored", extra={"job_id": work.job_id})
        finally:
            _log.log(
                logging.WARNING if error else logging.INFO,
                "worker child ended: %s",
                error.message if error else "the job has ended",
                extra={"job_id": work.job_id, "code": error.code if error else None},
            )
            # No code in Python handles either signal, so C code cannot delay it.
            os.kill(os.getpid(), signal.SIGKILL if error else logs.CANCELLED)
