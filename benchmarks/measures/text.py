"""Measure the speed of text layers.

Service: a born-digital PDF from upload to result with two workers, with boxes, reading order, paragraphs and the
quality check of the text layer. Bare: one pypdfium2 loop that only extracts the text. The runs alternate.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.support import drawn
from benchmarks.support.bare import Answer, Loop, loops
from benchmarks.support.resources import Resources
from benchmarks.support.rows import Row, Target, middle, not_measured, ratios, spread
from benchmarks.support.service import Cpu, RunningService, Took, failures, per_page, service, used

TITLE = "Text layer"
_POLICY = ("large", "debian_policy_193p.pdf")


def measure(resources: Resources) -> list[Row]:
    """Return a row for a drawn book, and one for a real PDF."""
    pages = resources.size(2000, least=100)
    book = resources.folder / "book.pdf"
    book.write_bytes(drawn.book(pages))
    # The bare loop reads no pictures; the real PDF has six pages with flow charts.
    env = {"SLIMGEST_READ_PICTURES": "0"}
    with service(resources.folder / "service", **env) as running, loops("text") as (loop,):
        running.process(drawn.book(20))
        rows = [_speed(resources, running, loop, book, f"{pages:,} drawn pages", 0.7)]
        policy = resources.real(*_POLICY)
        if policy is None:
            return [*rows, not_measured("text", _what(_POLICY[-1]), "the corpus of real PDFs is not here")]
        return [*rows, _speed(resources, running, loop, policy, policy.name, 1.0)]


def _what(file: str) -> str:
    return f"Text layer, {file}: pages/s through the service over a bare PDFium loop"


def _speed(resources: Resources, running: RunningService, loop: Loop, pdf: Path, name: str, until: float) -> Row:
    ours: list[Took] = []
    theirs: list[Answer] = []
    cpu: list[Cpu] = []
    pages = running.process(pdf).pages  # a first run of both, not measured
    loop.read(pdf, range(1, pages + 1))
    for _ in resources.runs(most=7, until=until):
        theirs.append(loop.read(pdf, range(1, pages + 1)))
        before = running.cpu()
        ours.append(running.process(pdf))
        cpu.append(used(before, running.cpu()))
    kept = ratios([took.seconds for took in ours], [answer.seconds for answer in theirs])
    middling = {kind: middle([one[kind] for one in cpu]) for kind in cpu[0]}
    bare_s = middle([answer.seconds for answer in theirs])
    return Row(
        measure="text",
        what=_what(name),
        figure=middle(kept),
        target=Target(bound=1.0),
        failures=failures(ours) + sum(answer.failures for answer in theirs),
        runs=len(kept),
        detail=f"{pages / middle([took.seconds for took in ours]):,.0f} pages/s, bare {pages / bare_s:,.0f} "
        f"({spread(kept)}); {per_page(middling, pages)}, bare {1000 * bare_s / pages:.2f}",
    )
