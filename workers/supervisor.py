"""The supervision of processes: start them, restart those that end, and let each finish its current work at the end."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from slimgest_celery.process_limits import end_with_parent

_HEALTHY_S = 30.0  # a process that ran this long has started correctly
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Service:
    """A process to supervise."""

    name: str
    argv: list[str]
    env: dict[str, str] = field(default_factory=dict)  # added to this process's own
    stop_last: bool = False  # the other services need it until they have ended
    delay_s: float = 0.0  # before its first start


def backoff_s(failures: int) -> float:
    """Return the delay before a restart: 0.5 s after the first failure in a row, then doubled up to 30 s."""
    return float(min(30.0, 0.5 * 2 ** max(0, failures - 1)))


class Supervisor:
    """Runs services. Call `check` often; it does not block."""

    def __init__(self, services: Sequence[Service], stop_timeout_s: float) -> None:
        """A process that runs `stop_timeout_s` seconds after SIGTERM is killed."""
        self._supervised = [_Supervised(service) for service in services]
        self._stop_timeout_s = stop_timeout_s

    def start(self) -> None:
        for one in self._supervised:
            one.start_after_delay()

    def check(self) -> None:
        """Restart processes that have ended, each after its delay."""
        for one in self._supervised:
            one.check()

    def stop(self) -> None:
        """End all processes, those with `stop_last` after the others. Kill those that take too long."""
        for stop_last in (False, True):
            group = [one for one in reversed(self._supervised) if one.service.stop_last == stop_last]
            for one in group:
                one.signal(signal.SIGTERM)
            deadline_s = time.monotonic() + self._stop_timeout_s
            for one in group:
                one.wait(max(0.0, deadline_s - time.monotonic()))

    def run(self, watch: Iterator[object] | None = None) -> None:
        """Run all services until SIGTERM or SIGINT (Ctrl-C). A second signal ends them without waiting for pages.

        Between two checks, the next value of `watch` is taken: it may do something that needs no thread.
        """
        stops: list[int] = []
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda received, _frame: self._on_signal(received, stops))
        self.start()
        try:
            while not stops:
                self.check()
                if watch is not None:
                    next(watch, None)
                time.sleep(0.1)
        finally:
            self.stop()

    def _on_signal(self, number: int, stops: list[int]) -> None:
        stops.append(number)
        if len(stops) == 1:
            _log.warning("stopping; workers finish and store their current pages")
        else:
            self._stop_timeout_s = 0.0
            for one in self._supervised:
                one.signal(signal.SIGKILL)

    def pids(self) -> dict[str, int]:
        """Return the process id of each running service by its name."""
        return {one.service.name: one.process.pid for one in self._supervised if one.process}


class _Supervised:
    """A service and its current process.

    Each process has its own temporary folder, which is deleted here: a killed process cannot do that.
    """

    def __init__(self, service: Service) -> None:
        self.service = service
        self.process: subprocess.Popen[bytes] | None = None
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._started_s = 0.0
        self._failures = 0
        self._start_s: float | None = None

    def start_after_delay(self) -> None:
        if self.service.delay_s:
            self._start_s = time.monotonic() + self.service.delay_s
        else:
            self.start()

    def start(self) -> None:
        self._started_s, self._start_s = time.monotonic(), None
        self._temporary = tempfile.TemporaryDirectory(
            prefix=f"slimgest-{self.service.name}-", ignore_cleanup_errors=True
        )
        self.process = subprocess.Popen(  # noqa: S603 - our own arguments
            self.service.argv,
            env={**os.environ, "TMPDIR": self._temporary.name, **self.service.env},
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the supervisor, which ends its processes in order
            preexec_fn=lambda: end_with_parent(signal.SIGTERM),  # they end also if the supervisor is killed
        )

    def check(self) -> None:
        now_s = time.monotonic()
        if self._start_s is not None:
            if now_s >= self._start_s:
                self.start()
        elif self.process is not None and self.process.poll() is not None:
            self._clean_up()
            self._failures = 1 if now_s - self._started_s > _HEALTHY_S else self._failures + 1
            self._start_s = now_s + backoff_s(self._failures)
            _log.warning(
                "%s ended (%s); it starts again in %.1f s",
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
            _log.warning("%s did not end in time; it is killed", self.service.name)
            self.process.kill()
            self.process.wait()
        self._clean_up()

    def _clean_up(self) -> None:
        if self._temporary is not None:
            self._temporary.cleanup()
            self._temporary = None
