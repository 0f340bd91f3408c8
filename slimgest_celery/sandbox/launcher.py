"""Starts programs for a worker child, which may start none itself.

The child starts this file as a process, before it enters its sandbox. The process starts two programs of slimgest and
no others: the one that makes a searchable PDF, which has a sandbox of its own, and the one that sends webhooks, which
opens no PDF. Requests are JSON lines on standard input; the answers are JSON lines on standard output:

    {"arguments": [...], "input": "...", …}   →   {"returncode": 0, "stdout": "...", "stderr": "..."}
    {"wake": true}                                no answer

The process imports only the standard library, so it needs little memory. It ends with its standard input.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from typing import Any

_EXPORT = "slimgest_celery.pipeline.searchable_pdf_process"
_WEBHOOKS = "workers.webhook_sender"


@dataclass(frozen=True, kw_only=True)
class Finished:
    """The end of a program. `returncode` is None if it took too long."""

    returncode: int | None
    stdout: bytes
    stderr: bytes


class Launcher:
    """The launcher process of this worker child."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start the process. Call it before the sandbox, which the process would inherit."""
        self._process = subprocess.Popen(  # noqa: S603 - our own arguments
            [sys.executable, "-P", __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )

    @property
    def is_started(self) -> bool:
        return self._process is not None

    def export(self, arguments: list[str], given: bytes, *, timeout_s: float, storage_url: str) -> Finished:
        """Run the program that makes a searchable PDF: by the launcher process, or directly if there is none."""
        if self._process is None:
            return _run(arguments, given, timeout_s, storage_url)
        request = {
            "arguments": arguments,
            "input": _encode(given),
            "timeout_s": timeout_s,
            "storage_url": storage_url,
        }
        with self._lock:
            self._send(request)
            answer = json.loads(self._process.stdout.readline())  # type: ignore[union-attr]
        return Finished(
            returncode=answer["returncode"], stdout=_decode(answer["stdout"]), stderr=_decode(answer["stderr"])
        )

    def wake_webhook_sender(self) -> None:
        """Let the program that sends webhooks look for due ones. Start it first if it does not run."""
        with self._lock:
            self._send({"wake": True})

    def _send(self, request: dict[str, Any]) -> None:
        self._process.stdin.write(json.dumps(request).encode() + b"\n")  # type: ignore[union-attr]


LAUNCHER = Launcher()  # of this process; not started in other processes than worker children


# --- The launcher process ---------------------------------------------------------------------------------------------


def _serve() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the supervisor
    sender: subprocess.Popen[bytes] | None = None
    for line in sys.stdin.buffer:
        request = json.loads(line)
        if "wake" in request:
            sender = _wake(sender)
            continue
        done = _run(request["arguments"], _decode(request["input"]), request["timeout_s"], request["storage_url"])
        answer = {"returncode": done.returncode, "stdout": _encode(done.stdout), "stderr": _encode(done.stderr)}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    if sender is not None:
        sender.kill()


def _run(arguments: list[str], given: bytes, timeout_s: float, storage_url: str) -> Finished:
    command = [sys.executable, "-m", _EXPORT, *arguments, str(os.getpid())]
    try:
        done = subprocess.run(  # noqa: S603 - our own arguments
            command,
            input=given,
            capture_output=True,
            timeout=timeout_s,
            env={**os.environ, "SLIMGEST_STORAGE_URL": storage_url},
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        return Finished(returncode=None, stdout=b"", stderr=error.stderr or b"")
    return Finished(returncode=done.returncode, stdout=done.stdout, stderr=done.stderr)


def _wake(sender: subprocess.Popen[bytes] | None) -> subprocess.Popen[bytes]:
    if sender is None or sender.poll() is not None:
        command = [sys.executable, "-m", _WEBHOOKS, str(os.getpid())]
        sender = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, bufsize=0)  # noqa: S603 - our own arguments
    try:
        sender.stdin.write(b"\n")  # type: ignore[union-attr]
    except BrokenPipeError:  # it has just ended: the next request starts another
        sender.kill()
    return sender


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _decode(text: str) -> bytes:
    return base64.b64decode(text)


if __name__ == "__main__":
    _serve()
