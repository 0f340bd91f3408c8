"""What a page with a text layer costs beyond PDFium: read, laid out and written as JSON, against a bare loop.

In one process, turn about, processor time; the ratio is the median of the rounds' ratios. The bare loop opens each page
and takes its text as PDFium gives it: no boxes, no order, no doubts.
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

from slimgest_celery import page_reading
from slimgest_celery.desk import Desk
from slimgest_celery.model import Mode, Options, Page
from slimgest_celery.pdf import open_pdf
from tests.support.desk import FakeDevice, desk

_ROUNDS = 7


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pdf", nargs="+", type=Path)
    parser.add_argument("--rounds", type=int, default=_ROUNDS)
    parser.add_argument(
        "--mode", type=Mode, default=Mode.AUTO, help="auto, or text: never a look at the pixels for OCR"
    )
    options = parser.parse_args()
    print("| file | pages | PDFium alone, ms a page | with all the rest | ratio |\n|---|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as folder, desk(Path(folder), FakeDevice(0.0, 1)) as at:
        for path in options.pdf:
            print(_row(at, path, options.mode, options.rounds))


def _row(at: Desk, path: Path, mode: Mode, rounds: int) -> str:
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


def _ours(at: Desk, path: Path, mode: Mode) -> None:
    with closing(open_pdf(path)) as pdf:
        for number in range(1, len(pdf) + 1):
            prepared = page_reading.prepare(at, pdf, Options(mode=mode), number)
            if isinstance(prepared, Page):  # else it is rendered, for OCR
                prepared.model_dump_json()


if __name__ == "__main__":
    main()
