"""Measure what the page cache saves and costs: `python -m benchmarks.page_cache [--pages 100] [--engine auto]`.

A scan is sent, sent again, sent with one page changed, and sent to a service without the cache. Each line is the time
from upload to result on two workers. Then the cost: the time for a page's fingerprint, and the bytes of a page in
Redis.
"""

from __future__ import annotations

import argparse
import io
import statistics
import tempfile
import time
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from slimgest_celery.client import Client
from slimgest_celery.pdf.fingerprint import Fingerprints
from tests.support import pdfs
from tests.support.stack import Stack, running

RUNS = 5  # of a request that takes less than a second


def main() -> None:
    """Print tables in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=100)
    parser.add_argument("--engine", default="auto")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        pdf, edited = Path(folder, "scan.pdf"), Path(folder, "edited.pdf")
        pdf.write_bytes(scan([f"Page {number}" for number in range(options.pages)]))
        headings = [f"Page {number}" for number in range(options.pages)]
        headings[options.pages // 2] = "Another page"
        edited.write_bytes(scan(headings))
        print(f"{options.pages} pages, {pdf.stat().st_size / 1e6:.1f} MB, engine {options.engine}, two workers\n")
        print("| sent | seconds from upload to result | pages read |\n|---|---:|---:|")
        with _service(Path(folder, "on"), options.engine, "1") as stack, Client(stack.url) as client:
            _line("the first time", [_sent(client, pdf)])
            _line("again", [_sent(client, pdf) for _ in range(RUNS)])
            _line("with one page changed", [_sent(client, edited)])
            held = _held_by_redis(stack) / (options.pages + 1)
        with _service(Path(folder, "off"), options.engine, "0") as stack, Client(stack.url) as client:
            _line("without the cache", [_sent(client, pdf)])
        opening_ms, page_ms = _fingerprints_ms(pdf, options.pages)
        print(f"\nA page's fingerprint: {page_ms:.2f} ms, the first with opening the PDF {opening_ms:.2f} ms")
        print(f"Redis holds {held:.0f} bytes a page")


def scan(headings: list[str]) -> bytes:
    """Return a PDF with an A4 page for each heading: JPEG, 150 dpi, grey, slightly grainy."""
    grain = np.random.default_rng(4).normal(0, 6, (1754, 1240))
    stored = io.BytesIO()
    canvas = Canvas(stored, pagesize=(595, 842))
    for heading in headings:
        page = Image.new("L", (1240, 1754), 245)
        pen = ImageDraw.Draw(page)
        for row, line in enumerate([heading, *pdfs.PROSE * 3]):
            pen.text((150, 150 + 56 * row), line, fill=20, font=ImageFont.load_default(32))
        grainy = Image.fromarray(np.clip(np.asarray(page) + grain, 0, 255).astype(np.uint8))
        picture = io.BytesIO()
        grainy.save(picture, "JPEG", quality=75)
        canvas.drawImage(ImageReader(picture), 0, 0, 595, 842)
        canvas.showPage()
    canvas.save()
    return stored.getvalue()


def _service(folder: Path, engine: str, cache: str) -> AbstractContextManager[Stack]:
    folder.mkdir()
    return running(folder, SLIMGEST_ENGINE=engine, SLIMGEST_PAGE_CACHE=cache)


def _sent(client: Client, pdf: Path) -> tuple[float, int]:
    """Return the seconds taken and the number of pages read."""
    started_s = time.perf_counter()
    document = client.process(pdf)
    took_s = time.perf_counter() - started_s
    assert document.status == "completed", document.error
    return took_s, sum(not page.cached for page in document.pages)


def _line(what: str, runs: list[tuple[float, int]]) -> None:
    seconds, read = zip(*runs, strict=True)
    print(f"| {what} | {statistics.median(seconds):.2f} | {max(read)} |", flush=True)


def _held_by_redis(stack: Stack) -> int:
    return sum(stack.redis.memory_usage(name) for name in stack.redis.keys("slimgest:pages:*"))


def _fingerprints_ms(pdf: Path, pages: int) -> tuple[float, float]:
    """Return the time of the first page, including the opening of the PDF, and of each other page."""
    found = Fingerprints(pdf, pages)
    moments_s = [time.perf_counter()]
    for number in range(1, pages + 1):
        assert found.of(number)
        moments_s.append(time.perf_counter())
    found.close()
    return 1000 * (moments_s[1] - moments_s[0]), 1000 * (moments_s[-1] - moments_s[1]) / (pages - 1)


if __name__ == "__main__":
    main()
