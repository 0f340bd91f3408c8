"""The PDFs of the benchmarks, drawn here or collected from real scans."""

from __future__ import annotations

import io
import random
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

import numpy as np
import pikepdf
import pypdfium2 as pdfium
from PIL import Image, ImageFilter
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from tests.support.pdfs import PROSE

A4 = (595, 842)
_WORDS = sorted({word.strip(",.") for line in PROSE for word in line.split()})
# The service turns rotated pages upright and a bare loop does not. Files with these words have rotated pages.
_NOT_UPRIGHT = ("cardinal", "rotated")


@dataclass(frozen=True, kw_only=True)
class Scans:
    """Scans in one PDF, with the true text of each page."""

    path: Path
    truth: list[str]
    origin: str  # a description for the report

    @property
    def pages(self) -> int:
        return len(self.truth)


def prose(lines: int, words: int, seed: int) -> list[str]:
    """Return lines of random words; the same seed gives the same lines."""
    rng = random.Random(seed)
    return [" ".join(rng.choice(_WORDS) for _ in range(words)).capitalize() + "." for _ in range(lines)]


def book(pages: int, lines: int = 45, words: int = 11) -> bytes:
    """Return a PDF of born-digital A4 pages, all different, of about 2,500 characters each."""
    stored = io.BytesIO()
    canvas = Canvas(stored, pagesize=A4, pageCompression=1)
    for number in range(pages):
        text = canvas.beginText(72, 780)
        text.setFont("Helvetica", 10)
        text.setLeading(15)
        text.textLine(f"Page {number + 1} of a book")
        text.textLines(prose(lines, words, seed=number))
        canvas.drawText(text)
        canvas.showPage()
    canvas.save()
    return stored.getvalue()


def tiny(pages: int) -> bytes:
    """Return a PDF of pages that are as cheap to render as possible: 36 points square, of two colours.

    A page of one colour would be blank, and no engine would read it.
    """
    stored = io.BytesIO()
    canvas = Canvas(stored, pagesize=(36, 36))
    for number in range(pages):
        canvas.setFillColorRGB(0, (number % 250 + 1) / 255, 0)
        canvas.rect(0, 0, 36, 18, stroke=0, fill=1)
        canvas.showPage()
    canvas.save()
    return stored.getvalue()


def scans(path: Path, corpus: Path | None, pages: int) -> Scans:
    """Write a PDF of this many scans: the real ones, repeated as needed, or drawn ones if there are no real ones."""
    found = sorted((corpus / "scanned").glob("*.pdf")) if corpus else []
    found = [pdf for pdf in found if pdf.with_suffix(".gt.txt").is_file() and _is_upright(pdf)]
    return _gathered(path, found, pages) if found else _drawn(path, pages)


def _is_upright(pdf: Path) -> bool:
    return not any(word in pdf.stem for word in _NOT_UPRIGHT)


def _gathered(path: Path, found: list[Path], pages: int) -> Scans:
    texts = [text for pdf in found for text in pdf.with_suffix(".gt.txt").read_text(encoding="utf-8").split("\f")]
    truths = [text for text in texts if text.strip()]
    with pikepdf.new() as gathered:
        for pdf in found:
            with pikepdf.open(pdf) as opened:
                gathered.pages.extend(opened.pages)
        if len(gathered.pages) != len(truths):
            raise ValueError(f"{_folder_of(found)}: {len(gathered.pages)} pages, and the true text of {len(truths)}")
        order = list(islice(cycle(range(len(truths))), pages))
        with pikepdf.new() as ordered:
            for index in order:
                ordered.pages.append(gathered.pages[index])
            ordered.save(path)
    origin = f"{len(truths)} upright pages of {_folder_of(found)}, {pages} in all"
    return Scans(path=path, truth=[truths[index] for index in order], origin=origin)


def _folder_of(found: list[Path]) -> str:
    """Return the folder of these PDFs, as its last two names."""
    return "/".join(found[0].parent.parts[-2:])


def _drawn(path: Path, pages: int) -> Scans:
    truth = [prose(24, 8, seed=number) for number in range(pages)]
    canvas = Canvas(str(path), pagesize=A4)
    for number, lines in enumerate(truth):
        canvas.drawImage(ImageReader(_scanned(lines, number)), 0, 0, *A4)
        canvas.showPage()
    canvas.save()
    return Scans(path=path, truth=["\n".join(lines) for lines in truth], origin=f"{pages} drawn pages")


def _scanned(lines: list[str], seed: int) -> io.BytesIO:
    """Return a printed page like a scan at 150 dpi: slightly askew, blurred and noisy, as JPEG."""
    printed = io.BytesIO()
    canvas = Canvas(printed, pagesize=A4)
    canvas.setFont("Helvetica", 12)
    for row, line in enumerate(lines):
        canvas.drawString(72, 770 - 28 * row, line)
    canvas.save()
    with pdfium.PdfDocument(printed.getvalue()) as pdf:
        page = pdf[0].render(scale=150 / 72, grayscale=True).to_pil()
    page = page.rotate(0.3 if seed % 2 else -0.3, Image.Resampling.BICUBIC, fillcolor=255)
    page = page.filter(ImageFilter.GaussianBlur(0.6))
    noise = np.random.default_rng(seed).normal(0, 10, (page.height, page.width))
    stored = io.BytesIO()
    Image.fromarray(np.clip(np.asarray(page) * 0.94 + noise, 0, 255).astype(np.uint8)).save(stored, "JPEG", quality=80)
    stored.seek(0)
    return stored
