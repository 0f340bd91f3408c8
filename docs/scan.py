"""A letter as a scanner delivers it, drawn for the pictures: grey paper, grain, a table, a worn note in pencil."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pikepdf
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

_WIDTH, _HEIGHT, _MARGIN = 1240, 1754, 130  # A4 at 150 dpi, in pixels
_SPOT, _WORN = 4, 0.36  # pixels of a spot where the pencil is gone, and their share: OCR is unsure of most words
_FONTS = Path("/usr/share/fonts/truetype/noto")
_PARAGRAPHS = [
    "To the Commissioners. I beg to report the returns of this station for the quarter that ended on the thirtieth of "
    "June. The light was shown from sunset to sunrise on every night but one, when fog hid it for five hours.",
    "The stores were counted in the presence of the assistant keeper. Oil was short by two gallons, which a worn "
    "tap on the second cask explains. It has been replaced.",
    "The boat landed coal on the fourth and flour on the nineteenth. The road above the landing is passable again, but "
    "the wall wants forty feet of new stone before the winter.",
]
_FADED = [
    "Added in pencil: the glass on the gallery side is cracked,",
    "the pane was turned and will last until the autumn boat.",
]
_STORES = [
    ("Stores", "April", "May", "June", "Left"),
    ("Oil, gallons", "112", "98", "87", "240"),
    ("Wicks", "31", "28", "22", "96"),
    ("Coal, tons", "3.5", "2.0", "1.5", "11"),
    ("Flour, sacks", "4", "4", "5", "7"),
    ("Candles, boxes", "6", "5", "3", "12"),
]


def letter(pages: int, broken: int | None = None) -> bytes:
    """Return a scanned PDF. The page with the number `broken` is damaged, so that reading it fails."""
    stored = io.BytesIO()
    canvas = Canvas(stored, pagesize=(595, 842))
    for number in range(1, pages + 1):
        jpeg = io.BytesIO()
        _sheet(number).save(jpeg, "JPEG", quality=70)
        canvas.drawImage(ImageReader(jpeg), 0, 0, 595, 842)
        canvas.showPage()
    canvas.save()
    if broken is None:
        return stored.getvalue()
    damaged = io.BytesIO()
    with pikepdf.open(io.BytesIO(stored.getvalue())) as pdf:
        pdf.Root.Pages.Kids[broken - 1] = pdf.make_indirect(pikepdf.Dictionary(Type=pikepdf.Name.Nothing))
        pdf.save(damaged)
    return damaged.getvalue()


def _sheet(number: int) -> Image.Image:
    page = Image.new("L", (_WIDTH, _HEIGHT), 255)
    pen = ImageDraw.Draw(page)
    pen.text((_MARGIN, 110), "Skerry Rock Light", fill=30, font=_font("Bold", 46))
    pen.text((_MARGIN, 172), f"Quarterly return, sheet {number}", fill=50, font=_font("Italic", 28))
    pen.line((_MARGIN, 226, _WIDTH - _MARGIN, 226), fill=60, width=3)
    y = _faded(page, 262)
    for index in range(2):
        y = _paragraph(pen, y, _PARAGRAPHS[(number + index) % 3], 35)
    y = _table(pen, y + 10)
    _paragraph(pen, y + 34, _PARAGRAPHS[(number + 2) % 3], 45)
    return _scanned(page, number)


def _font(style: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(_FONTS / f"NotoSerif-{style}.ttf"), size)


def _paragraph(pen: ImageDraw.ImageDraw, y: int, text: str, ink: int) -> int:
    """Write a paragraph; return where the next one begins."""
    font, line = _font("Regular", 27), ""
    for word in [*text.split(), ""]:
        if word and pen.textlength(f"{line} {word}", font=font) < _WIDTH - 2 * _MARGIN:
            line = f"{line} {word}".strip()
            continue
        pen.text((_MARGIN, y), line, fill=ink, font=font)
        line, y = word, y + 42
    return y + 22


def _table(pen: ImageDraw.ImageDraw, top: int) -> int:
    """Draw the table; return its lower edge."""
    columns, height = (_MARGIN, 480, 640, 800, 960, _WIDTH - _MARGIN), 54
    for row, cells in enumerate(_STORES):
        for left, right, cell in zip(columns, columns[1:], cells, strict=False):
            pen.rectangle((left, top + row * height, right, top + (row + 1) * height), outline=70, width=2)
            font = _font("Regular" if row else "Bold", 26)
            pen.text((left + 14, top + row * height + 9), cell, fill=35, font=font)
    return top + len(_STORES) * height


def _faded(page: Image.Image, y: int) -> int:
    """Write a note in pencil, worn so much that it can hardly be read; return where the next paragraph begins."""
    layer = Image.new("L", page.size, 255)
    pen = ImageDraw.Draw(layer)
    for index, line in enumerate(_FADED):
        pen.text((_MARGIN, y + 44 * index), line, fill=70, font=_font("Italic", 26))
    spots = np.random.default_rng(y).random((-(-_HEIGHT // _SPOT), -(-_WIDTH // _SPOT))) < _WORN
    lost = spots.repeat(_SPOT, 0).repeat(_SPOT, 1)[:_HEIGHT, :_WIDTH]
    left = Image.fromarray(np.where(lost, np.uint8(255), np.asarray(layer))).filter(ImageFilter.GaussianBlur(1.2))
    page.paste(Image.fromarray(np.minimum(np.asarray(page), np.asarray(left))))
    return y + 44 * len(_FADED) + 22


def _scanned(page: Image.Image, number: int) -> Image.Image:
    """Add what paper and scanner add: slope, blur, a darker edge, grain."""
    turned = page.rotate(0.5 if number % 2 else -0.4, Image.Resampling.BICUBIC, fillcolor=255)
    grey = np.asarray(turned.filter(ImageFilter.GaussianBlur(0.7)), np.float32)
    grain = np.random.default_rng(number).normal(0, 5, grey.shape)
    edge = np.linspace(-1, 1, _WIDTH)[None] ** 4 * 26 + np.linspace(-1, 1, _HEIGHT)[:, None] ** 4 * 18
    return Image.fromarray(np.clip(grey * 0.93 - edge + grain, 0, 255).astype(np.uint8))
