"""Keeps processes running: starts them, restarts one that dies, lets each finish what it has in hand at the end."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from slimgest_celery.parent import end_with_parent

_HEALTHY_S = 30.0  # a process that lived this long had no trouble starting
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Service:
    """A process to be kept running."""

    name: str
    argv: list[str]
    env: dict[str, str] = field(default_factory=dict)  # added to this process's own
    foundation: bool = False  # the others stand on it: it goes last


def backoff_s(failures: int) -> float:
    """How long to wait before a restart: 0.5 s after the first failure in a row, doubling to 30 s."""
    return float(min(30.0, 0.5 * 2 ** max(0, failures - 1)))


class Supervisor:
    """Runs services. `check` is to be called often; it does not block."""

    def __init__(self, services: Sequence[Service], drain_s: float) -> None:
        """`drain_s`: how long a process may take to end after SIGTERM before it is killed."""
        self._kept = [_Kept(service) for service in services]
        self._drain_s = drain_s

    def start(self) -> None:
        for kept in self._kept:
            kept.start()

    def check(self) -> None:
        """Restarts what has died, after its back-off."""
        for kept in self._kept:
            kept.check()

    def stop(self) -> None:
        """Ends everything, foundations when the others are gone; whoever drains for too long is killed."""
        for foundation in (False, True):
            going = [kept for kept in reversed(self._kept) if kept.service.foundation == foundation]
            for kept in going:
                kept.signal(signal.SIGTERM)
            deadline_s = time.monotonic() + self._drain_s
            for kept in going:
                kept.wait(max(0.0, deadline_s - time.monotonic()))

    def run(self) -> None:
        """Runs everything until SIGTERM or SIGINT (Ctrl-C); a second one stops waiting for pages in hand."""
        stops: list[int] = []
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda got, _frame: self._on_signal(got, stops))
        self.start()
        try:
            while not stops:
                self.check()
                time.sleep(0.1)
        finally:
            self.stop()

    def _on_signal(self, number: int, stops: list[int]) -> None:
        stops.append(number)
        if len(stops) > 1:
            self._drain_s = 0.0
            for kept in self._kept:
                kept.signal(signal.SIGKILL)

    def pids(self) -> dict[str, int]:
        """The process id of each service that runs now."""
        return {kept.service.name: kept.process.pid for kept in self._kept if kept.process}


class _Kept:
    """One service and the process that runs it now.

    Each process has a temporary folder of its own, which goes with it: one that was killed cleans nothing up.
    """

    def __init__(self, service: Service) -> None:
        self.service = service
        self.process: subprocess.Popen[bytes] | None = None
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._started_s = 0.0
        self._failures = 0
        self._restart_s: float | None = None

    def start(self) -> None:
        self._started_s, self._restart_s = time.monotonic(), None
        self._temporary = tempfile.TemporaryDirectory(
            prefix=f"slimgest-{self.service.name}-", ignore_cleanup_errors=True
        )
        self.process = subprocess.Popen(  # noqa: S603 - our own arguments
            self.service.argv,
            env={**os.environ, "TMPDIR": self._temporary.name, **self.service.env},
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the supervisor, which tells its processes in order
            preexec_fn=lambda: end_with_parent(signal.SIGTERM),  # a killed supervisor leaves nothing running
        )

    def check(self) -> None:
        now_s = time.monotonic()
        if self._restart_s is not None:
            if now_s >= self._restart_s:
                self.start()
        elif self.process is not None and self.process.poll() is not None:
            self._clean_up()
            self._failures = 1 if now_s - self._started_s > _HEALTHY_S else self._failures + 1
            self._restart_s = now_s + backoff_s(self._failures)
            _log.warning(
                "%s ended (%s); starting it again in %.1f s",
                self.service.name,
                self.process.returncode,
                backoff_s(self._failures),
            )

    def signal(self, number: int) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def wait(self, seconds: float) -> None:
        if self.process is None:
            return
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            _log.warning("%s has not ended in time and is killed", self.service.name)
            self.process.kill()
            self.process.wait()
        self._clean_up()

    def _clean_up(self) -> None:
        if self._temporary is not None:
            self._temporary.cleanup()
            self._temporary = None
