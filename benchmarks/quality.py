"""Measure the quality of the text: read every PDF of a folder that has its true text beside it, and compare.

`NAME.gt.txt` beside `NAME.pdf` is its true text, with pages separated by form feeds. Each engine reads all PDFs with
`mode=ocr` at default settings, in a service of its own.

Two more measures: the agreement of text layer and OCR for a PDF in two columns, page by page (`--agreement`), and the
cost of orientation detection for upright pages (upright.py). The results are printed as tables, and written as JSON and
as a dated page, docs/quality.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from rapidfuzz.distance import Levenshtein

from benchmarks import upright
from benchmarks.upright import Cost
from slimgest_celery.cli.local_service import LocalService, LocalServiceFailed
from slimgest_celery.client import Client
from slimgest_celery.models.job import Mode, Options
from slimgest_celery.models.page import Page

BY_HAND = "## Text layers compared with pdftotext"  # the heading in docs/quality.md from which on the text stays
ROOT = Path(__file__).parents[1]
ENGINES = ("rapidocr", "tesseract")
_LIBRARIES = ("rapidocr", "openvino", "tesserocr", "pypdfium2", "numpy")


# The page (None: all pages together) and the agreement of two readings in order.
Agreement = list[tuple[int | None, float]]


@dataclass(frozen=True, kw_only=True)
class Score:
    """The match of one text with its true text; all shares from 0 to 1."""

    engine: str
    file: str
    page: int | None  # None: the whole file
    word_f1: float  # bags of words: 1 if each word was found as often as it occurs
    character_errors: float  # edit distance over characters, white space folded, as a share of the true text's length
    order: float  # 1 - normalised edit distance over the sequence of words
    seconds_per_page: float


def words(text: str) -> list[str]:
    """Return the words of a text: runs of letters and digits, in lower case."""
    return re.findall(r"\w+", text.lower())


def word_f1(found: str, truth: str) -> float:
    """Return the F1 score of the bag of words found."""
    ours, theirs = Counter(words(found)), Counter(words(truth))
    return 2 * (ours & theirs).total() / max(1, ours.total() + theirs.total())


def order(found: str, truth: str) -> float:
    """Return the agreement in the order of words; 1 for the same words in the same order."""
    return 1 - float(Levenshtein.normalized_distance(words(found), words(truth)))


def character_errors(found: str, truth: str) -> float:
    """Return characters to insert, delete or replace, per character of the true text; can exceed 1."""
    ours, theirs = " ".join(found.split()), " ".join(truth.split())
    return float(Levenshtein.distance(ours, theirs)) / max(1, len(theirs))


def compare(engine: str, file: str, page: int | None, found: str, truth: str, seconds: float) -> Score:
    """Return the score of a text against the true text."""
    return Score(
        engine=engine,
        file=file,
        page=page,
        word_f1=round(word_f1(found, truth), 4),
        character_errors=round(character_errors(found, truth), 4),
        order=round(order(found, truth), 4),
        seconds_per_page=round(seconds, 2),
    )


def files_with_truth(folder: Path) -> list[tuple[Path, list[str]]]:
    """Return the PDFs below a folder that have a true text, with the text of each page."""
    found = []
    for truth in sorted(folder.rglob("*.gt.txt")):
        pdf = truth.with_name(truth.name.removesuffix(".gt.txt") + ".pdf")
        if pdf.is_file():
            pages = truth.read_text(encoding="utf-8").split("\f")
            found.append((pdf, pages[:-1] if len(pages) > 1 and not pages[-1].strip() else pages))
    return found


def measure(engine: str, files: Sequence[tuple[Path, list[str]]]) -> Iterator[Score]:
    """Yield the score of each file and, for several pages, of each page."""
    with LocalService.start({"SLIMGEST_ENGINE": engine, "SLIMGEST_WARM_UP": "1"}) as service:
        service.wait_ready()
        with Client(service.url) as client:
            for pdf, truth in files:
                pages = client.process(pdf, Options(mode=Mode.OCR)).pages
                yield from scores(engine, pdf.stem, pages, truth)


def scores(engine: str, file: str, pages: Sequence[Page], truth: Sequence[str]) -> list[Score]:
    """Return the score of a file and, if it has several pages and as many true texts, of each page."""
    seconds = [page.seconds.render + page.seconds.read for page in pages]
    whole = "\n".join(page.text for page in pages)
    found = [compare(engine, file, None, whole, "\n".join(truth), sum(seconds) / max(1, len(pages)))]
    if len(pages) == len(truth) > 1:
        for page, its_truth, its_s in zip(pages, truth, seconds, strict=True):
            found.append(compare(engine, file, page.page_number, page.text, its_truth, its_s))
    return found


def measure_agreement(engine: str, pdf: Path) -> Agreement:
    """Return the agreement of a PDF's text layer, as far as it is trusted, with OCR."""
    with LocalService.start({"SLIMGEST_ENGINE": engine, "SLIMGEST_WARM_UP": "1"}) as service:
        service.wait_ready()
        with Client(service.url) as client:
            return agreement(*(client.process(pdf, Options(mode=mode)).pages for mode in (Mode.AUTO, Mode.OCR)))


def agreement(one: Sequence[Page], other: Sequence[Page]) -> Agreement:
    """Return the agreement in order of two readings of a document: of all pages (None), and of each page."""
    texts = [["\n".join(page.text for page in pages), *(page.text for page in pages)] for pages in (one, other)]
    numbers = [None, *(page.page_number for page in one)]
    return [(number, round(order(a, b), 4)) for number, a, b in zip(numbers, *texts, strict=True)]


def table(scores: Sequence[Score]) -> str:
    """Return the scores as a table in Markdown."""
    lines = [
        "| engine | file | page | word F1 | character errors | order | seconds a page |",
        "|---|---|---|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {s.engine} | {s.file} | {s.page or 'all'} | {s.word_f1:.3f} | {s.character_errors:.3f} | {s.order:.3f} "
        f"| {s.seconds_per_page:.2f} |"
        for s in scores
    ]
    return "\n".join(lines)


def agreement_table(found: Agreement) -> str:
    """Return the agreement as a table in Markdown."""
    return "\n".join(
        ["| page | order |", "|---|---:|", *(f"| {page or 'all'} | {share:.3f} |" for page, share in found)]
    )


def as_json(scores: Sequence[Score], found: Agreement, costs: Sequence[Cost]) -> str:
    """Return all results as JSON."""
    results = {
        "scores": [asdict(score) for score in scores],
        "agreement": [{"page": page, "order": share} for page, share in found],
        "orientation": [asdict(cost) for cost in costs],
    }
    return json.dumps(results, indent=1)


def report(scores: Sequence[Score], found: Agreement, costs: Sequence[Cost]) -> str:
    """Return the text of docs/quality.md, with a table for each measure that was made."""
    machine = f"{_processor()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    versions = ", ".join(f"{name} {_version(name)}" for name in _LIBRARIES)
    parts = [
        "# Quality of the text",
        "Written by `make quality`. The docstrings of benchmarks/quality.py define each number.",
        f"Date: {datetime.now(UTC):%Y-%m-%d}. Machine: {machine}. Versions: {versions}.",
        table(scores),
    ]
    if found:
        parts += [
            "## Text layer against OCR",
            "A paper in two columns: its text layer (`mode=auto`) compared with OCR of the same pages (`mode=ocr`):",
            agreement_table(found),
        ]
    if costs:
        parts += [
            "## The cost of orientation detection for upright pages",
            "Processor time of rendering, OCR and layout, with and without orientation detection, in alternating runs:",
            upright.table(costs),
        ]
    return "\n\n".join(parts) + "\n"


def written_by_hand(docs: Path) -> str:
    """Return the part of docs/quality.md that is not measured here, with an empty line before it; "" if absent."""
    text = docs.read_text(encoding="utf-8") if docs.is_file() else ""
    _, heading, rest = text.partition(f"\n{BY_HAND}\n")
    return heading + rest


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"


def _processor() -> str:
    try:
        found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.M)
    except OSError:
        found = None
    return found[1] if found else platform.machine()


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT.parent / "shared" / "corpus")
    parser.add_argument(
        "--engine", action="append", help="an engine; may be repeated (default: all that are installed)"
    )
    parser.add_argument("--json", type=Path, default=ROOT / "build" / "quality.json", help="the file for the scores")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs" / "quality.md", help="the file for the dated tables")
    parser.add_argument(
        "--agreement",
        type=Path,
        help="a PDF in two columns (default: pdfjs_tracemonkey.pdf of the folder, if there is one)",
    )
    parser.add_argument("--no-cost", action="store_true", help="do not measure the cost of orientation detection")
    options = parser.parse_args()
    files = files_with_truth(options.folder)
    if not files:
        parser.error(f"no PDF with a .gt.txt beside it in {options.folder}")
    paper = options.agreement or next(options.folder.rglob("pdfjs_tracemonkey.pdf"), None)
    measured: list[Score] = []
    costs: list[Cost] = []
    found: Agreement = []
    for engine in options.engine or ENGINES:
        try:
            measured += measure(engine, files)
            found = found or (measure_agreement(engine, paper) if paper else [])
        except LocalServiceFailed as error:
            print(f"{engine}: {error}")
            continue
        costs += [] if options.no_cost else upright.measure(engine, [pdf for pdf, _ in files])
    page = report(measured, found, costs)
    written = page + written_by_hand(options.docs)
    for target, text in ((options.json, as_json(measured, found, costs)), (options.docs, written)):
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
