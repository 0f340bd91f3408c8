"""A whole slimgest of one's own for a while: started as a child process, gone without a trace afterwards."""

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

from .client import Client
from .errors import SlimgestError
from .parent import end_with_parent

_START_S = 180.0
_STOP_S = 30.0


class LocalServiceFailed(RuntimeError):
    """The service ended instead of starting; the message holds the end of its log."""


class LocalService:
    """`python -m workers up --private` on a free port."""

    def __init__(self, port: int, process: subprocess.Popen[bytes], log: IO[bytes]) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._process = process
        self._log = log

    @classmethod
    def start(cls, env: dict[str, str] | None = None) -> Self:
        """Starts the processes; `env` is added to this process's environment."""
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
            # Text layers need no OCR model, and a scan waits for it no longer later than now.
            env={"SLIMGEST_WARM_UP": "0", **os.environ, **(env or {})},
            start_new_session=True,  # Ctrl-C comes here first, and is passed on
            preexec_fn=lambda: end_with_parent(signal.SIGTERM),
        )
        return cls(port, process, log)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()

    def wait_ready(self) -> None:
        """Returns when pages can be read; raises `LocalServiceFailed`."""
        deadline_s = time.monotonic() + _START_S
        with Client(self.url, retry_for_s=0) as client:
            while not client.ready():
                if reason := self._given_up(client):
                    raise LocalServiceFailed(f"The worker cannot start: {reason}")
                if self._process.poll() is not None or time.monotonic() > deadline_s:
                    raise LocalServiceFailed(f"The service did not start. The end of its log:\n{self.log_tail()}")
                time.sleep(0.05)

    def stop(self) -> None:
        """Ends everything at once: all that was wanted is here, and nothing of it will be there afterwards."""
        for _ in range(2):  # the second signal says that no page in hand is waited for
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
        """The last lines of what the processes wrote."""
        self._log.seek(0)
        return b"\n".join(self._log.read().splitlines()[-20:]).decode(errors="replace")

    def _given_up(self, client: Client) -> str | None:
        """Why a worker has given up, such as for want of an engine; starting it again would not help."""
        try:
            workers = client.service()["workers"]
        except SlimgestError:  # it does not answer yet
            return None
        return next((worker["detail"] for worker in workers if worker["state"] == "failed"), None)
