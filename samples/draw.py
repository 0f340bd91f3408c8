"""Draws the sample PDF of `make demo`: two pages with a text layer and one that is only a picture of text."""

from __future__ import annotations

import io
import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter, ImageFont
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

_LETTER = [
    ("The way of a page", 24),
    ("", 12),
    ("This page was written by a program and carries its text with it. slimgest", 12),
    ("finds that the text layer can be trusted, and reads the page from there in", 12),
    ("about a millisecond.", 12),
    ("", 12),
    ("Each line comes back with its place on the page. Nothing was recognised,", 12),
    ("so nothing was misread, and the confidence of every line is one.", 12),
]
_PLAN = [
    ("What happens to a PDF", 24),
    ("", 12),
    ("The upload is stored first and queued afterwards. A worker opens it, counts", 12),
    ("its pages and hands them out; whichever workers are free read them.", 12),
    ("", 12),
    ("When a worker dies, its page is given to another one. When a page cannot be", 12),
    ("read, it says why, and the other pages arrive all the same.", 12),
]
_SCAN = [
    ("A page from a scanner", 64),
    ("", 40),
    ("This page is a picture. There is no text in it,", 40),
    ("only dark dots on a light ground that was lying", 40),
    ("a little askew and has caught some dust.", 40),
    ("", 40),
    ("What you read here was recognised by the", 40),
    ("engine in a worker process, line by line.", 40),
]


def draw(target: Path) -> None:
    """Writes the sample."""
    target.parent.mkdir(parents=True, exist_ok=True)
    canvas = Canvas(str(target), pagesize=A4)
    canvas.setTitle("slimgest sample")
    for lines in (_LETTER, _PLAN):
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
    """A picture of text as a scanner gives it: grey, slightly turned, a little soft, with specks."""
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
