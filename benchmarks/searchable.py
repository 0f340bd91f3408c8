"""Check searchable PDFs: read every PDF of a folder, make it searchable, and compare it by other programs.

For each file: the agreement of the words that `pdftotext` finds with those of the page records (1: the same words, as
often), and for 20 of these words the overlap of their boxes by `pdftotext -bbox` with the boxes of the records
(intersection over union). PDFium, qpdf and Ghostscript must open the file without an error. The exit status is 1 if a
file has less than 0.98 agreement, or less than 0.5 overlap in any of the 20.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from slimgest_celery.cli.local_service import LocalService
from slimgest_celery.client import Client
from slimgest_celery.layout.word_boxes import words
from slimgest_celery.models.job import Document, Mode, Options
from slimgest_celery.models.page import Page
from tests.support import searched

LEAST_ALIKE, LEAST_OVERLAP, SAMPLED = 0.98, 0.5, 20


@dataclass(frozen=True, kw_only=True)
class SearchableCheck:
    """The comparison of one searchable PDF with its page records."""

    file: str
    mode: str
    pages: int
    word_count: int
    alike: float  # agreement of the words found by `pdftotext -bbox` with those of the records
    in_reading: float  # the same by `pdftotext`, which joins words across lines
    overlaps: list[float]  # of the boxes of the sampled words
    lines: float  # the smallest overlap of a page's lines with the words found in them

    @property
    def ok(self) -> bool:
        return self.alike >= LEAST_ALIKE and min(self.overlaps, default=1) >= LEAST_OVERLAP


def check(client: Client, pdf: Path, mode: Mode, folder: Path) -> SearchableCheck:
    """Read a PDF, make it searchable, and compare."""
    document = client.process(pdf, Options(mode=mode))
    made = folder / f"{pdf.stem}.pdf"
    made.write_bytes(client.result_as(document.job_id, "pdf"))
    searched.check_opens(made)
    return compare(pdf.stem, mode, document, made)


def compare(name: str, mode: Mode, document: Document, made: Path) -> SearchableCheck:
    """Compare the words that poppler finds in a searchable PDF with the records behind it."""
    found = searched.words(made)
    expected = [(page, word) for page in document.pages for block in page.blocks for word in words(block, page.turned)]
    texts = [text for page in found for text, _ in page]
    sample = random.Random(1).sample(expected, min(SAMPLED, len(expected)))
    overlaps = [_overlap(word.text, word.box, found[page.page_number - 1]) for page, word in sample]
    return SearchableCheck(
        file=name,
        mode=mode.value,
        pages=len(document.pages),
        word_count=len(expected),
        alike=searched.alike(texts, (word.text for _, word in expected)),
        in_reading=searched.alike(searched.text(made).split(), (word.text for _, word in expected)),
        overlaps=overlaps,
        lines=min((_line(page, found[page.page_number - 1]) for page in document.pages if page.blocks), default=1.0),
    )


def _overlap(text: str, box: searched.Box, found: Sequence[tuple[str, searched.Box]]) -> float:
    return max((searched.overlap(box, other) for said, other in found if said == text), default=0.0)


def _line(page: Page, found: Sequence[tuple[str, searched.Box]]) -> float:
    """Return the median, over a page's lines, of the overlap of a line's box with the words found in it."""
    overlaps = []
    for block in page.blocks:
        left, top, right, bottom = block.box
        inside = [
            box
            for _, box in found
            if left - 0.01 <= (box[0] + box[2]) / 2 <= right + 0.01 and top <= (box[1] + box[3]) / 2 <= bottom
        ]
        if inside:
            lefts, tops, rights, bottoms = zip(*inside, strict=True)
            union = min(lefts), min(tops), max(rights), max(bottoms)
            overlaps.append(searched.overlap(block.box, union))
    return sorted(overlaps)[len(overlaps) // 2] if overlaps else 0.0


def table(results: Sequence[SearchableCheck]) -> str:
    """Return the results as a table in Markdown."""
    lines = [
        "| file | mode | pages | words | the same words | by reading | least overlap of 20 | mean | lines |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {f.file} | {f.mode} | {f.pages} | {f.word_count} | {f.alike:.3f} | {f.in_reading:.3f} "
        f"| {min(f.overlaps, default=1):.2f} | {sum(f.overlaps) / max(1, len(f.overlaps)):.2f} | {f.lines:.2f} |"
        for f in results
    ]
    return "\n".join(lines)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=os.environ.get("SEARCHABLE_FOLDER"))
    parser.add_argument("--engine", default="auto")
    options = parser.parse_args()
    files = sorted(Path(options.folder).rglob("*.pdf")) if options.folder else []
    if not files:
        parser.error("give a folder with PDFs, or set SEARCHABLE_FOLDER")
    results = []
    with tempfile.TemporaryDirectory() as folder, LocalService.start({"SLIMGEST_ENGINE": options.engine}) as service:
        service.wait_ready()
        with Client(service.url) as client:
            for pdf in files:
                results += [check(client, pdf, mode, Path(folder)) for mode in (Mode.AUTO, Mode.OCR)]
    print(table(results))
    sys.exit(0 if all(result.ok for result in results) else 1)


if __name__ == "__main__":
    main()
