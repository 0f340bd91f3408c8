"""The limits of a worker child: time and memory per page, and the end of its job.

Code in C cannot be interrupted, only ended. So a thread watches what the child works on; past a limit it stores and
tells the page's failure, and then ends the process. Celery starts a new child and gives it the same task, which finds
that page done and goes on with the next.
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

from .errors import PageFailure, PageOutOfMemory, PageTimeout
from .images import ImageAsked

_PERIOD_S = 0.1
_ENDED_EVERY_S = 1.0
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Watch:
    """What the child works on now."""

    job_id: str
    page_numbers: Sequence[int] | None  # None while the PDF itself is opened
    deadline_s: float  # on the monotonic clock
    image: ImageAsked | None = None  # which is drawn for somebody who looks, whether the job has ended or not


class Guard(threading.Thread):
    """Watches this process from a thread of its own; started once per worker child."""

    def __init__(
        self,
        *,
        limit_s: float,
        limit_mb: int,
        ended: Callable[[str], bool],
        condemn: Callable[[Watch, PageFailure], None],
    ) -> None:
        """`ended` says whether a job is over; `condemn` stores and tells a failure before the process goes."""
        super().__init__(name="guard", daemon=True)
        self._limit_s = limit_s
        self._limit_bytes = limit_mb << 20
        self._ended = ended
        self._condemn = condemn
        self._watch: Watch | None = None
        self._lock = threading.Lock()
        self._next_look_s = 0.0

    @contextmanager
    def watch(self, job_id: str, page_numbers: Sequence[int] | None, image: ImageAsked | None = None) -> Iterator[None]:
        """Holds what happens inside to the limits: that of time counts for each page."""
        deadline_s = time.monotonic() + self._limit_s * len(page_numbers or [0])
        self._watch = Watch(job_id=job_id, page_numbers=page_numbers, deadline_s=deadline_s, image=image)
        try:
            yield
        finally:
            with self._lock:  # a verdict once begun is carried out
                self._watch = None

    def run(self) -> None:
        while True:
            time.sleep(_PERIOD_S)
            with self._lock:
                watch = self._watch
                if watch is not None:
                    self._look(watch)

    def _look(self, watch: Watch) -> None:
        if time.monotonic() > watch.deadline_s:
            self._end(watch, PageTimeout())
        elif resident_bytes() > self._limit_bytes:
            self._end(watch, PageOutOfMemory())
        elif watch.image is None and time.monotonic() > self._next_look_s:
            self._next_look_s = time.monotonic() + _ENDED_EVERY_S
            if self._is_ended(watch.job_id):
                self._end(watch, None)

    def _is_ended(self, job_id: str) -> bool:
        try:
            return self._ended(job_id)
        except Exception:  # Redis is away: the page goes on, as it would without a guard
            return False

    def _end(self, watch: Watch, error: PageFailure | None) -> None:
        try:
            if error is not None:
                self._condemn(watch, error)
        except Exception:  # it could not be stored: the count of attempts still ends it
            _log.exception("failure not stored", extra={"job_id": watch.job_id})
        finally:
            _log.warning(
                "worker child ended: %s",
                error.message if error else "the job has ended",
                extra={"job_id": watch.job_id, "code": error.code if error else None},
            )
            os.kill(os.getpid(), signal.SIGKILL)


def resident_bytes() -> int:
    """This process's resident memory; 0 where the system does not tell (it is then not limited)."""
    try:
        # In as few steps as can be: between two looks the engine's data push all of Python's out of the caches.
        file = os.open("/proc/self/statm", os.O_RDONLY)
    except OSError:
        return 0
    try:
        return int(os.read(file, 128).split()[1]) * _PAGE_BYTES
    finally:
        os.close(file)
