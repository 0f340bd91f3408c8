"""The text layer's speed.

Ours: a born-digital PDF from upload to result with two workers, with boxes, reading order, paragraphs and the look at
whether the layer can be trusted. Theirs: one bare pypdfium2 loop that only extracts the text. The runs alternate.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks import drawn
from benchmarks.bare import Answer, Loop, loops
from benchmarks.plan import Plan
from benchmarks.rows import Row, Target, middle, not_measured, ratios, spread
from benchmarks.service import Cpu, Service, Took, failures, per_page, service, used

TITLE = "Text layer"
_POLICY = ("large", "debian_policy_193p.pdf")


def measure(plan: Plan) -> list[Row]:
    """A row for a drawn book, and one for a real one."""
    pages = plan.size(2000, least=100)
    book = plan.folder / "book.pdf"
    book.write_bytes(drawn.book(pages))
    with service(plan.folder / "service") as running, loops("text") as (loop,):
        running.process(drawn.book(20))
        rows = [_speed(plan, running, loop, book, f"{pages:,} drawn pages", 0.7)]
        policy = plan.real(*_POLICY)
        if policy is None:
            return [*rows, not_measured("text", _what(_POLICY[-1]), "the real PDFs are not here")]
        return [*rows, _speed(plan, running, loop, policy, policy.name, 1.0)]


def _what(file: str) -> str:
    return f"Text layer, {file}: pages/s through the service over a bare PDFium loop"


def _speed(plan: Plan, running: Service, loop: Loop, pdf: Path, name: str, until: float) -> Row:
    ours: list[Took] = []
    theirs: list[Answer] = []
    cpu: list[Cpu] = []
    pages = running.process(pdf).pages  # both have seen the file
    loop.read(pdf, range(1, pages + 1))
    for _ in plan.runs(most=7, until=until):
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
