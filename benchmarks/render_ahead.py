"""How busy a device is kept by pages that must be rendered first: `python -m benchmarks.render_ahead`. Needs no GPU.

The device is a fake one of 20 ms a page; planning, rendering, storing and telling are the real ones (Redis in memory).
Each line is the median of several runs; the price of rendering is measured right before each run, for it varies on
machines that are not one's own. Results: docs/gpu.md.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

from slimgest_celery import page_reading, pipeline, spans
from slimgest_celery.desk import Desk
from slimgest_celery.open_jobs import OpenJob
from slimgest_celery.pdf import open_pdf
from tests.support import pdfs
from tests.support.desk import FakeDevice, desk, read_all

DEVICE_S = 0.02
BATCH = 8
PAGES = 128


def main() -> None:
    """Prints a table in Markdown."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    pdf = pdfs.photographed(PAGES)
    print("| a page renders in | how | device busy | pages/s |\n|---|---|---|---|")
    for dpi in (150, 230):
        for how, run in _ways().items():
            measured = [(_render_ms(pdf, dpi), *run(pdf, dpi)) for _ in range(runs)]
            render_ms, busy, rate = (statistics.median(column) for column in zip(*measured, strict=True))
            print(f"| {render_ms:.0f} ms | {how} | {busy:.0%} | {rate:.1f} |", flush=True)


def _ways() -> dict[str, Callable[[bytes, float], tuple[float, float]]]:
    return {
        "one after the other, a batch per task": lambda pdf, dpi: _run(pdf, dpi, 0, 1, overlapped=False),
        "one after the other, 4 batches per task": lambda pdf, dpi: _run(pdf, dpi, 0, 4, overlapped=False),
        "engine in a thread, no helpers": lambda pdf, dpi: _run(pdf, dpi, 0, 4),
        "1 helper": lambda pdf, dpi: _run(pdf, dpi, 1, 4),
        "2 helpers, a batch per task": lambda pdf, dpi: _run(pdf, dpi, 2, 1),
        "2 helpers": lambda pdf, dpi: _run(pdf, dpi, 2, 4),
        "2 helpers, 8 batches per task": lambda pdf, dpi: _run(pdf, dpi, 2, 8),
        "3 helpers": lambda pdf, dpi: _run(pdf, dpi, 3, 4),
    }


def _run(pdf: bytes, dpi: float, helpers: int, batches: int, overlapped: bool = True) -> tuple[float, float]:
    """The device's busy share, and pages per second."""
    device = FakeDevice(DEVICE_S, BATCH)
    with (
        tempfile.TemporaryDirectory() as folder,
        desk(Path(folder), device, helpers) as at,
        mock.patch.object(spans, "_BATCHES_PER_SPAN", batches),
        mock.patch.object(pipeline, "read_overlapped", pipeline.read_overlapped if overlapped else _in_turn),
    ):
        read_all(at, pdfs.coloured([(0, 1, 0)] * 8), mode="ocr")  # the helpers have started
        device.batches.clear()
        started_s = time.perf_counter()
        read_all(at, pdf, mode="ocr", dpi=dpi)
        return device.busy_share(), PAGES / (time.perf_counter() - started_s)


def _in_turn(at: Desk, job: OpenJob, numbers: range, _recall: object) -> None:
    """What came before: a batch is rendered, then read, then stored."""
    for start in range(0, len(numbers), BATCH):
        pages = page_reading.read_batch(at, job.pdf, job.record.options, numbers[start : start + BATCH])
        pipeline.keep(at.jobs, job.record.job_id, pages, job.total, at.engine.name)


def _render_ms(pdf: bytes, dpi: float) -> float:
    with tempfile.NamedTemporaryFile(suffix=".pdf") as file:
        Path(file.name).write_bytes(pdf)
        opened = open_pdf(Path(file.name))
        took_ms = []
        for number in range(1, 17):
            started_s = time.perf_counter()
            with opened.page(number) as page:
                page.render(dpi, 10**9)
            took_ms.append(1000 * (time.perf_counter() - started_s))
        opened.close()
    return statistics.median(took_ms)


if __name__ == "__main__":
    main()
