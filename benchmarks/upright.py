"""What upright pages pay for being looked at: each is rendered, read and laid out with and without, turn about.

In this process, as a worker does it, by one engine, in processor time, so that a busy machine says the same. Pages that
lie otherwise are left out. The switch is this benchmark's own: nobody can turn orientation off.
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

from slimgest_celery import engines, orientation, page_reading
from slimgest_celery.config import Settings
from slimgest_celery.desk import Desk
from slimgest_celery.engines import Engine
from slimgest_celery.engines.protocol import Image
from slimgest_celery.model import Mode, Options, Page
from slimgest_celery.orientation import Reading, Stance
from slimgest_celery.pdf import Pdf, open_pdf
from tests.support.desk import desk

_ROUNDS = 3


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Processor seconds that an upright page takes, as it is read and without a look at how it lies; medians."""

    engine: str
    file: str
    page: int
    seconds: float
    seconds_without: float


def measure(engine_name: str, files: Sequence[Path], rounds: int = _ROUNDS) -> Iterator[Cost]:
    """The cost of each upright page of these PDFs."""
    engine = engines.load(Settings.model_validate({"SLIMGEST_ENGINE": engine_name}))
    with tempfile.TemporaryDirectory() as folder, desk(Path(folder), engine) as at:
        for path in files:
            with closing(open_pdf(path)) as pdf:
                for number in range(1, len(pdf) + 1):
                    if _read(at, pdf, number, look=True).turned == 0:
                        yield _cost(at, pdf, path.stem, number, rounds)


def more(costs: Sequence[Cost]) -> float:
    """The share by which these pages take longer for being looked at."""
    return sum(cost.seconds for cost in costs) / sum(cost.seconds_without for cost in costs) - 1


def table(costs: Sequence[Cost]) -> str:
    """The costs as a table in Markdown, with a line for each engine's pages together."""
    lines = ["| engine | file | page | seconds | without | more |", "|---|---|---|---:|---:|---:|"]
    for name in dict.fromkeys(cost.engine for cost in costs):
        its = [cost for cost in costs if cost.engine == name]
        lines += [
            f"| {c.engine} | {c.file} | {c.page} | {c.seconds:.2f} | {c.seconds_without:.2f} | {more([c]):+.1%} |"
            for c in its
        ]
        lines.append(f"| {name} | all | {len(its)} pages | | | {more(its):+.1%} |")
    return "\n".join(lines)


def _cost(at: Desk, pdf: Pdf, file: str, number: int, rounds: int) -> Cost:
    took_s: dict[bool, list[float]] = {True: [], False: []}
    for turn in range(rounds):
        for look in (True, False) if turn % 2 else (False, True):
            started_s = time.process_time()
            _read(at, pdf, number, look=look)
            took_s[look].append(time.process_time() - started_s)
    return Cost(
        engine=at.engine.name,
        file=file,
        page=number,
        seconds=round(statistics.median(took_s[True]), 4),
        seconds_without=round(statistics.median(took_s[False]), 4),
    )


def _read(at: Desk, pdf: Pdf, number: int, *, look: bool) -> Page:
    switch = nullcontext() if look else mock.patch.object(orientation, "read", _as_it_lies)
    with switch:
        (page,) = page_reading.read_batch(at, pdf, Options(mode=Mode.OCR), [number])
    return page


def _as_it_lies(engine: Engine, images: Sequence[Image]) -> list[Reading]:
    sizes = [(image.shape[1], image.shape[0]) for image in images]
    return [
        Reading(lines=lines, width=width, height=height, stance=Stance(width=width, height=height))
        for lines, (width, height) in zip(engine.read(images), sizes, strict=True)
    ]
