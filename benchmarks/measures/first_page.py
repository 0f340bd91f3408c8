"""Measure the delay of the first page, on idle workers.

Service: from upload to the first `page` event, with two workers and one printed page. Bare: the engine on that page, or
PDFium's text of it. The runs alternate; the figure is the median of the differences.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.support import drawn
from benchmarks.support.bare import loops
from benchmarks.support.resources import Resources
from benchmarks.support.rows import Row, Target, middle, spread
from benchmarks.support.service import service
from tests.support import pdfs

TITLE = "First page"


def measure(resources: Resources) -> list[Row]:
    """Return a row for a scan, and one for a page with a text layer."""
    scan, text = resources.folder / "scan.pdf", resources.folder / "text.pdf"
    scan.write_bytes(pdfs.scanned(["\n".join(pdfs.PROSE)]))
    text.write_bytes(drawn.book(1))
    return [
        _delay(resources, "rapidocr", "rapidocr", scan, "ocr", "a scan, rapidocr", 0.5),
        _delay(resources, "rapidocr", "text", text, "auto", "a page with a text layer", 1.0),
    ]


def _delay(resources: Resources, engine: str, kind: str, pdf: Path, mode: str, name: str, until: float) -> Row:
    ours, theirs = [], []
    with service(resources.folder / kind, SLIMGEST_ENGINE=engine) as running, loops(kind) as (loop,):
        for _ in range(3):
            running.process(pdf, mode=mode)
            loop.read(pdf, [1])
        for _ in resources.runs(most=15, until=until):
            theirs.append(loop.read(pdf, [1]).seconds)
            ours.append(running.first_page_s(pdf, mode=mode))
    later_ms = [1000 * (our - their) for our, their in zip(ours, theirs, strict=True)]
    return Row(
        measure="first_page",
        what=f"First page, {name}: from upload to its event, beyond the bare engine",
        figure=middle(later_ms),
        unit="ms",
        target=Target(bound=50, at_least=False),
        runs=len(later_ms),
        detail=f"{1000 * middle(ours):.0f} ms, bare {1000 * middle(theirs):.0f} ms ({spread(later_ms)})",
    )
