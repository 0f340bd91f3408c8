"""Measure the delay of a letter that is sent while a book is being read.

First, letters of two pages are sent to two idle workers. Then the same letters are sent while 2,000 pages are read at
50 ms each. A letter may be later by one page task of the book, because a worker finishes its current task when the
letter arrives. The figure compares the slowest letter of both series.
"""

from __future__ import annotations

from benchmarks.support import drawn
from benchmarks.support.engines import PAGE_SECONDS
from benchmarks.support.resources import Resources
from benchmarks.support.rows import Row, Target, middle
from benchmarks.support.service import SLEEPING, RunningService, failures, service
from slimgest_celery.models.page import Source
from slimgest_celery.pipeline.scheduling import range_length
from slimgest_celery.state.page_timings import PageTimings

TITLE = "Fairness"
_HOW = {"mode": "ocr", "dpi": "36"}
_PAGE_S = 0.05


def measure(resources: Resources) -> list[Row]:
    """Return one row."""
    letter, count = drawn.tiny(2), resources.size(12, least=4)
    book = drawn.tiny(2000)
    with service(resources.folder / "service", SLIMGEST_ENGINE=SLEEPING, **{PAGE_SECONDS: str(_PAGE_S)}) as running:
        running.process(drawn.tiny(20), **_HOW)
        idle = [running.process(letter, **_HOW) for _ in range(count)]
        page_timings = PageTimings(running.stack.redis)
        task_pages = range_length(page_timings.page_s("sleeping", Source.OCR), 2000, 2)
        task_s = task_pages * page_timings.page_s("sleeping", Source.OCR)
        job_id = running.submit(book, **_HOW)
        _wait_for_a_page(running, job_id)
        busy = [running.process(letter, **_HOW) for _ in range(count)]
        still_reading = running.stack.status(job_id)["status"] == "processing"
        running.http.delete(f"/jobs/{job_id}")
    idle_s, busy_s = [took.seconds for took in idle], [took.seconds for took in busy]
    return [
        Row(
            measure="fairness",
            what="Longest delay of a letter while a book is read, in page tasks of the book",
            figure=max(0.0, max(busy_s) - max(idle_s)) / task_s,
            unit="tasks",
            target=Target(bound=1, at_least=False),
            failures=failures(idle) + failures(busy) + int(not still_reading),
            runs=len(busy),
            detail=f"idle {1000 * middle(idle_s):.0f} ms, at most {1000 * max(idle_s):.0f}; during the book "
            f"{1000 * middle(busy_s):.0f} ms, at most {1000 * max(busy_s):.0f}; a task is {task_pages} pages, "
            f"{1000 * task_s:.0f} ms",
        )
    ]


def _wait_for_a_page(running: RunningService, job_id: str) -> None:
    for event in running.stack.events(job_id):
        if event.type == "page":
            return
