"""A complete slimgest for tests: a real Redis on a free port, real Celery workers, a real gunicorn."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil
from redis import Redis

from slimgest_celery.app import connect
from slimgest_celery.client import parse
from slimgest_celery.config import Settings
from slimgest_celery.models.events import Event
from slimgest_celery.storage.job_files import JobFiles
from tests.support import pdfs
from tests.support.ports import free_port
from tests.support.processes import embedded_redis, start
from workers.devices import DetectedDevices, plan_workers

ROOT = Path(__file__).parents[2]
_START_S = 90


class Stack:
    """The processes of one service, with all files in one folder. Processes are ended by their ids."""

    def __init__(self, folder: Path, redis_url: str, env: dict[str, str], bearer: str | None = None) -> None:
        self.folder = folder
        self.headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        self.env = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "SLIMGEST_REDIS_URL": redis_url,
            "SLIMGEST_STORAGE_URL": str(folder / "jobs"),
            "SLIMGEST_ENGINE": "tests.support.engines:ByColour",
            "SLIMGEST_LAYOUT": "off",  # these engines read no real pages; each child would load the layout model
            "SLIMGEST_MIN_FREE_MB": "0",  # some tests have a small disk
            "SLIMGEST_PAGE_CACHE": "0",  # otherwise pages of one test would be cache hits in another
            "PYTHONWARNINGS": "ignore",  # Celery warns if it runs as root
            **env,
        }
        self.settings = Settings.from_env(self.env)
        self.redis: Redis = connect(self.settings)
        self.files = JobFiles(self.settings.storage_url)
        self.workers: dict[str, subprocess.Popen[bytes]] = {}
        self.apis: list[tuple[str, subprocess.Popen[bytes]]] = []
        self._processes: list[subprocess.Popen[bytes]] = []

    # Processes

    def spawn(self, *argv: str, log: str, env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start a process that ends with the stack, or with the tests; its output goes to a file with this name."""
        with (self.folder / f"{log}.log").open("ab") as out:
            process = start(
                argv, env={**self.env, **(env or {})}, stdout=out, stderr=out, cwd=self.folder, start_new_session=True
            )
        self._processes.append(process)
        return process

    def start_worker(self, name: str, log_level: str = "INFO", *options: str) -> subprocess.Popen[bytes]:
        """Start a worker with the `celery` command, as the documentation allows."""
        command = [sys.executable, "-m", "celery", "-A", "slimgest_celery", "worker", "-n", f"{name}@%h"]
        self.workers[name] = self.spawn(
            *command, "-l", log_level, *options, log=name, env=plan_workers(self.settings, DetectedDevices())[0].env
        )
        return self.workers[name]

    def start_supervised(self) -> None:
        """Start SLIMGEST_NUM_WORKERS workers under the supervisor, which restarts those that die."""
        self.workers["all"] = self.spawn(sys.executable, "-m", "workers", "worker", log="workers")

    def start_api(self, port: int | None = None, **env: str) -> str:
        """Start an API process; return its URL."""
        port = port or free_port()
        process = self.spawn(sys.executable, "-m", "api", "--port", str(port), log="api", env=env)
        url = f"http://127.0.0.1:{port}"
        self.apis.append((url, process))
        wait_for(lambda: _answers(url), what="the API", logs=self.folder)
        return url

    def start_beat(self, name: str = "beat") -> None:
        options = ["-s", str(self.folder / name), "--pidfile="]
        self.spawn(sys.executable, "-m", "celery", "-A", "slimgest_celery", "beat", *options, log=name)

    def child_of(self, worker: str) -> psutil.Process:
        """Return the pool child of a worker."""
        return wait_for(lambda: psutil.Process(self.workers[worker].pid).children(), what="a pool child")[0]

    def wait_ready(self, workers: int) -> None:
        """Wait until this many workers have loaded their engine."""
        wait_for(lambda: len(self.ready_workers()) >= workers, what=f"{workers} workers", logs=self.folder)

    def ready_workers(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get("/").json()["workers"]
        return [worker for worker in found if worker["state"] in ("idle", "busy")]

    def stop(self) -> None:
        for process in reversed(self._processes):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in reversed(self._processes):
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.redis.close()

    # Requests

    @property
    def url(self) -> str:
        return self.apis[0][0]

    def request(self, method: str, path: str, headers: dict[str, str] | None = None, **how: Any) -> httpx.Response:
        return httpx.request(method, self.url + path, headers={**self.headers, **(headers or {})}, timeout=120, **how)

    def get(self, path: str, **how: Any) -> httpx.Response:
        return self.request("GET", path, **how)

    def post(
        self, path: str, pdf: bytes, filename: str = "test.pdf", request_id: str | None = None, **form: str
    ) -> httpx.Response:
        headers = {"X-Request-ID": request_id} if request_id else {}
        return self.request("POST", path, files={"file": (filename, pdf)}, data=form, headers=headers)

    def submit(self, pdf: bytes, **form: str) -> str:
        """Submit a job; return its id."""
        answer = self.post("/jobs", pdf, **form)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["job_id"])

    def submit_book(self, pages: int) -> str:
        """Submit a job whose tasks have many pages each; return its id when the first pages are read."""
        # One page in 4 ms: it weighs little beside the pages of the book.
        timings = {"by-colour:ocr:pages": 1, "by-colour:ocr:seconds": 0.004}
        self.redis.hset("slimgest:page_seconds", mapping=timings)
        job_id = self.submit(pdfs.numbered(pages))
        wait_for(lambda: self.status(job_id)["pages_done"] > 0, what="a page of the book", logs=self.folder)
        return job_id

    def events(self, job_id: str, after: str | None = None, url: str | None = None) -> Iterator[Event]:
        """Yield the events of a job from its HTTP stream."""
        headers = {**self.headers, **({"Last-Event-ID": after} if after else {})}
        with httpx.stream("GET", f"{url or self.url}/jobs/{job_id}/events", headers=headers, timeout=60) as response:
            assert response.status_code == 200, response.read()
            yield from parse(response.iter_lines())

    def status(self, job_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.get(f"/jobs/{job_id}").json()
        return found

    def wait_end(self, job_id: str, within_s: float = 60) -> dict[str, Any]:
        """Wait for the end of a job; return its status."""
        ends = ("completed", "partial", "failed", "cancelled")
        wait_for(
            lambda: self.status(job_id)["status"] in ends, what="the job's end", within_s=within_s, logs=self.folder
        )
        return self.status(job_id)

    def document(self, job_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.get(f"/jobs/{job_id}/result").json()
        return found


@contextmanager
def running(
    folder: Path,
    *,
    workers: int = 2,
    apis: int = 1,
    beat: bool = False,
    bearer: str | None = None,
    redis_url: str | None = None,
    log_level: str = "INFO",
    **env: str,
) -> Iterator[Stack]:
    """A stack with workers that are ready, on its own Redis unless one is given."""
    with ExitStack() as exits:
        url = redis_url or exits.enter_context(embedded_redis(folder / "redis"))
        stack = Stack(folder, url, env, bearer)
        exits.callback(stack.stop)
        for number in range(workers):
            stack.start_worker(f"cpu{number}", log_level)
        for _ in range(apis):
            stack.start_api()
        if beat:
            stack.start_beat()
        stack.wait_ready(workers)
        yield stack


T = TypeVar("T")


def wait_for(ask: Callable[[], T], *, what: str, within_s: float = _START_S, logs: Path | None = None) -> T:
    """Call `ask` until its result is true; fail with `what` and the logs of the processes."""
    deadline_s = time.monotonic() + within_s
    while time.monotonic() < deadline_s:
        if answer := ask():
            return answer
        time.sleep(0.05)
    written = (
        "\n".join(f"--- {log.name}\n{log.read_text()[-3000:]}" for log in sorted(logs.glob("*.log"))) if logs else ""
    )
    raise AssertionError(f"{what}: not within {within_s:.0f} s\n{written}")


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health/live", timeout=10).status_code == 200  # a busy machine may need seconds
    except httpx.TransportError:
        return False
