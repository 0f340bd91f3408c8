"""A temporary private service in child processes, which leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from types import TracebackType
from typing import IO, Self

from slimgest_celery.client import Client
from slimgest_celery.errors import SlimgestError
from slimgest_celery.process_limits import end_with_parent

_START_S = 180.0
_STOP_S = 30.0


class LocalServiceFailed(RuntimeError):
    """The service did not start. The message contains the end of its log."""


class LocalService:
    """A service on a free port, started with `python -m workers up --private`."""

    def __init__(self, port: int, process: subprocess.Popen[bytes], log: IO[bytes]) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._process = process
        self._log = log

    @classmethod
    def start(cls, env: dict[str, str] | None = None) -> Self:
        """Start the processes. `env` is added to the environment of this process."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `stop`
        command = [sys.executable, "-m", "workers", "up", "--private", "--port", str(port)]
        process = subprocess.Popen(  # noqa: S603 - our own arguments
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            # Text layers need no OCR model, and for a scan it makes no difference when the model is loaded. Nobody
            # looks at images of pages while a file is read.
            env={"SLIMGEST_WARM_UP": "0", "SLIMGEST_EXPORT_WORKER": "0", **os.environ, **(env or {})},
            start_new_session=True,  # only this process receives Ctrl-C, and it stops the service
            preexec_fn=lambda: end_with_parent(signal.SIGTERM),
        )
        return cls(port, process, log)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()

    def wait_ready(self) -> None:
        """Wait until pages can be read. Raises `LocalServiceFailed`."""
        deadline_s = time.monotonic() + _START_S
        with Client(self.url, retry_for_s=0) as client:
            while not client.ready():
                if reason := self._worker_failure(client):
                    raise LocalServiceFailed(f"The worker cannot start: {reason}")
                if self._process.poll() is not None or time.monotonic() > deadline_s:
                    raise LocalServiceFailed(f"The service did not start. The end of its log:\n{self.log_tail()}")
                time.sleep(0.05)

    def stop(self) -> None:
        """End all processes at once. All results have been fetched."""
        for _ in range(2):  # the second signal ends the workers without waiting for their current page
            if self._process.poll() is None:
                self._process.send_signal(signal.SIGTERM)
                time.sleep(0.1)
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()

    def log_tail(self) -> str:
        """Return the last lines of the log."""
        self._log.seek(0)
        return b"\n".join(self._log.read().splitlines()[-20:]).decode(errors="replace")

    def _worker_failure(self, client: Client) -> str | None:
        """Return the reason why a worker cannot start, such as a missing engine. A restart would not help."""
        try:
            workers = client.service()["workers"]
        except SlimgestError:  # the service does not answer yet
            return None
        return next((worker["detail"] for worker in workers if worker["state"] == "failed"), None)
