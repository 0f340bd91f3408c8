"""Compare the service with the bare package on a GPU, in one run: `python -m benchmarks.gpu`.

Makes a checkpoint with random weights (or uses `--model-dir`), and compares a batch with reading one by one. Reads the
same pages in four ways: with the bare `NemotronOCRV2` and with the service's worker code (plan, render ahead, read,
normalise, store, publish; Redis in memory), each over rendered images and over the pages of a PDF. Needs a GPU and the
extras `gpu` and `test`. Prints a table in Markdown for docs/gpu.md.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from slimgest_celery.config import Settings
from slimgest_celery.engines.nemotron import Nemotron
from slimgest_celery.pdf.document import PdfPage, Rendered, open_pdf
from slimgest_celery.pipeline.context import WorkerContext
from tests.gpu import checkpoint
from tests.support import pdfs
from tests.support.worker_context import read_all, worker_context
from workers.warm_up_page import built_in_page

DPI = 150.0


@dataclass
class Reading:
    """The measurement of one way to read all pages."""

    way: str
    seconds: float
    pages: int
    busy: list[int] = field(default_factory=list)  # per cent, sampled by NVML

    def row(self, bare: Reading) -> str:
        busy = f"{statistics.fmean(self.busy):.0f} %" if self.busy else "–"
        rate = self.pages / self.seconds
        return f"| {self.way} | {rate:.1f} | {rate * bare.seconds / bare.pages:.2f} | {busy} |"


def main() -> None:
    """Run all measurements and print the table."""
    options = _options()
    import torch

    if not torch.cuda.is_available():
        raise SystemExit("This benchmark needs an NVIDIA GPU: torch sees none.")
    with tempfile.TemporaryDirectory() as folder:
        model_dir = options.model_dir or _made(Path(folder))
        started_s = time.perf_counter()
        engine = Nemotron(Settings(NEMOTRON_OCR_MODEL_DIR=model_dir, SLIMGEST_NEMOTRON_BATCH_SIZE=options.batch))
        load_s = time.perf_counter() - started_s
        engine.warm_up(built_in_page())
        warm_s = time.perf_counter() - started_s - load_s
        torch.cuda.reset_peak_memory_stats()
        content = pdfs.scanned([f"Page {n}\n" + _PRINT for n in range(options.pages)])
        agreement = _agreement(engine, options.batch)
        readings = _readings(engine, content, Path(folder), options)
        print(
            f"{engine.device}, {datetime.now(UTC):%Y-%m-%d}, nemotron-ocr {engine.version}, torch {torch.__version__}"
        )
        print(f"\nbatch {options.batch}, {options.pages} pages, {options.helpers} render helpers\n")
        print("| way | pages/s | of bare | GPU busy |\n|---|---|---|---|")
        for reading, bare in zip(readings, (readings[0], readings[0], readings[2], readings[2]), strict=True):
            print(reading.row(bare))
        print(f"\nloaded in {load_s:.1f} s, warmed up in {warm_s:.1f} s; ", end="")
        print(f"peak device memory {torch.cuda.max_memory_reserved() / 2**20:.0f} MB; ", end="")
        print(f"a batch finds {agreement:.1%} of the boxes that its pages have one by one")


_PRINT = "\n".join("The quick brown fox jumps over the lazy dog" for _ in range(16))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model-dir", type=Path, help="a checkpoint (default: a new one with random weights)")
    parser.add_argument("--pages", type=int, default=200)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--helpers", type=int, default=2)
    return parser.parse_args()


def _made(folder: Path) -> Path:
    model_dir = folder / "model"
    model_dir.mkdir()
    checkpoint.make(model_dir)
    return model_dir


def _readings(engine: Nemotron, content: bytes, folder: Path, options: argparse.Namespace) -> list[Reading]:
    """Measure bare package and service over rendered pages, then both over the PDF."""
    path = folder / "pages.pdf"
    path.write_bytes(content)
    images = list(_images(path))
    count = len(images)

    def bare(source: Callable[[], Iterator[Any]]) -> None:
        pages = source()
        with engine._torch.inference_mode():
            while batch := list(islice(pages, options.batch)):
                engine._ocr(batch, "sentence")

    def service(at: WorkerContext) -> None:
        pages = read_all(at, content, mode="ocr", dpi=DPI)
        if len(pages) != count or any(page.status != "ok" for page in pages):
            raise SystemExit("the service did not read every page")

    def service_without_rendering(at: WorkerContext) -> None:
        with mock.patch.object(PdfPage, "render", _given(images)):
            service(at)

    with (
        worker_context(folder / "jobs", engine) as alone,
        worker_context(folder / "jobs", engine, options.helpers) as helped,
    ):
        ways: list[tuple[str, Callable[[], None]]] = [
            ("bare package, rendered pages", lambda: bare(lambda: iter(images))),
            ("worker path, rendered pages", lambda: service_without_rendering(alone)),
            ("bare package, PDF pages (rendered, then read)", lambda: bare(lambda: _images(path))),
            ("worker path, PDF pages", lambda: service(helped)),
        ]
        return [_timed(way, run, count) for way, run in ways]


def _given(images: list[Any]) -> Callable[..., Rendered]:
    """Return a `PdfPage.render` that costs nothing."""
    turn = iter(images)
    return lambda _page, dpi, _max_pixels: Rendered(image=next(turn), dpi=dpi)


def _images(path: Path) -> Iterator[Any]:
    pdf = open_pdf(path)
    for number in range(1, len(pdf) + 1):
        with pdf.page(number) as page:
            image = page.render(DPI, 10**9).image
        yield image
    pdf.close()


def _timed(way: str, run: Callable[[], None], pages: int) -> Reading:
    """Run twice and measure the second run: the helpers have started, and cuDNN has measured the batch shapes."""
    import torch

    run()
    torch.cuda.synchronize()
    reading = Reading(way=way, seconds=0.0, pages=pages)
    with _sampled(reading.busy):
        started_s = time.perf_counter()
        run()
        torch.cuda.synchronize()
        reading.seconds = time.perf_counter() - started_s
    return reading


@contextmanager
def _sampled(busy: list[int]) -> Iterator[None]:
    """Sample the GPU utilisation that NVML reports, every 50 ms."""
    import pynvml
    import torch

    pynvml.nvmlInit()
    uuid = f"GPU-{torch.cuda.get_device_properties(0).uuid}"
    handle = pynvml.nvmlDeviceGetHandleByUUID(uuid)
    over = threading.Event()

    def sample() -> None:
        while not over.wait(0.05):
            busy.append(pynvml.nvmlDeviceGetUtilizationRates(handle).gpu)

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        pynvml.nvmlShutdown()


def _agreement(engine: Nemotron, batch: int) -> float:
    """Return the share of boxes, of pages read one by one, that a batch also finds, at IoU 0.5 or more."""
    pages = [np.roll(built_in_page(), 30 * turn, axis=0) for turn in range(batch)]
    together = engine.read(pages)
    found = total = 0
    for page, lines in zip(pages, together, strict=True):
        alone = engine.read([page])[0]
        total += len(alone)
        found += sum(any(_iou(one.box, other.box) >= 0.5 for other in lines) for one in alone)
    return found / max(1, total)


def _iou(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    common = max(0.0, width) * max(0.0, height)
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return common / (areas - common) if areas > common else 0.0


if __name__ == "__main__":
    main()
