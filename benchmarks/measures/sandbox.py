"""Measure the cost of the sandbox of worker children.

Two processes read and store the same pages as worker children do, one of them in the sandbox. They take turns, and
change their order each time. The figure is the median of the ratios of their CPU seconds, so other work on the machine
hardly changes it.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from statistics import median, quantiles

from benchmarks.support import drawn
from benchmarks.support.resources import Resources
from benchmarks.support.rows import NotMeasured, Row, Target
from benchmarks.support.sandboxed import Reader
from slimgest_celery.models.job import Mode
from slimgest_celery.sandbox.policy import missing_support

TITLE = "Sandbox"
_MOST_RUNS = 40


def measure(resources: Resources) -> list[Row]:
    """Return a row for pages with a text layer, and one for scans."""
    if missing := missing_support():
        raise NotMeasured(f"this system cannot limit {', '.join(missing)}")
    book = resources.folder / "book.pdf"
    book.write_bytes(drawn.book(resources.size(100, least=20)))
    with ExitStack() as exits:
        off, on = (Reader(resources.folder / name, sandbox=name == "on") for name in ("off", "on"))
        for reader in (off, on):
            exits.callback(reader.close)
        for reader in (off, on):
            reader.wait_ready()
        scans = drawn.scans(resources.folder / "scans.pdf", resources.corpus, pages=2).path
        return [
            _cost(resources, off, on, book, Mode.TEXT, "pages with a text layer", 0.4),
            _cost(resources, off, on, scans, Mode.OCR, "scans", 1.0),
        ]


def _cost(resources: Resources, off: Reader, on: Reader, pdf: Path, mode: Mode, name: str, until: float) -> Row:
    for reader in (off, on):
        reader.cpu_s(pdf, mode)  # not measured: caches and the shapes of the models
    more = []
    for run in resources.runs(most=_MOST_RUNS, until=until):
        used = {reader: reader.cpu_s(pdf, mode) for reader in ((off, on) if run % 2 else (on, off))}
        more.append(100 * (used[on] / used[off] - 1))
    low, _, high = quantiles(more, n=4) if len(more) > 1 else (more[0],) * 3
    return Row(
        measure="sandbox",
        what=f"Sandbox, {name}: more CPU seconds than without it",
        figure=median(more),
        unit="%",
        target=Target(bound=1, at_least=False),
        runs=len(more),
        detail=f"half of the runs between {low:+.2f} and {high:+.2f} %",
    )
