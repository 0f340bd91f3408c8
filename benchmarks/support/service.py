"""A complete service to measure (real Redis, workers, gunicorn), a cheap client, and the use of CPU and memory."""

from __future__ import annotations

import resource
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.support.stack import Stack, running

Cpu = dict[str, float]  # CPU seconds by kind of process

SLEEPING = "benchmarks.support.engines:Sleeping"
_SAMPLE_S = 0.05
_MB = 1 << 20
# Without these settings, cached pages and the limits of a normal service would distort the results.
_SETTINGS = {
    "SLIMGEST_PAGE_CACHE": "0",
    "SLIMGEST_MAX_PAGES": "100000",
    "SLIMGEST_MAX_PENDING_JOBS": "100000",
}
# One client acts as many owners here.
_SETTINGS |= {"SLIMGEST_OWNER_EVENT_STREAMS": "100000", "SLIMGEST_OWNER_REQUESTS_PER_MINUTE": "1000000"}


@dataclass(frozen=True, kw_only=True)
class Took:
    """The time and the result of one document, from upload to result."""

    seconds: float
    pages: int
    failures: int  # pages without a text
    texts: list[str]


class RunningService:
    """A running service, used over one persistent connection."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.http = httpx.Client(base_url=stack.url, timeout=600)

    def process(self, pdf: Path | bytes, **form: str) -> Took:
        """Process a document in one request. The time to parse the result does not count."""
        upload = _upload(pdf)
        started_s = time.perf_counter()
        answer = self.http.post("/process-pdf", files=upload, data=form)
        seconds = time.perf_counter() - started_s
        document = answer.json()["pdfs"][0] if answer.status_code == 200 else {"pages": []}
        texts = [page["text"] for page in document["pages"] if page["status"] == "ok"]
        total = document.get("total_pages") or 1
        return Took(seconds=seconds, pages=total, failures=total - len(texts), texts=texts)

    def first_page_s(self, pdf: Path | bytes, **form: str) -> float:
        """Return the seconds from upload to the first `page` event; read the rest of the stream to its end."""
        upload = _upload(pdf)
        started_s, first_s = time.perf_counter(), 0.0
        with self.http.stream("POST", "/process-pdf-stream", files=upload, data=form) as answer:
            for line in answer.iter_lines():
                if not first_s and line == "event:page":
                    first_s = time.perf_counter() - started_s
        if not first_s:
            raise RuntimeError("the stream has no page event")
        return first_s

    def submit(self, pdf: Path | bytes, **form: str) -> str:
        """Submit a document and return the id of its job."""
        answer = self.http.post("/jobs", files=_upload(pdf), data=form)
        answer.raise_for_status()
        return str(answer.json()["job_id"])

    def wait_end(self, job_id: str) -> None:
        with self.http.stream("GET", f"/jobs/{job_id}/events") as answer:
            for _ in answer.iter_bytes():
                pass

    def processes(self) -> dict[str, list[psutil.Process]]:
        """Return the processes of each kind, except Redis."""
        parents = [psutil.Process(process.pid) for process in self.stack.workers.values()]
        apis = [psutil.Process(process.pid) for _, process in self.stack.apis]
        children = [child for parent in parents for child in parent.children(recursive=True)]
        return {
            "api": [*apis, *(child for api in apis for child in api.children(recursive=True))],
            "worker parents": parents,
            "worker children": children,
        }

    def cpu(self) -> Cpu:
        """Return the CPU seconds used so far."""
        used = {kind: sum(map(_cpu_s, found)) for kind, found in self.processes().items()}
        info: dict[str, Any] = self.stack.redis.info("cpu")
        return {**used, "redis": float(info["used_cpu_user"]) + float(info["used_cpu_sys"])}


@contextmanager
def service(folder: Path, *, workers: int = 2, **env: str) -> Iterator[RunningService]:
    """Start a service and yield it when its workers are ready."""
    folder.mkdir(parents=True)
    raise_file_limit()
    env.setdefault("SLIMGEST_LAYOUT", "off" if env.get("SLIMGEST_ENGINE") == SLEEPING else "auto")
    # The log level of workers is the one of `slimgest up`.
    with running(folder, workers=workers, log_level="WARNING", **{**_SETTINGS, **env}) as stack:
        started = RunningService(stack)
        try:
            yield started
        finally:
            started.http.close()


def raise_file_limit() -> None:
    """Raise the limit of open files to this user's maximum, for this process and its children."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def used(before: Cpu, after: Cpu) -> Cpu:
    """Return the CPU seconds used between two readings."""
    return {kind: after[kind] - before[kind] for kind in before}


def per_page(cpu: Cpu, pages: int) -> str:
    """Return the CPU time per page of each kind of process, as text."""
    each = ", ".join(f"{kind} {1000 * seconds / pages:.2f}" for kind, seconds in cpu.items())
    return f"CPU ms a page: {each}; {1000 * sum(cpu.values()) / pages:.2f} in all"


@dataclass
class PeakMemory:
    """The peak memory of a service while it was sampled, in bytes."""

    redis: int = 0
    api: int = 0
    workers: int = 0  # the largest child

    def sample(self, service: RunningService) -> None:
        """Take one sample."""
        found = service.processes()
        self.redis = max(self.redis, redis_memory(service))
        self.api = max(self.api, sum(map(_rss, found["api"])))
        self.workers = max([self.workers, *map(_rss, found["worker children"])])


@contextmanager
def peak_memory(service: RunningService) -> Iterator[PeakMemory]:
    """Sample the memory of a service until the block ends."""
    peak = PeakMemory()
    peak.sample(service)
    ended = threading.Event()

    def sample() -> None:
        while not ended.wait(_SAMPLE_S):
            peak.sample(service)

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield peak
    finally:
        ended.set()
        thread.join()


def redis_memory(service: RunningService) -> int:
    """Return the bytes in use by Redis, without the buffers of its connections and its log, which vary."""
    info: dict[str, Any] = service.stack.redis.info("memory")
    return int(info["used_memory"]) - int(info["mem_clients_normal"]) - int(info["mem_aof_buffer"])


def mb(size: float) -> float:
    return size / _MB


def _rss(process: psutil.Process) -> int:
    with suppress(psutil.NoSuchProcess):
        return int(process.memory_info().rss)
    return 0


def _cpu_s(process: psutil.Process) -> float:
    with suppress(psutil.NoSuchProcess):
        times = process.cpu_times()
        return float(times.user + times.system)
    return 0.0


def _upload(pdf: Path | bytes) -> dict[str, tuple[str, bytes]]:
    return {"file": ("measured.pdf", pdf if isinstance(pdf, bytes) else pdf.read_bytes())}


def failures(documents: Sequence[Took]) -> int:
    return sum(document.failures for document in documents)
