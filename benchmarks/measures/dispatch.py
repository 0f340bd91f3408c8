"""Measure the limit: the cost of the service when reading costs nothing, and the speed with many workers.

First, an engine that does nothing reads 5,000 pages that cost almost nothing to render, with two workers, compared with
a bare loop of the same engine over the same pages. Second, a job in which each page is a task of its own. Both together
give the cost of a task and of a page, and Redis' part of it gives the number of GPUs that one Redis can serve. Third,
an engine that sleeps 50 ms a page, like a wait for a GPU, with 1 to 16 workers; ideal is 20 pages/s for each.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.support import drawn
from benchmarks.support.bare import loops
from benchmarks.support.engines import PAGE_SECONDS
from benchmarks.support.resources import Resources
from benchmarks.support.rows import RedisCost, Row, Target, middle, spread
from benchmarks.support.service import SLEEPING, Cpu, RunningService, Took, failures, per_page, service, used
from slimgest_celery.models.page import Source
from slimgest_celery.pipeline.scheduling import range_length
from slimgest_celery.state.page_timings import PageTimings

TITLE = "Dispatch"
_HOW = {"mode": "ocr", "dpi": "36"}
_SLEEP_S = 0.05
_WORKERS = (1, 2, 4, 8, 16)
_SINGLES = range(1, 490, 2)  # the most that the option accepts
_GPU_TASK_PAGES = 32  # pages per task of an engine with batches of 8 (slimgest_celery/pipeline/page_range.py)
_GPU_PAGES_PER_S = (5, 20, 50, 100)


def measure(resources: Resources) -> list[Row]:
    """Measure the limit, the capacity of one Redis, and the share of the ideal with many workers."""
    return [*_ceiling(resources), _with_workers(resources)]


def _ceiling(resources: Resources) -> list[Row]:
    pages = resources.size(5000, least=500)
    pdf = resources.folder / "tiny.pdf"
    pdf.write_bytes(drawn.tiny(pages))
    ours: list[Took] = []
    bare_s: list[float] = []
    cpu: list[Cpu] = []
    with service(resources.folder / "idle", SLIMGEST_ENGINE=SLEEPING) as running, loops(SLEEPING) as (loop,):
        running.process(drawn.tiny(200), **_HOW)
        for _ in resources.runs(most=5, until=0.35):
            bare_s.append(loop.read(pdf, range(1, pages + 1), 36).seconds)
            before = running.cpu()
            ours.append(running.process(pdf, **_HOW))
            cpu.append(used(before, running.cpu()))
        task_pages = range_length(PageTimings(running.stack.redis).page_s("sleeping", Source.OCR), pages, 2)
        singles, single_cpu = _singly(running, pdf)
    middling = {kind: middle([one[kind] for one in cpu]) for kind in cpu[0]}
    rates = [pages / took.seconds for took in ours]
    ceiling = Row(
        measure="dispatch",
        what="Dispatch ceiling: pages/s through the service, engine that does nothing",
        figure=middle(rates),
        unit="pages/s",
        target=Target(bound=2000),
        failures=failures(ours),
        runs=len(ours),
        detail=f"{spread(rates)}; a bare loop of the same engine {pages / middle(bare_s):,.0f} pages/s; "
        f"{task_pages} pages per task; {per_page(middling, pages)}",
    )
    cost = RedisCost.solve((middling["redis"] / pages, 1 / task_pages), (single_cpu["redis"] / singles.pages, 1.0))
    task_ms = 1000 * (sum(single_cpu.values()) / singles.pages - sum(middling.values()) / pages)
    return [ceiling, _task(singles, single_cpu, task_ms), _redis_capacity(cost)]


def _singly(running: RunningService, pdf: Path) -> tuple[Took, Cpu]:
    """Read every other page: no two are neighbours, so each is a task of its own."""
    before = running.cpu()
    took = running.process(pdf, pages=",".join(map(str, _SINGLES)), **_HOW)
    return took, used(before, running.cpu())


def _task(singles: Took, cpu: Cpu, task_ms: float) -> Row:
    return Row(
        measure="dispatch",
        what="Cost of a task: CPU of all processes",
        figure=task_ms,
        unit="ms",
        failures=singles.failures,
        runs=1,
        detail=f"{singles.pages:,} pages, one task each: {singles.pages / singles.seconds:,.0f} pages/s; "
        + per_page(cpu, singles.pages),
    )


def _redis_capacity(cost: RedisCost) -> Row:
    rate = cost.pages_per_s(_GPU_TASK_PAGES)
    gpus = ", ".join(f"{rate / 2 / each:,.0f} of {each} pages/s" for each in _GPU_PAGES_PER_S)
    return Row(
        measure="dispatch",
        what=f"Capacity of one core of Redis, calculated, at {_GPU_TASK_PAGES} pages per task",
        figure=rate,
        unit="pages/s",
        runs=1,
        detail=f"CPU of Redis {1e6 * cost.page_s:.0f} µs a page and {1e6 * cost.task_s:.0f} µs a task; "
        f"GPUs per Redis at half of its capacity: {gpus}",
    )


def _with_workers(resources: Resources) -> Row:
    points, lost, details = [], 0, []
    env = {"SLIMGEST_ENGINE": SLEEPING, PAGE_SECONDS: str(_SLEEP_S)}
    with service(resources.folder / "sleeping", workers=_WORKERS[0], **env) as running:
        for count in _WORKERS:
            for number in range(len(running.stack.workers), count):
                running.stack.start_worker(f"cpu{number}")
            running.stack.wait_ready(count)
            pages = count * resources.size(160, least=20)
            running.process(drawn.tiny(8 * count), **_HOW)
            runs = [running.process(drawn.tiny(pages), **_HOW) for _ in range(2 if count == _WORKERS[-1] else 1)]
            rate = middle([pages / took.seconds for took in runs])
            lost += failures(runs)
            points.append((float(count), rate * _SLEEP_S / count))
            details.append(f"{count}: {rate:.0f} pages/s")
    return Row(
        measure="dispatch",
        what=f"Share of the ideal at {_WORKERS[-1]} workers, engine that sleeps 50 ms",
        figure=points[-1][1],
        target=Target(bound=0.9),
        failures=lost,
        runs=len(runs),
        detail="workers: " + ", ".join(details),
        points=tuple(points),
        axes=("workers", "share of the ideal"),
    )
