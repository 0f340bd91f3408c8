"""Measure the cost of a text layer beyond PDFium: read, laid out and written as JSON, against a bare loop.

Both run in turn in one process, in processor time; the ratio is the median over the rounds. The bare loop opens each
page and takes its text as PDFium returns it: no boxes, no reading order, no quality checks.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pypdfium2 as pdfium

from slimgest_celery.models.job import Mode, Options
from slimgest_celery.models.page import Page
from slimgest_celery.pdf.document import open_pdf
from slimgest_celery.pipeline.context import WorkerContext
from tests.support.worker_context import FakeDevice, worker_context

_ROUNDS = 7


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pdf", nargs="+", type=Path)
    parser.add_argument("--rounds", type=int, default=_ROUNDS)
    parser.add_argument(
        "--mode", type=Mode, default=Mode.AUTO, help="auto; or text, which never renders a page for OCR"
    )
    options = parser.parse_args()
    print("| file | pages | PDFium alone, ms a page | service, ms a page | ratio |\n|---|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as folder, worker_context(Path(folder), FakeDevice(0.0, 1)) as at:
        for path in options.pdf:
            print(_row(at, path, options.mode, options.rounds))


def _row(at: WorkerContext, path: Path, mode: Mode, rounds: int) -> str:
    bare_s, ours_s = [], []
    pages = _bare(path)
    for _ in range(rounds):
        bare_s.append(_processor_s(lambda: _bare(path)))
        ours_s.append(_processor_s(lambda: _ours(at, path, mode)))
    ratio = statistics.median(ours / bare for ours, bare in zip(ours_s, bare_s, strict=True))
    bare_ms, ours_ms = (1000 * statistics.median(taken) / pages for taken in (bare_s, ours_s))
    return f"| {path.stem} | {pages} | {bare_ms:.2f} | {ours_ms:.2f} | {ratio:.2f} |"


def _processor_s(run: Callable[[], object]) -> float:
    started_s = time.process_time()
    run()
    return time.process_time() - started_s


def _bare(path: Path) -> int:
    with closing(pdfium.PdfDocument(path)) as document:
        for index in range(len(document)):
            with closing(document[index]) as page, closing(page.get_textpage()) as text:
                text.get_text_range()
        return len(document)


def _ours(at: WorkerContext, path: Path, mode: Mode) -> None:
    with closing(open_pdf(path)) as pdf:
        for number in range(1, len(pdf) + 1):
            prepared = at.reader.prepare_page(pdf, Options(mode=mode), number)
            if isinstance(prepared, Page):  # else it is rendered, for OCR
                prepared.model_dump_json()


if __name__ == "__main__":
    main()
