"""An S3 server of one's own, with one bucket: moto's, as a process that can be held and let go."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.support.stack import wait_for
from workers.redis_server import free_port

BUCKET = "slimgest-tests"


class S3Server:
    """Started at once; all is lost when it ends."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.endpoint = f"http://127.0.0.1:{free_port()}"
        with (folder / "s3.log").open("ab") as log:
            self.process = subprocess.Popen(server(self.endpoint), stdout=log, stderr=log)
        wait_for(lambda: make_bucket(self.endpoint), what="the S3 server")

    @property
    def env(self) -> dict[str, str]:
        """What a process needs to reach it: Amazon's usual variables, and ours."""
        return {**aws(self.endpoint), "SLIMGEST_STORAGE_URL": f"s3://{BUCKET}/some/prefix"}

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


def server(endpoint: str) -> list[str]:
    url = httpx.URL(endpoint)
    return [sys.executable, "-m", "moto.server", "-H", url.host, "-p", str(url.port)]


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
