"""Measure the share of an engine's speed that the service keeps.

Service: scans sent by HTTP to a service of two workers, from upload to result. Bare: two processes of the same engine,
loaded and warm, each of which renders and reads every other page. The runs alternate.
"""

from __future__ import annotations

from benchmarks.support.bare import Answer, loops, read_in_parallel
from benchmarks.support.resources import Resources
from benchmarks.support.rows import NotMeasured, Row, Target, middle, not_measured, ratios, spread
from benchmarks.support.service import Cpu, Took, failures, service, used
from slimgest_celery.config import Settings
from slimgest_celery.engines.registry import load_engine
from slimgest_celery.errors import EngineUnavailable

TITLE = "OCR efficiency"
_ENGINES = {"rapidocr": 0.6, "tesseract": 1.0}  # with the part of the time at which its runs must end


def measure(resources: Resources) -> list[Row]:
    """Return a row for each engine."""
    rows = []
    for engine, until in _ENGINES.items():
        try:
            rows.append(_efficiency(resources, engine, until))
        except NotMeasured as reason:
            rows.append(not_measured("ocr", _what(engine), str(reason)))
    return rows


def _what(engine: str) -> str:
    return f"OCR efficiency, {engine}: pages/s through the service over bare processes"


def needs(engine: str) -> None:
    """Raise `NotMeasured` if the engine is not installed."""
    try:
        load_engine(Settings.model_validate({"SLIMGEST_ENGINE": engine}))
    except EngineUnavailable as error:
        raise NotMeasured(str(error)) from error


def _efficiency(resources: Resources, engine: str, until: float) -> Row:
    needs(engine)
    scans = resources.scans
    ours: list[Took] = []
    theirs: list[Answer] = []
    cpu: list[Cpu] = []
    with service(resources.folder / engine, SLIMGEST_ENGINE=engine) as running, loops(engine, 2) as bare:
        running.process(scans.path, mode="ocr", pages="1-4")  # from now on the service knows the time per page
        for _ in resources.runs(most=4, until=until):
            theirs.append(read_in_parallel(bare, scans.path, scans.pages))
            before = running.cpu()
            ours.append(running.process(scans.path, mode="ocr"))
            cpu.append(used(before, running.cpu()))
    kept = ratios([took.seconds for took in ours], [answer.seconds for answer in theirs])
    return Row(
        measure="ocr",
        what=_what(engine),
        figure=middle(kept),
        target=Target(bound=0.97),
        failures=failures(ours) + sum(answer.failures for answer in theirs),
        runs=len(kept),
        detail="; ".join(
            [
                f"{scans.pages / middle([took.seconds for took in ours]):.2f} pages/s, "
                f"bare {scans.pages / middle([answer.seconds for answer in theirs]):.2f} ({spread(kept)})",
                f"CPU s a page: {middle([sum(one.values()) for one in cpu]) / scans.pages:.2f}, "
                f"bare {middle([answer.cpu_s for answer in theirs]) / scans.pages:.2f}",
                scans.origin,
            ]
        ),
    )
