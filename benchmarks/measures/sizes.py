"""Measure the growth of the service's own cost: jobs of 10 to 5,000 pages, and 1 to 1,000 queued jobs.

The engine does nothing, and there are two workers. Rows: the time for each page or job; the peak memory of the API, of
the largest worker and of Redis (sampled; for Redis above its use before, without the buffers of connections); and the
memory of Redis after the jobs' retention and their deletion, without keys that expire within an hour. To queue jobs,
the workers' children are stopped while the jobs are sent.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from redis import Redis

from benchmarks.support import drawn
from benchmarks.support.resources import Resources
from benchmarks.support.rows import Points, Row, Target, growth
from benchmarks.support.service import SLEEPING, PeakMemory, RunningService, mb, peak_memory, redis_memory, service
from slimgest_celery.state.job_state import PENDING
from tests.support.stack import wait_for

TITLE = "Growth"
_HOW = {"mode": "ocr", "dpi": "36"}
_PAGES, _JOBS, _PAGES_PER_JOB = (10, 100, 1000, 5000), (1, 10, 100, 1000), 10
_RETENTION_S, _HOUR_S = 30, 3600
_FLAT = Target(bound=1.2, at_least=False)


@dataclass(frozen=True, kw_only=True)
class Sample:
    """The measurement of one size."""

    size: int
    pages: int
    seconds: float
    failures: int
    peak: PeakMemory
    redis: int  # peak bytes, above those in use before


def measure(resources: Resources) -> list[Row]:
    """Measure time, memory and Redis by pages, then by jobs; last, what remains in Redis."""
    env = {"SLIMGEST_ENGINE": SLEEPING, "SLIMGEST_RETENTION": str(_RETENTION_S)}
    with service(resources.folder / "service", **env) as running:
        before, _ = _lasting_bytes(running.stack.redis)
        running.process(drawn.tiny(300), **_HOW)
        pages = [_of_pages(running, resources.size(size, least=min(size, 10))) for size in _PAGES]
        jobs = [_of_jobs(running, resources.size(size)) for size in _JOBS]
        left, markers = _left(running)
    total = sum(sample.pages for sample in pages + jobs)
    return [*_rows(pages, "page"), *_rows(jobs, "job"), _after(left - before, markers, total)]


def _of_pages(running: RunningService, pages: int) -> Sample:
    """Return the better time of two runs, with the memory of the first."""
    pdf, before = drawn.tiny(pages), redis_memory(running)
    with peak_memory(running) as peak:
        first = running.process(pdf, **_HOW)
    second = running.process(pdf, **_HOW)
    return Sample(
        size=pages,
        pages=pages,
        seconds=min(first.seconds, second.seconds),
        failures=first.failures + second.failures,
        peak=peak,
        redis=max(0, peak.redis - before),
    )


def _of_jobs(running: RunningService, count: int) -> Sample:
    pdf, before, redis = drawn.tiny(_PAGES_PER_JOB), redis_memory(running), running.stack.redis
    children = running.processes()["worker children"]
    with peak_memory(running) as peak:
        for child in children:
            child.suspend()
        try:
            jobs = [running.submit(pdf, **_HOW) for _ in range(count)]
        finally:
            for child in children:
                child.resume()
        started_s = time.perf_counter()
        wait_for(lambda: redis.zcard(PENDING) == 0, what="the end of all jobs", within_s=300)
        seconds = time.perf_counter() - started_s
    return Sample(
        size=count,
        pages=count * _PAGES_PER_JOB,
        seconds=seconds,
        failures=sum(running.stack.status(job_id)["status"] != "completed" for job_id in jobs),
        peak=peak,
        redis=max(0, peak.redis - before),
    )


def _lasting_bytes(redis: Redis) -> tuple[int, int]:
    """Return the bytes of keys that last more than an hour: without the markers of expired jobs, and of these."""
    keys = list(redis.scan_iter(count=1000))
    with redis.pipeline(transaction=False) as pipe:
        for key in keys:
            pipe.memory_usage(key, samples=0).ttl(key)
        answers = pipe.execute()
    sizes = {
        key: size
        for key, size, ttl_s in zip(keys, answers[::2], answers[1::2], strict=True)
        if size and not 0 <= ttl_s <= _HOUR_S
    }
    markers = sum(size for key, size in sizes.items() if key.startswith(b"slimgest:expired:"))
    return sum(sizes.values()) - markers, markers


def _left(running: RunningService) -> tuple[int, int]:
    """Return the lasting bytes after retention and sweep; this calls the sweep, as beat would."""
    time.sleep(_RETENTION_S + 1)
    celery = [sys.executable, "-m", "celery", "-A", "slimgest_celery", "call", "slimgest.sweep"]
    running.stack.spawn(*celery, log="sweep").wait()
    wait_for(lambda: not running.stack.files.job_ids(), what="the sweep", within_s=60)
    return _lasting_bytes(running.stack.redis)


def _rows(samples: list[Sample], unit: str) -> list[Row]:
    sizes = f"{samples[0].size:,} to {samples[-1].size:,} {unit}s" + (" queued" if unit == "job" else "")
    failed = sum(sample.failures for sample in samples)
    curves = {
        f"Time for each {unit}, {sizes}": (f"ms a {unit}", lambda s: 1000 * s.seconds / s.size),
        f"Memory of the API, {sizes}": ("MB", lambda s: mb(s.peak.api)),
        f"Memory of a worker, {sizes}": ("MB", lambda s: mb(s.peak.workers)),
    }
    rows = [_flat(what, axis, unit, failed, _points(samples, of)) for what, (axis, of) in curves.items()]
    redis = _points(samples, lambda s: s.redis / s.pages)
    return [
        *rows,
        Row(
            measure="sizes",
            what=f"Redis at the peak, {sizes}",
            figure=redis[-1][1],
            unit="bytes a page",
            target=Target(bound=1024, at_least=False),
            failures=failed,
            runs=1,
            detail=_as_text(redis) + (f" ({_PAGES_PER_JOB} pages in each job)" if unit == "job" else ""),
            points=redis,
            axes=(f"{unit}s", "Redis, bytes a page"),
        ),
    ]


def _points(samples: list[Sample], of: Callable[[Sample], float]) -> Points:
    return tuple((float(sample.size), of(sample)) for sample in samples)


def _flat(what: str, axis: str, unit: str, failed: int, points: Points) -> Row:
    """Compare the largest size with the best of the smaller ones."""
    return Row(
        measure="sizes",
        what=what,
        figure=growth(points),
        unit="× the best smaller size",
        target=_FLAT,
        failures=failed,
        runs=1,
        detail=f"{axis}: {_as_text(points)}",
        points=points,
        axes=(f"{unit}s", axis),
    )


def _as_text(points: Points) -> str:
    return ", ".join(f"{size:,.0f}: {value:,.3g}" for size, value in points)


def _after(left: int, markers: int, pages: int) -> Row:
    return Row(
        measure="sizes",
        what="Redis an hour after retention, without the markers of expired jobs",
        figure=round(left / pages),
        unit="bytes a page",
        target=Target(bound=0, at_least=False),
        runs=1,
        detail=f"{left:,} bytes more in all keys than before the first of {pages:,} pages; the markers, kept for 30 "
        f"days so that an expired job answers 410, take {markers:,} bytes",
    )
