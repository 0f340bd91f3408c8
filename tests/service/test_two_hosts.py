"""Two hosts that share only Redis and S3; one loses its network while it reads a page."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support import hosts, pdfs
from tests.support.hosts import Host, hub_and_hosts
from tests.support.s3 import BUCKET, aws, server
from tests.support.stack import Stack, wait_for
from workers.redis_server import find_server

PAGES = 60
PASSWORD = "shared by both hosts"
S3_PORT = 9000
_SUPERVISED = (
    "import sys; from workers.supervisor import *; Supervisor([Service(name='w', argv=sys.argv[1:])], 5).run()"
)
_MAKE_BUCKET = f"import httpx; httpx.put('http://127.0.0.1:{S3_PORT}/{BUCKET}').raise_for_status()"


class Spread(Stack):
    """Redis and the S3 server on the hub; a supervised worker on each host; API and beat on the first."""

    def __init__(self, folder: Path, hub: str, found: list[Host]) -> None:
        self._hub, self._hosts = hub, found
        super().__init__(folder, "redis://unused", {"TEST_ENGINE_SECONDS": "0.3"})
        self._socket = str(folder / "api.sock")

    def start(self) -> None:
        redis = ["--bind", "0.0.0.0", "--requirepass", PASSWORD, "--save", "", "--dir", str(self.folder)]
        self.spawn(*hosts.inside(self._hub, find_server(), *redis), log="redis")
        self.spawn(*hosts.inside(self._hub, *server(f"http://0.0.0.0:{S3_PORT}")), log="s3")
        made = hosts.inside(self._hub, sys.executable, "-c", _MAKE_BUCKET)
        wait_for(lambda: self.spawn(*made, log="bucket").wait() == 0, what="the bucket")
        for number, host in enumerate(self._hosts):
            worker = [*_celery("worker"), "-n", f"cpu0@host{number}", "-l", "INFO"]
            self.spawn(*host.argv(sys.executable, "-c", _SUPERVISED, *worker), log=f"worker{number}", env=_env(host))
        api = [sys.executable, "-m", "gunicorn", "-k", "gevent", "-b", f"unix:{self._socket}", "api:create_app()"]
        self.spawn(*self._hosts[0].argv(*api), log="api", env=_env(self._hosts[0]))
        beat = [*_celery("beat"), "-s", str(self.folder / "beat"), "--pidfile="]
        self.spawn(*self._hosts[0].argv(*beat), log="beat", env=_env(self._hosts[0]))
        wait_for(self._listens, what="the API", logs=self.folder)
        wait_for(lambda: len(self.at_work()) == 2, what="two workers", logs=self.folder)

    def _listens(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(self._socket) == 0

    def at_work(self) -> set[str]:
        return {worker["name"] for worker in self.ready_workers()}

    def request(self, method: str, path: str, headers: dict[str, str] | None = None, **how: Any) -> httpx.Response:
        with httpx.Client(transport=httpx.HTTPTransport(uds=self._socket), timeout=60) as client:
            return client.request(method, f"http://localhost{path}", headers=headers, **how)

    def readers(self, job_id: str) -> list[str]:
        """Return the worker of each page read so far."""
        answers = [self.get(f"/jobs/{job_id}/pages/{number}") for number in range(1, PAGES + 1)]
        return [answer.json()["worker"] for answer in answers if answer.status_code == 200]


def _celery(what: str) -> list[str]:
    return [sys.executable, "-m", "celery", "-A", "slimgest_celery", what]


def _env(host: Host) -> dict[str, str]:
    return {
        **aws(f"http://{host.hub_address}:{S3_PORT}"),
        "SLIMGEST_REDIS_URL": f"redis://:{PASSWORD.replace(' ', '%20')}@{host.hub_address}:6379/0",
        "SLIMGEST_STORAGE_URL": f"s3://{BUCKET}/jobs",
    }


@pytest.fixture
def spread(tmp_path: Path) -> Iterator[tuple[Spread, Host]]:
    """The service, and the host that has only a worker."""
    if reason := hosts.why_unavailable():
        pytest.skip(reason)
    with hub_and_hosts(2) as (hub, found):
        stack = Spread(tmp_path, hub, found)
        try:
            stack.start()
            yield stack, found[1]
        finally:
            stack.stop()


@pytest.mark.slow  # nearly a minute, mostly until a registration expires; `make slow` and `make faults` run it
def test_a_host_without_network_loses_no_page_and_works_again_afterwards(spread: tuple[Spread, Host]) -> None:
    stack, host = spread
    job_id = stack.submit(pdfs.numbered(PAGES))
    seen: set[tuple[str, int]] = set()
    wait_for(lambda: _both_have_read(stack, job_id, seen), what="pages on both hosts", within_s=30)
    host.disconnect()
    assert stack.wait_end(job_id, within_s=90)["status"] == "completed"
    pages = stack.document(job_id)["pages"]
    assert [page["text"] for page in pages] == [f"page {number}" for number in range(1, PAGES + 1)]
    assert 0 < sum(page["worker"] == "cpu0@host1" for page in pages) < PAGES // 2
    wait_for(lambda: stack.at_work() == {"cpu0@host0"}, what="the expiry of its worker")

    host.reconnect()
    wait_for(lambda: len(stack.at_work()) == 2, what="its worker again", logs=stack.folder)
    again = stack.submit(pdfs.numbered(PAGES))
    wait_for(lambda: "cpu0@host1" in stack.readers(again), what="a page read by its worker", logs=stack.folder)
    assert stack.wait_end(again)["status"] == "completed"


def _both_have_read(stack: Spread, job_id: str, seen: set[tuple[str, int]]) -> bool:
    """Return True if each host has started three pages and the second is reading one; `seen` collects them."""
    now = [(each["name"], each["page_number"]) for each in stack.ready_workers() if each["job_id"] == job_id]
    seen.update(now)
    started = [name for name, _ in seen]
    return min(map(started.count, ("cpu0@host0", "cpu0@host1"))) >= 3 and "cpu0@host1" in dict(now)
