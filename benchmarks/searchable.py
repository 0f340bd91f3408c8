"""Whether searchable PDFs hold what was read: every PDF of a folder is read, made searchable, and looked at by others.

For each file: how far the words that `pdftotext` finds are those of the page records (1: the same words as often), and
how far the boxes of 20 of them, by `pdftotext -bbox`, lie over those of the records (intersection over union). PDFium,
qpdf and Ghostscript must open it without a complaint. Ends with 1 where a file misses 0.98, or 0.5 in any of the 20.
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

from slimgest_celery.client import Client
from slimgest_celery.formats.words import words
from slimgest_celery.local import LocalService
from slimgest_celery.model import Document, Mode, Options, Page
from tests.support import searched

LEAST_ALIKE, LEAST_OVERLAP, SAMPLED = 0.98, 0.5, 20


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What others find in one searchable PDF."""

    file: str
    mode: str
    pages: int
    word_count: int
    alike: float  # words found by `pdftotext -bbox` and words of the records
    in_reading: float  # the same, by `pdftotext`, which joins words over lines
    overlaps: list[float]  # of the sampled words' boxes
    lines: float  # the least overlap of a record's line with the words found that are its

    @property
    def well(self) -> bool:
        return self.alike >= LEAST_ALIKE and min(self.overlaps, default=1) >= LEAST_OVERLAP


def look(client: Client, pdf: Path, mode: Mode, folder: Path) -> Finding:
    """Reads a PDF, has it made searchable, and compares."""
    document = client.process(pdf, Options(mode=mode))
    made = folder / f"{pdf.stem}.pdf"
    made.write_bytes(client.result_as(document.job_id, "pdf"))
    searched.check_opens(made)
    return compare(pdf.stem, mode, document, made)


def compare(name: str, mode: Mode, document: Document, made: Path) -> Finding:
    """What poppler finds in a searchable PDF against the records that it was made of."""
    found = searched.words(made)
    expected = [(page, word) for page in document.pages for block in page.blocks for word in words(block, page.turned)]
    texts = [text for page in found for text, _ in page]
    sample = random.Random(1).sample(expected, min(SAMPLED, len(expected)))
    overlaps = [_overlap(word.text, word.box, found[page.page_number - 1]) for page, word in sample]
    return Finding(
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
    """The median over a page's lines of how the words found inside a line's box cover it."""
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


def table(findings: Sequence[Finding]) -> str:
    """The findings as a table in Markdown."""
    lines = [
        "| file | mode | pages | words | the same words | by reading | least overlap of 20 | mean | lines |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {f.file} | {f.mode} | {f.pages} | {f.word_count} | {f.alike:.3f} | {f.in_reading:.3f} "
        f"| {min(f.overlaps, default=1):.2f} | {sum(f.overlaps) / max(1, len(f.overlaps)):.2f} | {f.lines:.2f} |"
        for f in findings
    ]
    return "\n".join(lines)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=os.environ.get("SEARCHABLE_FOLDER"))
    parser.add_argument("--engine", default="auto")
    options = parser.parse_args()
    files = sorted(Path(options.folder).rglob("*.pdf")) if options.folder else []
    if not files:
        parser.error("name a folder with PDFs, or set SEARCHABLE_FOLDER to one")
    findings = []
    with tempfile.TemporaryDirectory() as folder, LocalService.start({"SLIMGEST_ENGINE": options.engine}) as service:
        service.wait_ready()
        with Client(service.url) as client:
            for pdf in files:
                findings += [look(client, pdf, mode, Path(folder)) for mode in (Mode.AUTO, Mode.OCR)]
    print(table(findings))
    sys.exit(0 if all(finding.well for finding in findings) else 1)


if __name__ == "__main__":
    main()
