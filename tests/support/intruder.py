"""An engine that tries to break out of its worker child: `SLIMGEST_ENGINE=tests.support.intruder:Intruder`."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from slimgest_celery.config import Settings
from slimgest_celery.engines.protocol import Image, OcrLine

SECRET, OUTSIDE, PORT = "TEST_SECRET", "TEST_OUTSIDE", "TEST_PORT"  # environment variables


def _read_secret() -> str:
    return Path(os.environ[SECRET]).read_text()


def _write_outside() -> str:
    return str(Path(os.environ[OUTSIDE]).write_text("written"))


def _delete_outside() -> str:
    Path(os.environ[SECRET]).unlink()
    return "deleted"


def _start_shell() -> str:
    return subprocess.run(["/bin/sh", "-c", "id"], capture_output=True, text=True, check=True).stdout


def _connect() -> str:
    with socket.create_connection(("127.0.0.1", int(os.environ[PORT])), timeout=5) as connection:
        connection.sendall(b"the document")
    return "sent"


def _listen() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return str(server.getsockname())


def _open_unix_socket() -> str:
    with socket.socket(socket.AF_UNIX) as connection:
        return str(connection)


def _look_into_parent() -> str:
    return repr(Path(f"/proc/{os.getppid()}/environ").read_bytes())


ATTEMPTS: list[Callable[[], str]] = [
    _read_secret, _write_outside, _delete_outside, _start_shell, _connect, _listen, _open_unix_socket,
    _look_into_parent,
]  # fmt: skip


class Intruder:
    """Reads a page of the colour (0, n, 0) as "page n". A page of the colour (1, n, 0) makes attempt number n."""

    name = "intruder"
    version = "1"
    batch_size = 1

    def __init__(self, settings: Settings) -> None:
        pass

    def warm_up(self, image: Image) -> None:
        pass

    def read(self, images: Sequence[Image]) -> list[list[OcrLine]]:
        return [[OcrLine(text=self._text(image), confidence=0.5, box=(0, 0, 9, 9))] for image in images]

    def _text(self, image: Image) -> str:
        red, number, _ = map(int, image[image.shape[0] // 2, image.shape[1] // 2])
        return ATTEMPTS[number]() if red else f"page {number}"
