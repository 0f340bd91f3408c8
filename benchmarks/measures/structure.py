"""Measure the cost of document structure: regions, headings and tables.

On scans, the lines of each page are read once. Then its text is made of them with the layout model and without it, in
turn; the figure is the median of the differences in CPU seconds, by page. A drawn page with one table costs as much as
its table or more. On a text layer, the CPU seconds in the functions that find structure are a share of all that reading
takes. All of this runs in one process, like the part of a worker that reads pages.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

import psutil
from pypdfium2 import PdfDocument

from benchmarks.support.resources import Resources
from benchmarks.support.rows import NotMeasured, Row, Target, spread
from benchmarks.sweep.worker import NoOcr
from benchmarks.tables.drawing import draw_table, to_scan
from slimgest_celery.config import Settings
from slimgest_celery.engines.protocol import Image, OcrEngine
from slimgest_celery.engines.registry import load_engine
from slimgest_celery.layout import analysis
from slimgest_celery.models.job import Mode, Options
from slimgest_celery.page_elements.protocol import LayoutModel
from slimgest_celery.page_elements.registry import load_layout_model
from slimgest_celery.pdf.document import PdfPage, open_pdf
from slimgest_celery.reading import page_text
from slimgest_celery.reading.orientation import UprightResult, read_upright
from slimgest_celery.reading.page_reader import PageReader
from slimgest_celery.reading.page_text import PageText, ScannedPage

TITLE = "Document structure"
_DPI = 150
_TABLES = 4
_ROUNDS = 5
_POLICY = ("large", "debian_policy_193p.pdf")
# The functions that find structure on a text layer, by the object that has them.
_STRUCTURE: Sequence[tuple[Any, str]] = (
    (PdfPage, "figures"),
    (PdfPage, "shapes"),
    (page_text, "find_drawings"),
    (analysis, "_find_footnotes"),
    (analysis, "_find_open_tables"),
    (analysis.table_cells, "mark_headers"),
    (analysis.paragraphs.headings, "with_headings"),
    (analysis.regions, "from_paragraphs"),
)


def measure(resources: Resources) -> list[Row]:
    """Return the rows for scans, for tables, for memory and for text layers."""
    settings = Settings.model_validate({"SLIMGEST_ENGINE": "rapidocr"})
    model = load_layout_model(settings)
    if model is None:
        raise NotMeasured("the file of the layout model is missing")
    engine = load_engine(settings)
    scans = list(_render(resources.scans.path))[: resources.size(7, least=1)]
    before = psutil.Process().memory_info().rss
    model.find(scans[0])
    loaded_mb = (psutil.Process().memory_info().rss - before) / 1e6
    tables = []
    for number in range(resources.size(_TABLES, least=1)):
        path = resources.folder / f"table{number}.pdf"
        path.write_bytes(to_scan(draw_table(number).pdf, noisy=True, seed=number))
        tables += _render(path)
    what = "Layout model: more CPU time for a"
    return [
        _cost(engine, model, scans, f"{what} scanned page", 60),
        _cost(engine, model, tables, f"{what} scanned page with a table", 250),
        Row(
            measure="structure",
            what="Layout model: more memory of a process after its first page",
            figure=loaded_mb,
            unit="MB",
            target=Target(bound=200, at_least=False),
            runs=1,
        ),
        _text_layer(resources),
    ]


def _cost(engine: OcrEngine, model: LayoutModel, images: Sequence[Image], what: str, most_ms: float) -> Row:
    costs = []
    for image in images:
        (result,) = read_upright(engine, [image])
        upright = result.transform.apply(image)
        rounds = [_more_ms(model, upright, result) for _ in range(_ROUNDS)]
        costs.append(median(rounds))
    return Row(
        measure="structure",
        what=what,
        figure=median(costs),
        unit="ms",
        target=Target(bound=most_ms, at_least=False),
        runs=_ROUNDS,
        detail=f"{len(costs)} pages at {_DPI} dpi ({spread(costs)})",
    )


def _more_ms(model: LayoutModel, image: Image, result: UprightResult) -> float:
    """Return the CPU milliseconds that a page's text takes with the model, less those without it."""

    def with_model() -> None:
        PageText.from_ocr(result, ScannedPage(image=image, dpi=_DPI, elements=model.find(image)))

    return 1000 * (_cpu_s(with_model) - _cpu_s(lambda: PageText.from_ocr(result)))


def _cpu_s(run: Callable[[], object]) -> float:
    started_s = time.process_time()
    run()
    return time.process_time() - started_s


def _render(path: Path) -> Iterator[Image]:
    with PdfDocument(path) as pdf:
        for page in pdf:
            yield page.render(scale=_DPI / 72, rev_byteorder=True).to_numpy()[:, :, :3].copy()


class _Clock:
    """Counts the CPU seconds of functions."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def count(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that does the same and is counted."""

        def counted(*args: Any, **named: Any) -> Any:
            started_s = time.process_time()
            try:
                return call(*args, **named)
            finally:
                self.seconds += time.process_time() - started_s

        return counted


def _text_layer(resources: Resources) -> Row:
    """Return the row for a real PDF."""
    what = f"Structure of a text layer, {_POLICY[-1]}: share of the CPU time of reading"
    path = resources.real(*_POLICY)
    if path is None:
        return Row(measure="structure", what=what, figure=None, detail="the corpus of real PDFs is not here")
    reader = PageReader(engine=NoOcr(), worker="", max_pixels=Settings().max_page_pixels)
    shares = []
    for _ in range(_ROUNDS):
        clock = _Clock()
        with ExitStack() as exits, closing(open_pdf(path)) as pdf:
            for owner, name in _STRUCTURE:
                exits.enter_context(patch.object(owner, name, clock.count(getattr(owner, name))))
            numbers = range(1, len(pdf) + 1)
            all_s = _cpu_s(lambda pdf=pdf, numbers=numbers: reader.read_pages(pdf, Options(mode=Mode.TEXT), numbers))  # type: ignore[misc]
        shares.append(100 * clock.seconds / all_s)
    return Row(
        measure="structure",
        what=what,
        figure=median(shares),
        unit="%",
        target=Target(bound=10, at_least=False),
        runs=_ROUNDS,
        detail=spread(shares),
    )
