"""Run all measures: `make bench`, or `python -m benchmarks.bench --only growth`, `--only text`.

Each module of benchmarks/measures/ has a share of the time. It repeats its measure as often as the share allows, but at
least once. A measure that cannot run on this machine gives a row with the reason.
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

from benchmarks.measures import (
    cpu_reading,
    dispatch,
    documents,
    fairness,
    fanout,
    first_page,
    ocr,
    peer,
    sandbox,
    sizes,
    start,
    structure,
    text,
)
from benchmarks.support import report
from benchmarks.support.resources import Resources
from benchmarks.support.rows import NotMeasured, Row, not_measured
from tests.support.stack import ROOT

# The share of each measure, in seconds of fifteen minutes.
MEASURES: dict[ModuleType, int] = {
    ocr: 220,
    peer: 90,
    cpu_reading: 100,
    text: 50,
    first_page: 40,
    dispatch: 110,
    fairness: 25,
    fanout: 35,
    sizes: 120,
    start: 45,
    sandbox: 35,
    structure: 30,
    documents: 0,  # as long as its folder takes
}
# `speed`: the share of the raw speed that the service keeps. `growth`: the growth of its cost with load.
GROUPS = {
    "speed": (ocr, peer, cpu_reading, text, first_page, start, sandbox, structure),
    "growth": (sizes, dispatch, fanout, fairness),
}


def name(module: ModuleType) -> str:
    """Return the name of a measure: its module's name without the package."""
    return module.__name__.rpartition(".")[2]


NAMES = {name(module): module for module in MEASURES}


def run(
    modules: Sequence[ModuleType], minutes: float, scale: float, corpus: Path | None, documents: Path | None = None
) -> list[Row]:
    """Return the rows of these measures; a measure that has not started in time is not measured."""
    rows = []
    deadline_s = time.monotonic() + 60 * minutes
    for module in modules:
        began_s = time.monotonic()
        if began_s > deadline_s:
            rows.append(not_measured(name(module), module.TITLE, f"the {minutes:g} minutes had passed"))
            continue
        with tempfile.TemporaryDirectory(prefix="slimgest-bench-") as folder:
            seconds = MEASURES[module] * minutes / 15
            found = _run_measure(module, Resources(Path(folder), seconds, scale, corpus, documents))
        rows += found
        print(f"\n{module.TITLE}: {time.monotonic() - began_s:.0f} s\n{report.table(found)}", flush=True)
    return rows


def _run_measure(module: ModuleType, resources: Resources) -> list[Row]:
    """Run one measure; an error in it becomes a row, and the other measures still run."""
    try:
        rows: list[Row] = module.measure(resources)
        return rows
    except NotMeasured as reason:
        return [not_measured(name(module), module.TITLE, str(reason))]
    except Exception as error:
        traceback.print_exc()
        return [not_measured(name(module), module.TITLE, f"it failed: {type(error).__name__}: {str(error)[:200]}")]


def select_measures(only: Sequence[str]) -> list[ModuleType]:
    """Return the measures with these names, or of the groups with these names; all if there are none."""
    wanted = [module for one in only for module in GROUPS.get(one, (NAMES.get(one),))]
    return [module for module in MEASURES if module in wanted or (not only and module is not documents)]


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--only", action="append", default=[], choices=[*GROUPS, *NAMES], help="a measure or a group; may be repeated"
    )
    parser.add_argument("--minutes", type=float, default=15, help="the time limit of a whole run (default 15)")
    parser.add_argument(
        "--scale", type=float, default=1, help="factor for the numbers of pages and clients; less than 1 for a trial"
    )
    parser.add_argument("--corpus", type=Path, default=ROOT.parent / "shared" / "corpus", help="a folder of real PDFs")
    parser.add_argument("--documents", type=Path, help="a folder of PDFs: measure only the speed of each of them")
    parser.add_argument(
        "--out",
        type=Path,
        help="the target folder (default: docs/benchmarks; with --only or --scale, build/benchmarks)",
    )
    options = parser.parse_args()
    if options.documents:
        options.only = [*options.only, name(documents)]
    whole = not options.only and options.scale == 1
    out = options.out or ROOT / ("docs" if whole else "build") / "benchmarks"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the started processes end, too
    began_s = time.monotonic()
    modules = select_measures(options.only)
    corpus = options.corpus if options.corpus.is_dir() else None
    rows = run(modules, options.minutes, options.scale, corpus, options.documents)
    about = report.About.here((time.monotonic() - began_s) / 60, options.scale)
    titles = {name(module): module.TITLE for module in modules}
    how = {name(module): " ".join(_how(module).split()) for module in modules}
    report.write(out, rows, about, titles, how)
    print(f"\n{report.verdict(rows)}\n\nWritten to {out} in {about.minutes:g} minutes.")


def _how(module: ModuleType) -> str:
    """Return the docstring of a measure without its first line, which repeats the title."""
    return (inspect.getdoc(module) or "").partition("\n\n")[2]


if __name__ == "__main__":
    main()
