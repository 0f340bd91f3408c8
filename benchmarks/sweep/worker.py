"""The process that reads and compares the files of a sweep: `python -m benchmarks.sweep.worker OPTIONS MB PARENT`.

OPTIONS are `SweepOptions` as JSON, MB the limit of its memory. It prints `ready`, and then answers each line of JSON on
standard input with one on standard output. Its parent ends it if a file takes too long: public collections contain
files that crash PDF programs.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import IO

import pypdfium2 as pdfium

from benchmarks.sweep import pdfium_text, poppler, printed_lines
from benchmarks.sweep.compare import compare
from benchmarks.sweep.kinds import Kind, Verdict, judge, kind_of
from benchmarks.sweep.results import PageResult, SweepOptions
from slimgest_celery.config import Settings
from slimgest_celery.engines.protocol import Image, OcrEngine, OcrLine
from slimgest_celery.engines.registry import load_engine
from slimgest_celery.errors import SlimgestError
from slimgest_celery.models.job import Mode, Options
from slimgest_celery.models.page import Page, Source
from slimgest_celery.page_elements.registry import load_layout_model
from slimgest_celery.pdf import flattening
from slimgest_celery.pdf.document import Pdf, open_pdf
from slimgest_celery.process_limits import limit_helper_process
from slimgest_celery.reading.page_reader import PageReader
from workers.warm_up_page import built_in_page

_EXPLAINED = Kind.SAME, Kind.UNSEEN


class NoOcr:
    """An engine for `mode=text`, which never uses one."""

    name, version, batch_size = "none", "", 1

    def warm_up(self, image: Image) -> None:
        pass

    def read(self, images: Sequence[Image]) -> list[list[OcrLine]]:
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class Sweeper:
    """Reads and compares the selected pages of PDFs."""

    reader: PageReader
    options: SweepOptions

    def sweep_file(self, path: Path) -> list[PageResult]:
        """Return the results of a PDF. Raises `SlimgestError` if the file cannot be read."""
        with closing(open_pdf(path)) as pdf, closing(pdfium.PdfDocument(path)) as document:
            flattening.prepare_forms(document)
            numbers = Options(pages=self.options.pages).page_numbers(len(pdf))
            return [self._sweep_page(path, pdf, document, number) for number in numbers]

    def _sweep_page(self, path: Path, pdf: Pdf, document: pdfium.PdfDocument, number: int) -> PageResult:
        page, seconds = self._read(pdf, Mode.TEXT, number)
        auto, auto_s = self._read(pdf, Mode.AUTO, number) if self.options.auto else (None, 0.0)
        theirs = poppler.page_text(path, number)
        tall, kind = ([], Kind.OTHER) if page.error else _examine(document, page, theirs)
        cells = _cells(page)
        return PageResult(
            number=number,
            **asdict(compare(page.text, theirs)),
            kind=kind,
            verdict=self._judge(pdf, page, theirs) if self.options.judge and kind not in _EXPLAINED else "",
            seconds=seconds,
            reason=page.reason or "",
            blocks=len(page.blocks),
            tall_blocks=sum(index not in cells for index in tall),
            tall_cells=sum(index in cells for index in tall),
            tall_text=page.blocks[tall[0]].text[:80] if tall else "",
            error=page.error.code if page.error else "",
            auto=decision(auto) if auto else "",
            auto_s=auto_s,
        )

    def _read(self, pdf: Pdf, mode: Mode, number: int) -> tuple[Page, float]:
        """Return a page, and the seconds of reading it."""
        started_s = time.perf_counter()
        (page,) = self.reader.read_pages(pdf, Options(mode=mode), [number])
        return page, round(time.perf_counter() - started_s, 4)

    def _judge(self, pdf: Pdf, page: Page, theirs: str) -> Verdict:
        """Return whose text OCR agrees with."""
        ocr, _ = self._read(pdf, Mode.OCR, page.page_number)
        return judge(page.text, theirs, ocr.text)


def _examine(document: pdfium.PdfDocument, page: Page, theirs: str) -> tuple[list[int], Kind]:
    """Return the indices of the blocks with several printed lines, and the kind of difference from their text."""
    with closing(_loaded(document, page.page_number)) as loaded:
        tall = [index for index, count in enumerate(printed_lines.count_lines(loaded, page.blocks)) if count > 1]
        plain, unseen = partial(pdfium_text.plain_text, loaded), partial(pdfium_text.unseen_text, loaded)
        return tall, kind_of(page.text, theirs, plain, unseen)


def decision(page: Page) -> str:
    """Return how a page was read with `mode=auto`: its source, and the reason for it."""
    if page.source is None:
        return f"failed: {page.error.code if page.error else ''}"
    if page.source == Source.TEXT_LAYER:
        return f"text layer: {page.reason}" + (", after a sample by OCR" if page.seconds.render else "")
    return f"OCR: {page.reason}"


def _loaded(document: pdfium.PdfDocument, number: int) -> pdfium.PdfPage:
    page = document[number - 1]
    if not flattening.flatten(page):
        return page
    page.close()
    return document[number - 1]


def _cells(page: Page) -> set[int]:
    """Return the indices of the blocks that are cells of tables."""
    return {
        index
        for paragraph in page.paragraphs
        if paragraph.kind == "table"
        for index in range(paragraph.first, paragraph.last + 1)
    }


def serve(answer: Callable[[str], list[PageResult]], requests: IO[str], answers: IO[str]) -> None:
    """Answer each request, the path of a PDF as JSON, until the input ends."""
    print("ready", file=answers, flush=True)
    for line in requests:
        outcome, pages = "read", []
        try:
            pages = answer(json.loads(line))
        except SlimgestError as error:
            outcome = error.code
        except MemoryError:
            outcome = "out of memory"
        except Exception as error:  # a defect of slimgest or of the sweep, which the report shows
            outcome = f"{type(error).__name__}: {error}"
        print(json.dumps({"outcome": outcome, "pages": [asdict(page) for page in pages]}), file=answers, flush=True)


def main() -> None:
    """Run the process."""
    wanted, memory_mb, parent = sys.argv[1:]
    if not limit_helper_process(int(memory_mb), int(parent)):
        return
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # libraries print to standard output
    options, settings = SweepOptions(**json.loads(wanted)), Settings()
    engine: OcrEngine = NoOcr()
    if options.needs_engine:
        engine = load_engine(settings.model_copy(update={"engine": options.engine}))
        engine.warm_up(built_in_page())
    reader = PageReader(
        engine=engine,
        worker="",
        max_pixels=settings.max_page_pixels,
        layout_model=load_layout_model(settings) if options.needs_engine else None,
    )
    sweeper = Sweeper(reader=reader, options=options)
    serve(lambda path: sweeper.sweep_file(Path(path)), sys.stdin, answers)


if __name__ == "__main__":
    main()
