"""Measure the cost of orientation detection for upright pages: read each page with and without it, in turn.

One engine renders, reads and lays out each page in this process, as a worker does. The unit is processor time, so that
other programs do not change the result. Pages that are not upright are left out. Only this benchmark can turn
orientation detection off.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from slimgest_celery.config import Settings
from slimgest_celery.engines.protocol import Image, OcrEngine
from slimgest_celery.engines.registry import load_engine
from slimgest_celery.models.job import Mode, Options
from slimgest_celery.models.page import Page
from slimgest_celery.pdf.document import Pdf, open_pdf
from slimgest_celery.pipeline.context import WorkerContext
from slimgest_celery.reading import orientation
from slimgest_celery.reading.orientation import PageTransform, UprightResult
from tests.support.worker_context import worker_context

_ROUNDS = 3


@dataclass(frozen=True, kw_only=True)
class Cost:
    """The processor seconds of an upright page, with and without orientation detection; medians."""

    engine: str
    file: str
    page: int
    seconds: float
    seconds_without: float


def measure(engine_name: str, files: Sequence[Path], rounds: int = _ROUNDS) -> Iterator[Cost]:
    """Yield the cost of each upright page of these PDFs."""
    engine = load_engine(Settings.model_validate({"SLIMGEST_ENGINE": engine_name}))
    with tempfile.TemporaryDirectory() as folder, worker_context(Path(folder), engine) as at:
        for path in files:
            with closing(open_pdf(path)) as pdf:
                for number in range(1, len(pdf) + 1):
                    if _read(at, pdf, number, detect=True).turned == 0:
                        yield _cost(at, pdf, path.stem, number, rounds)


def more(costs: Sequence[Cost]) -> float:
    """Return the share by which orientation detection makes these pages slower."""
    return sum(cost.seconds for cost in costs) / sum(cost.seconds_without for cost in costs) - 1


def table(costs: Sequence[Cost]) -> str:
    """Return the costs as a table in Markdown, with a line for all pages of each engine."""
    lines = ["| engine | file | page | seconds | without | more |", "|---|---|---|---:|---:|---:|"]
    for name in dict.fromkeys(cost.engine for cost in costs):
        its = [cost for cost in costs if cost.engine == name]
        lines += [
            f"| {c.engine} | {c.file} | {c.page} | {c.seconds:.2f} | {c.seconds_without:.2f} | {more([c]):+.1%} |"
            for c in its
        ]
        lines.append(f"| {name} | all | {len(its)} pages | | | {more(its):+.1%} |")
    return "\n".join(lines)


def _cost(at: WorkerContext, pdf: Pdf, file: str, number: int, rounds: int) -> Cost:
    took_s: dict[bool, list[float]] = {True: [], False: []}
    for turn in range(rounds):
        for detect in (True, False) if turn % 2 else (False, True):
            started_s = time.process_time()
            _read(at, pdf, number, detect=detect)
            took_s[detect].append(time.process_time() - started_s)
    return Cost(
        engine=at.engine.name,
        file=file,
        page=number,
        seconds=round(statistics.median(took_s[True]), 4),
        seconds_without=round(statistics.median(took_s[False]), 4),
    )


def _read(at: WorkerContext, pdf: Pdf, number: int, *, detect: bool) -> Page:
    switch = nullcontext() if detect else mock.patch.object(orientation, "read_upright", _without_detection)
    with switch:
        (page,) = at.reader.read_pages(pdf, Options(mode=Mode.OCR), [number])
    return page


def _without_detection(engine: OcrEngine, images: Sequence[Image]) -> list[UprightResult]:
    sizes = [(image.shape[1], image.shape[0]) for image in images]
    return [
        UprightResult(lines=lines, width=width, height=height, transform=PageTransform(width=width, height=height))
        for lines, (width, height) in zip(engine.read(images), sizes, strict=True)
    ]
