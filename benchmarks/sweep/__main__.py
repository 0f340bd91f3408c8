"""Compare the text layers of all PDFs in a folder with poppler's `pdftotext`.

Page 1 (or --pages) of every PDF below the folder is read with `mode=text`, in two processes with limits of time and
memory: an encrypted or broken file is counted, and the sweep goes on. The figures:

  letters   F1 of the bags of letters and digits, upper and lower case kept; from 0.98 on they count as the same
  words     F1 of the bags of words; from 0.95 on they count as the same
  order     the share of adjacent words, of those that both found, that are adjacent in both texts
  blocks    with several printed lines, counted from the baselines of PDFium's characters

A page is comparable if both programs found enough letters (--letters). Before the comparison both texts are put into
Unicode's form NFKC; hyphens within words, punctuation and invisible marks are removed; each Chinese or Japanese
character is a word. poppler is asked for what the crop box shows. Its text of form fields and annotations is compared
too, and so is text that nobody can see, which slimgest leaves out.

So a difference is not always an error, and each page that differs has a kind. "The same but for text that is not seen":
the page looks the same without it. "PDFium agrees with pdftotext": look there first, because PDFium's plain text has
what slimgest has lost or changed.

The report is printed, and written as Markdown and as JSON. `--before` lists what has changed since an earlier JSON.
`--auto` also reads each page with `mode=auto` and an OCR engine: the seconds a page by decision (text layer, text layer
after a sample by OCR, OCR). That takes a second or more for each page that needs OCR. `--judge` reads the pages that
differ by OCR: the more similar text is probably right, if the engine knows the script.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.sweep.processes import sweep
from benchmarks.sweep.report import report
from benchmarks.sweep.results import FileResult, PageResult, SweepOptions

_ROOT = Path(__file__).parents[2]
_LEAST_LETTERS = 20
_PROGRESS = 100  # files


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.sweep", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="a folder of PDFs; its subfolders are included")
    parser.add_argument("--pages", default="1", help="the pages of each PDF, such as 1-3,7 or 5- (default: 1)")
    parser.add_argument(
        "--letters", type=int, default=_LEAST_LETTERS, help="letters of a comparable page (default: %(default)s)"
    )
    parser.add_argument("--auto", action="store_true", help="also measure the time a page with mode=auto, by decision")
    parser.add_argument(
        "--judge", action="store_true", help="also read the pages that differ by OCR, to see who is right"
    )
    parser.add_argument("--engine", default="auto", help="the OCR engine for both (default: %(default)s)")
    parser.add_argument("--limit", type=float, default=60, help="seconds for one file (default: %(default)s)")
    parser.add_argument("--before", type=Path, help="the JSON of an earlier sweep to compare with")
    parser.add_argument(
        "--out", type=Path, default=_ROOT / "build" / "sweep", help="the files written, without .md and .json"
    )
    options = parser.parse_args(arguments)
    files = sorted(path for path in options.folder.rglob("*") if path.suffix.lower() == ".pdf" and path.is_file())
    if not files:
        parser.error(f"no PDF in {options.folder}")
    if not shutil.which("pdftotext"):
        parser.error("pdftotext is not installed: apt-get install poppler-utils")
    before = read_json(options.before) if options.before else []
    started_s = time.perf_counter()
    wanted = SweepOptions(
        pages=options.pages, auto=options.auto, judge=options.judge, engine=options.engine, limit_s=options.limit
    )
    results = []
    for result in sweep(options.folder, files, wanted):
        results.append(result)
        if len(results) % _PROGRESS == 0:
            print(f"{len(results)} of {len(files)} files, {time.perf_counter() - started_s:.0f} s", file=sys.stderr)
    text = report(results, options.letters, before)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.with_suffix(".md").write_text(text, encoding="utf-8")
    options.out.with_suffix(".json").write_text(as_json(results), encoding="utf-8")
    print(text)
    print(f"{len(files)} files in {time.perf_counter() - started_s:.0f} s. Written: {options.out}.md and .json")


def as_json(results: Sequence[FileResult]) -> str:
    """Return the results as JSON, for `--before` and for programs."""
    return json.dumps([asdict(result) for result in results], indent=1, ensure_ascii=False)


def read_json(path: Path) -> list[FileResult]:
    """Return the results of an earlier sweep."""
    return [
        FileResult(file=file["file"], outcome=file["outcome"], pages=[PageResult(**page) for page in file["pages"]])
        for file in json.loads(path.read_text(encoding="utf-8"))
    ]


if __name__ == "__main__":
    main()
