"""An S3 server with one bucket: moto in its own process, which a test can stop and continue.

`python -m tests.support.s3 HOST PORT` is that process.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import run_simple

from tests.support.ports import free_port
from tests.support.processes import start
from tests.support.stack import wait_for

BUCKET = "slimgest-tests"


class S3Server:
    """Runs from the start; its data are lost when it ends."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.endpoint = f"http://127.0.0.1:{free_port()}"
        with (folder / "s3.log").open("ab") as log:
            self.process = start(server(self.endpoint), stdout=log, stderr=log)
        wait_for(lambda: make_bucket(self.endpoint), what="the S3 server")

    @property
    def env(self) -> dict[str, str]:
        """The variables that a process needs: the usual ones of Amazon, and ours."""
        return {**aws(self.endpoint), "SLIMGEST_STORAGE_URL": f"s3://{BUCKET}/some/prefix"}

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


def server(endpoint: str) -> list[str]:
    url = httpx.URL(endpoint)
    return [sys.executable, "-m", "tests.support.s3", url.host, str(url.port)]


def aws(endpoint: str) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "somebody",
        "AWS_SECRET_ACCESS_KEY": "a secret of nobody",
        "AWS_DEFAULT_REGION": "us-east-1",
    }


def make_bucket(endpoint: str) -> bool:
    try:
        return httpx.put(f"{endpoint}/{BUCKET}", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


@contextmanager
def s3_server(folder: Path) -> Iterator[S3Server]:
    server = S3Server(folder)
    try:
        yield server
    finally:
        server.stop()


class _OneCreationAtATime:
    """moto looks whether an object exists and then writes it; S3 does both in one step."""

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self._app = app
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, object], start_response: object) -> Iterable[bytes]:
        if "HTTP_IF_NONE_MATCH" not in environ:
            return self._app(environ, start_response)
        with self._lock:
            return self._app(environ, start_response)


def _serve(host: str, port: int) -> None:
    app = _OneCreationAtATime(DomainDispatcherApplication(create_backend_app))
    run_simple(host, port, app, threaded=True, request_handler=MotoRequestHandler)


if __name__ == "__main__":
    _serve(sys.argv[1], int(sys.argv[2]))
