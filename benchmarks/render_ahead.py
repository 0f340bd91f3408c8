"""Measure the utilisation of a device whose pages must be rendered first: `python -m benchmarks.render_ahead`.

It needs no GPU: the device is a fake that takes 20 ms a page. Planning, rendering, storing and publishing are the real
code (Redis in memory). Each line is the median of several runs. The rendering time is measured just before each run,
because it varies on shared machines. docs/gpu.md has the results.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

from slimgest_celery.pdf.document import open_pdf
from slimgest_celery.pipeline import pages, scheduling
from slimgest_celery.pipeline.context import WorkerContext
from slimgest_celery.pipeline.page_store import store_and_publish
from slimgest_celery.pipeline.pdf_session import PdfSession
from tests.support import pdfs
from tests.support.worker_context import FakeDevice, read_all, worker_context

DEVICE_S = 0.02
BATCH = 8
PAGES = 128


def main() -> None:
    """Print a table in Markdown."""
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
        "in sequence, 1 batch per task": lambda pdf, dpi: _run(pdf, dpi, 0, 1, overlapped=False),
        "in sequence, 4 batches per task": lambda pdf, dpi: _run(pdf, dpi, 0, 4, overlapped=False),
        "engine in a thread, no helpers": lambda pdf, dpi: _run(pdf, dpi, 0, 4),
        "1 helper": lambda pdf, dpi: _run(pdf, dpi, 1, 4),
        "2 helpers, 1 batch per task": lambda pdf, dpi: _run(pdf, dpi, 2, 1),
        "2 helpers": lambda pdf, dpi: _run(pdf, dpi, 2, 4),
        "2 helpers, 8 batches per task": lambda pdf, dpi: _run(pdf, dpi, 2, 8),
        "3 helpers": lambda pdf, dpi: _run(pdf, dpi, 3, 4),
    }


def _run(pdf: bytes, dpi: float, helpers: int, batches: int, overlapped: bool = True) -> tuple[float, float]:
    """Return the busy share of the device, and pages per second."""
    device = FakeDevice(DEVICE_S, BATCH)
    with (
        tempfile.TemporaryDirectory() as folder,
        worker_context(Path(folder), device, helpers) as at,
        mock.patch.object(scheduling, "_BATCHES_PER_RANGE", batches),
        mock.patch.object(pages, "read_batches", pages.read_batches if overlapped else _in_sequence),
    ):
        read_all(at, pdfs.coloured([(0, 1, 0)] * 8), mode="ocr")  # the helpers have started
        device.batches.clear()
        started_s = time.perf_counter()
        read_all(at, pdf, mode="ocr", dpi=dpi)
        return device.busy_share(), PAGES / (time.perf_counter() - started_s)


def _in_sequence(at: WorkerContext, job: PdfSession, numbers: range, _page_reuse: object) -> range:
    """Render, read and store one batch after the other, without overlap."""
    for start in range(0, len(numbers), BATCH):
        batch = at.reader.read_pages(job.pdf, job.record.options, numbers[start : start + BATCH])
        store_and_publish(job.record.job_id, batch, job.total, at.engine.name, files=at.files, events=at.events)
    return numbers[:0]  # none is left


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
