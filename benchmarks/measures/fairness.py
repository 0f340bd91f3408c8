"""A letter that is sent while a book is being read.

A letter of two pages by itself on two idle workers, then the same letters while 2,000 pages are being read at 50 ms
each. A letter may take what it took on the idle service, and one page task of the book more: that is what a worker has
in hand when the letter comes. The worst of these letters is held against the worst of those.
"""

from __future__ import annotations

from benchmarks import drawn
from benchmarks.engines import PAGE_SECONDS
from benchmarks.plan import Plan
from benchmarks.rows import Row, Target, middle
from benchmarks.service import SLEEPING, Service, failures, service
from slimgest_celery.model import Source
from slimgest_celery.pace import Pace, span_length

TITLE = "Fairness"
_HOW = {"mode": "ocr", "dpi": "36"}
_PAGE_S = 0.05


def measure(plan: Plan) -> list[Row]:
    """One row."""
    letter, count = drawn.tiny(2), plan.size(12, least=4)
    book = drawn.tiny(2000)
    with service(plan.folder / "service", SLIMGEST_ENGINE=SLEEPING, **{PAGE_SECONDS: str(_PAGE_S)}) as running:
        running.process(drawn.tiny(20), **_HOW)
        idle = [running.process(letter, **_HOW) for _ in range(count)]
        pace = Pace(running.stack.redis, "sleeping")
        span = span_length(pace.page_s(Source.OCR), 2000, 2)
        task_s = span * pace.page_s(Source.OCR)
        job_id = running.submit(book, **_HOW)
        _wait_for_a_page(running, job_id)
        busy = [running.process(letter, **_HOW) for _ in range(count)]
        still_read = running.stack.status(job_id)["status"] == "processing"
        running.http.delete(f"/jobs/{job_id}")
    idle_s, busy_s = [took.seconds for took in idle], [took.seconds for took in busy]
    return [
        Row(
            measure="fairness",
            what="A letter while a book is read: how much later, the worst, in page tasks of the book",
            figure=max(0.0, max(busy_s) - max(idle_s)) / task_s,
            unit="tasks",
            target=Target(bound=1, at_least=False),
            failures=failures(idle) + failures(busy) + int(not still_read),
            runs=len(busy),
            detail=f"idle {1000 * middle(idle_s):.0f} ms, at worst {1000 * max(idle_s):.0f}; meanwhile "
            f"{1000 * middle(busy_s):.0f} ms, at worst {1000 * max(busy_s):.0f}; a task is {span} pages, "
            f"{1000 * task_s:.0f} ms",
        )
    ]


def _wait_for_a_page(running: Service, job_id: str) -> None:
    for event in running.stack.events(job_id):
        if event.type == "page":
            return
