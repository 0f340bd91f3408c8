"""Everything that is measured, in one run: `make bench`, or `python -m benchmarks.bench --only growth`, `--only text`.

Each measure of benchmarks/measures/ has a share of the minutes, in which it repeats itself as often as that allows, but
once at least. What cannot be measured here is a row that says why.
"""

from __future__ import annotations

import argparse
import inspect
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from benchmarks import report
from benchmarks.measures import (
    cpu_reading,
    dispatch,
    fairness,
    fanout,
    first_page,
    ocr,
    peer,
    sizes,
    start,
    text,
)
from benchmarks.plan import Plan
from benchmarks.rows import NotMeasured, Row, not_measured
from tests.support.stack import ROOT

# Each with its share of the time, in seconds of fifteen minutes.
MEASURES: dict[ModuleType, int] = {
    ocr: 240,
    peer: 90,
    cpu_reading: 100,
    text: 50,
    first_page: 40,
    dispatch: 110,
    fairness: 25,
    fanout: 35,
    sizes: 130,
    start: 45,
}
# Two questions: how much of the raw speed is kept, and how does the cost grow?
GROUPS = {
    "speed": (ocr, peer, cpu_reading, text, first_page, start),
    "growth": (sizes, dispatch, fanout, fairness),
}


def name(module: ModuleType) -> str:
    """A measure's name: its module's, without its package."""
    return module.__name__.rpartition(".")[2]


NAMES = {name(module): module for module in MEASURES}


def run(modules: Sequence[ModuleType], minutes: float, scale: float, corpus: Path | None) -> list[Row]:
    """The rows of these measures; what has not begun when the minutes are over is not measured."""
    rows = []
    over_s = time.monotonic() + 60 * minutes
    for module in modules:
        began_s = time.monotonic()
        if began_s > over_s:
            rows.append(not_measured(name(module), module.TITLE, f"the {minutes:g} minutes were over"))
            continue
        with tempfile.TemporaryDirectory(prefix="slimgest-bench-") as folder:
            seconds = MEASURES[module] * minutes / 15
            found = _measured(module, Plan(folder=Path(folder), seconds=seconds, scale=scale, corpus=corpus))
        rows += found
        print(f"\n{module.TITLE}: {time.monotonic() - began_s:.0f} s\n{report.table(found)}", flush=True)
    return rows


def _measured(module: ModuleType, plan: Plan) -> list[Row]:
    """A measure that breaks takes no other with it, and says so in its row."""
    try:
        rows: list[Row] = module.measure(plan)
        return rows
    except NotMeasured as reason:
        return [not_measured(name(module), module.TITLE, str(reason))]
    except Exception as error:
        traceback.print_exc()
        return [not_measured(name(module), module.TITLE, f"it broke: {type(error).__name__}: {str(error)[:200]}")]


def chosen(only: Sequence[str]) -> list[ModuleType]:
    """The measures that these names of measures and groups mean; all where there are none."""
    wanted = [module for one in only for module in GROUPS.get(one, (NAMES.get(one),))]
    return [module for module in MEASURES if not only or module in wanted]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", default=[], choices=[*GROUPS, *NAMES], help="may be repeated")
    parser.add_argument("--minutes", type=float, default=15, help="how long a whole run may take (default 15)")
    parser.add_argument("--scale", type=float, default=1, help="of pages and clients; less than 1 for a trial")
    parser.add_argument("--corpus", type=Path, default=ROOT.parent / "shared" / "corpus", help="a folder of real PDFs")
    parser.add_argument("--out", type=Path, help="default: docs/benchmarks; with --only or --scale, build/benchmarks")
    options = parser.parse_args()
    whole = not options.only and options.scale == 1
    out = options.out or ROOT / ("docs" if whole else "build") / "benchmarks"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started ends, too
    began_s = time.monotonic()
    modules = chosen(options.only)
    rows = run(modules, options.minutes, options.scale, options.corpus if options.corpus.is_dir() else None)
    about = report.About.here((time.monotonic() - began_s) / 60, options.scale)
    titles = {name(module): module.TITLE for module in modules}
    how = {name(module): " ".join(_how(module).split()) for module in modules}
    report.write(out, rows, about, titles, how)
    print(f"\n{report.verdict(rows)}\n\nWritten to {out} in {about.minutes:g} minutes.")


def _how(module: ModuleType) -> str:
    """What a measure says of itself, less its first line, which its title says already."""
    return (inspect.getdoc(module) or "").partition("\n\n")[2]


if __name__ == "__main__":
    main()
