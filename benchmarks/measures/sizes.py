"""How the service's own cost grows: jobs of 10 to 5,000 pages, and 1 to 1,000 jobs that wait at once.

An engine that does nothing, two workers. Time for each page or job; the most memory that the API, the largest worker
and Redis took meanwhile (sampled; Redis above what it had in use before, without the buffers of connections); and what
Redis still holds when the jobs' retention is over and they were swept, less what has an hour or less to live. Jobs wait
because the workers' children are stopped while they are sent.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from redis import Redis

from benchmarks import drawn
from benchmarks.plan import Plan
from benchmarks.rows import Points, Row, Target, growth
from benchmarks.service import SLEEPING, Service, Watch, mb, redis_memory, service, watched
from slimgest_celery.ledger import PENDING
from tests.support.stack import wait_for

TITLE = "Growth"
_HOW = {"mode": "ocr", "dpi": "36"}
_PAGES, _JOBS, _PAGES_PER_JOB = (10, 100, 1000, 5000), (1, 10, 100, 1000), 10
_RETENTION_S, _HOUR_S = 30, 3600
_FLAT = Target(bound=1.2, at_least=False)


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What one size took."""

    size: int
    pages: int
    seconds: float
    failures: int
    watch: Watch
    redis: int  # bytes at the most, above those before


def measure(plan: Plan) -> list[Row]:
    """Time, memory and Redis over pages, then over jobs; at the end what is left in Redis."""
    env = {"SLIMGEST_ENGINE": SLEEPING, "SLIMGEST_RETENTION": str(_RETENTION_S)}
    with service(plan.folder / "service", **env) as running:
        before, _ = _kept(running.stack.redis)
        running.process(drawn.tiny(300), **_HOW)
        pages = [_of_pages(running, plan.size(size, least=min(size, 10))) for size in _PAGES]
        jobs = [_of_jobs(running, plan.size(size)) for size in _JOBS]
        left, told = _left(running)
    total = sum(sample.pages for sample in pages + jobs)
    return [*_rows(pages, "page"), *_rows(jobs, "job"), _after(left - before, told, total)]


def _of_pages(running: Service, pages: int) -> Sample:
    """The better of two times; what was held is that of the first."""
    pdf, before = drawn.tiny(pages), redis_memory(running)
    with watched(running) as watch:
        first = running.process(pdf, **_HOW)
    second = running.process(pdf, **_HOW)
    return Sample(
        size=pages,
        pages=pages,
        seconds=min(first.seconds, second.seconds),
        failures=first.failures + second.failures,
        watch=watch,
        redis=max(0, watch.redis - before),
    )


def _of_jobs(running: Service, count: int) -> Sample:
    pdf, before, redis = drawn.tiny(_PAGES_PER_JOB), redis_memory(running), running.stack.redis
    children = running.processes()["worker children"]
    with watched(running) as watch:
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
        watch=watch,
        redis=max(0, watch.redis - before),
    )


def _kept(redis: Redis) -> tuple[int, int]:
    """Bytes of keys that are there in an hour, too: of all but the words that a job was here once, and of those."""
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
    told = sum(size for key, size in sizes.items() if key.startswith(b"slimgest:expired:"))
    return sum(sizes.values()) - told, told


def _left(running: Service) -> tuple[int, int]:
    """What is kept after retention and sweep, which beat would call for."""
    time.sleep(_RETENTION_S + 1)
    celery = [sys.executable, "-m", "celery", "-A", "slimgest_celery", "call", "slimgest.sweep"]
    running.stack.spawn(*celery, log="sweep").wait()
    wait_for(lambda: not running.stack.files.job_ids(), what="the sweep", within_s=60)
    return _kept(running.stack.redis)


def _rows(samples: list[Sample], unit: str) -> list[Row]:
    sizes = f"{samples[0].size:,} to {samples[-1].size:,} {unit}s" + (" queued" if unit == "job" else "")
    failed = sum(sample.failures for sample in samples)
    curves = {
        f"Time for each {unit}, {sizes}": (f"ms a {unit}", lambda s: 1000 * s.seconds / s.size),
        f"Memory of the API, {sizes}": ("MB", lambda s: mb(s.watch.api)),
        f"Memory of a worker, {sizes}": ("MB", lambda s: mb(s.watch.workers)),
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
            target=Target(bound=300, at_least=False),
            failures=failed,
            runs=1,
            detail=_told(redis) + (f" ({_PAGES_PER_JOB} pages in each job)" if unit == "job" else ""),
            points=redis,
            axes=(f"{unit}s", "Redis, bytes a page"),
        ),
    ]


def _points(samples: list[Sample], of: Callable[[Sample], float]) -> Points:
    return tuple((float(sample.size), of(sample)) for sample in samples)


def _flat(what: str, axis: str, unit: str, failed: int, points: Points) -> Row:
    """The largest size against the best of the smaller ones."""
    return Row(
        measure="sizes",
        what=what,
        figure=growth(points),
        unit="× the least before",
        target=_FLAT,
        failures=failed,
        runs=1,
        detail=f"{axis}: {_told(points)}",
        points=points,
        axes=(f"{unit}s", axis),
    )


def _told(points: Points) -> str:
    return ", ".join(f"{size:,.0f}: {value:,.3g}" for size, value in points)


def _after(left: int, told: int, pages: int) -> Row:
    return Row(
        measure="sizes",
        what="Redis an hour after retention, but for the word that a job was here once",
        figure=round(left / pages),
        unit="bytes a page",
        target=Target(bound=0, at_least=False),
        runs=1,
        detail=f"{left:,} bytes more in all keys than before the first of {pages:,} pages; those words, kept for 30 "
        f"days so that an expired job is a 410, take {told:,} bytes",
    )
