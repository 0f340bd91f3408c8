"""Draw the sample PDF of `make demo`: two pages with a text layer, and one page that is only a picture of text."""

from __future__ import annotations

import io
import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter, ImageFont
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

_LETTER = [
    ("How a page is read", 24),
    ("", 12),
    ("This PDF contains the text of this page, which slimgest takes in about a", 12),
    ("millisecond if it can be trusted.", 12),
    ("", 12),
    ("Each line comes with its position on the page. Nothing was recognised, so", 12),
    ("nothing was misread: the confidence of every line is 1.", 12),
]
_JOB = [
    ("How a PDF is processed", 24),
    ("", 12),
    ("The upload is stored first, then its job is queued. A worker opens the PDF,", 12),
    ("counts its pages and divides them into tasks for all workers.", 12),
    ("", 12),
    ("If a worker dies, another one reads its page. If a page cannot be read, its", 12),
    ("record says why, and all other pages are still delivered.", 12),
]
_SCAN = [
    ("A page from a scanner", 64),
    ("", 40),
    ("This page is a picture. It contains no text,", 40),
    ("only dark dots on a grey background, and it is", 40),
    ("slightly rotated.", 40),
    ("", 40),
    ("The text that you read here was recognised by", 40),
    ("an OCR engine in a worker, line by line.", 40),
]


def draw(target: Path) -> None:
    """Write the sample PDF."""
    target.parent.mkdir(parents=True, exist_ok=True)
    canvas = Canvas(str(target), pagesize=A4)
    canvas.setTitle("slimgest sample")
    for lines in (_LETTER, _JOB):
        _text_page(canvas, lines)
    canvas.drawImage(ImageReader(_scan()), 0, 0, *A4)
    canvas.showPage()
    canvas.save()


def _text_page(canvas: Canvas, lines: list[tuple[str, int]]) -> None:
    y = A4[1] - 100
    for line, size in lines:
        canvas.setFont("Helvetica-Bold" if size > 12 else "Helvetica", size)
        canvas.drawString(72, y, line)
        y -= 1.5 * size
    canvas.showPage()


def _scan() -> io.BytesIO:
    """Return a page of text as a scanner would produce it: grey, slightly rotated, slightly blurred, with specks."""
    page = Image.new("L", (1654, 2339), 238)
    pen = ImageDraw.Draw(page)
    y = 240
    for line, size in _SCAN:
        pen.text((200, y), line, fill=40, font=ImageFont.load_default(size))
        y += int(1.6 * size)
    page = page.rotate(0.6, fillcolor=238, resample=Image.Resampling.BICUBIC).filter(ImageFilter.GaussianBlur(0.8))
    for speck in range(160):
        page.putpixel((speck * 7919 % 1654, speck * 104729 % 2339), 90)
    stored = io.BytesIO()
    page.save(stored, "JPEG", quality=70)
    stored.seek(0)
    return stored


if __name__ == "__main__":
    draw(Path(sys.argv[1] if len(sys.argv) > 1 else "sample.pdf"))
