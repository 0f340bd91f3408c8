"""The ceiling: what the service costs where reading costs nothing, and how it goes on with many workers.

An engine that does nothing reads pages that cost next to nothing to render, 5,000 in a job, two workers; held against
a bare loop of the same engine over the same pages. Then pages of which each is a task of its own: from both, the price
of a task and of a page is reckoned, and from Redis' part of it how many GPUs one Redis carries. Last, an engine that
sleeps 50 ms a page, as one that waits for a GPU does, with 1 to 16 workers; ideal is 20 pages/s for each.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks import drawn
from benchmarks.bare import loops
from benchmarks.engines import PAGE_SECONDS
from benchmarks.plan import Plan
from benchmarks.rows import RedisCost, Row, Target, middle, spread
from benchmarks.service import SLEEPING, Cpu, Service, Took, failures, per_page, service, used
from slimgest_celery.model import Source
from slimgest_celery.pace import Pace, span_length

TITLE = "Dispatch"
_HOW = {"mode": "ocr", "dpi": "36"}
_SLEEP_S = 0.05
_WORKERS = (1, 2, 4, 8, 16)
_SINGLES = range(1, 490, 2)  # as many as the option takes
_GPU_SPAN = 32  # pages to a task of an engine that takes 8 at once (slimgest_celery/spans.py)
_GPU_PAGES_PER_S = (5, 20, 50, 100)


def measure(plan: Plan) -> list[Row]:
    """The ceiling, what one Redis carries, and the share of the ideal that is kept with many workers."""
    return [*_ceiling(plan), _with_workers(plan)]


def _ceiling(plan: Plan) -> list[Row]:
    pages = plan.size(5000, least=500)
    pdf = plan.folder / "tiny.pdf"
    pdf.write_bytes(drawn.tiny(pages))
    ours: list[Took] = []
    bare_s: list[float] = []
    cpu: list[Cpu] = []
    with service(plan.folder / "idle", SLIMGEST_ENGINE=SLEEPING) as running, loops(SLEEPING) as (loop,):
        running.process(drawn.tiny(200), **_HOW)
        for _ in plan.runs(most=5, until=0.35):
            bare_s.append(loop.read(pdf, range(1, pages + 1), 36).seconds)
            before = running.cpu()
            ours.append(running.process(pdf, **_HOW))
            cpu.append(used(before, running.cpu()))
        span = span_length(Pace(running.stack.redis, "sleeping").page_s(Source.OCR), pages, 2)
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
        f"{span} pages to a task; {per_page(middling, pages)}",
    )
    cost = RedisCost.solve((middling["redis"] / pages, 1 / span), (single_cpu["redis"] / singles.pages, 1.0))
    task_ms = 1000 * (sum(single_cpu.values()) / singles.pages - sum(middling.values()) / pages)
    return [ceiling, _task(singles, single_cpu, task_ms), _carried(cost)]


def _singly(running: Service, pdf: Path) -> tuple[Took, Cpu]:
    """Every other page: no two are neighbours, so each is a task of its own."""
    before = running.cpu()
    took = running.process(pdf, pages=",".join(map(str, _SINGLES)), **_HOW)
    return took, used(before, running.cpu())


def _task(singles: Took, cpu: Cpu, task_ms: float) -> Row:
    return Row(
        measure="dispatch",
        what="What a task costs: CPU of all processes",
        figure=task_ms,
        unit="ms",
        failures=singles.failures,
        runs=1,
        detail=f"{singles.pages:,} pages, a task each: {singles.pages / singles.seconds:,.0f} pages/s; "
        + per_page(cpu, singles.pages),
    )


def _carried(cost: RedisCost) -> Row:
    rate = cost.pages_per_s(_GPU_SPAN)
    gpus = ", ".join(f"{rate / 2 / each:,.0f} of {each} pages/s" for each in _GPU_PAGES_PER_S)
    return Row(
        measure="dispatch",
        what=f"What one core of Redis carries, reckoned, at {_GPU_SPAN} pages to a task",
        figure=rate,
        unit="pages/s",
        runs=1,
        detail=f"CPU of Redis {1e6 * cost.page_s:.0f} µs a page and {1e6 * cost.task_s:.0f} µs a task; "
        f"half of it used, GPUs on one Redis: {gpus}",
    )


def _with_workers(plan: Plan) -> Row:
    points, lost, details = [], 0, []
    env = {"SLIMGEST_ENGINE": SLEEPING, PAGE_SECONDS: str(_SLEEP_S)}
    with service(plan.folder / "sleeping", workers=_WORKERS[0], **env) as running:
        for count in _WORKERS:
            for number in range(len(running.stack.workers), count):
                running.stack.start_worker(f"cpu{number}")
            running.stack.wait_ready(count)
            pages = count * plan.size(160, least=20)
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
