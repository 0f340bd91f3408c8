"""PDFs drawn for a test."""

from __future__ import annotations

import io
import zlib
from collections.abc import Sequence

import numpy as np
import pikepdf
from PIL import Image, ImageDraw, ImageFont
from reportlab.lib import pdfencrypt
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

A6 = (298, 420)  # points; small pages render quickly


def text_pages(texts: Sequence[str], *, password: str | None = None) -> bytes:
    """A page for each text, with a text layer; lines are separated by newlines."""
    stored = io.BytesIO()
    encrypt = pdfencrypt.StandardEncryption(password, strength=128) if password else None
    canvas = Canvas(stored, pagesize=(595, 842), encrypt=encrypt)
    for text in texts:
        canvas.setFont("Helvetica", 14)
        for row, line in enumerate(text.split("\n")):
            canvas.drawString(72, 742 - 20 * row, line)
        canvas.showPage()
    canvas.save()
    return stored.getvalue()


def coloured(colours: Sequence[tuple[int, int, int]], size: tuple[float, float] = A6) -> bytes:
    """A page without text for each colour, which controls the engines in `engines.py`."""
    stored = io.BytesIO()
    canvas = Canvas(stored, pagesize=size)
    for red, green, blue in colours:
        canvas.setFillColorRGB(red / 255, green / 255, blue / 255)
        canvas.rect(0, 0, *size, stroke=0, fill=1)
        # Ink, or the page would be blank; but little of it, or the reader would look for lines and read the page again.
        for grey, left in ((0, 5), (1, 25)):
            canvas.setFillGray(grey)
            canvas.rect(left, 5, 4, 4, stroke=0, fill=1)
        canvas.showPage()
    canvas.save()
    return stored.getvalue()


def numbered(count: int, first: int = 1) -> bytes:
    """Pages that `ByColour` reads as "page 1", "page 2" …; at most 255."""
    return coloured([(0, number, 0) for number in range(first, first + count)])


def scanned(texts: Sequence[str]) -> bytes:
    """A page for each text, as a picture only, A5 at 150 dpi."""
    stored = io.BytesIO()
    canvas = Canvas(stored, pagesize=(420, 595))
    for text in texts:
        page = Image.new("L", (875, 1240), 255)
        pen = ImageDraw.Draw(page)
        for row, line in enumerate(text.split("\n")):
            pen.text((80, 100 + 60 * row), line, fill=0, font=ImageFont.load_default(32))
        canvas.drawImage(ImageReader(page), 0, 0, 420, 595)
        canvas.showPage()
    canvas.save()
    return stored.getvalue()


def of_images(pages: Sequence[Image.Image]) -> bytes:
    """A page for each picture, A4 and without a text layer."""
    stored = io.BytesIO()
    canvas = Canvas(stored, pagesize=(595, 842))
    for page in pages:
        canvas.drawImage(ImageReader(page), 0, 0, 595, 842)
        canvas.showPage()
    canvas.save()
    return stored.getvalue()


def photographed(count: int) -> bytes:
    """A4 pages of one JPEG each, of noise, all different: slow to render, and slower at a higher dpi."""
    noise = np.random.default_rng(4).integers(0, 255, (1754, 1240), np.uint8)
    stored = io.BytesIO()
    canvas = Canvas(stored, pagesize=(595, 842))
    for number in range(count):
        picture = io.BytesIO()
        Image.fromarray(np.roll(noise, 16 * number)).resize((620, 877)).save(picture, "JPEG", quality=60)
        canvas.drawImage(ImageReader(picture), 0, 0, 595, 842)
        canvas.showPage()
    canvas.save()
    return stored.getvalue()


PROSE = [
    "The harbour was quiet when the boats came in,",
    "and nobody on the long stone pier could say",
    "why the lamp in the tower had not been lit.",
    "An old woman counted the sails as they passed,",
    "first aloud and then only with her fingers,",
    "until the last of them had turned the corner",
    "and the water behind it lay flat once more.",
    "She went home by the upper road that evening.",
]


def picture(lines: Sequence[str] = PROSE, *, turned: int = 0, skew: float = 0.0) -> Image.Image:
    """A scan of these lines, A5 at 150 dpi, rotated `turned` degrees clockwise and `skew` counterclockwise."""
    page = Image.new("L", (875, 1240), 255)
    pen = ImageDraw.Draw(page)
    for row, line in enumerate(lines):
        pen.text((70, 150 + 60 * row), line, fill=0, font=ImageFont.load_default(32))
    return page.rotate(skew, Image.Resampling.BICUBIC, fillcolor=255).rotate(-turned, expand=True)


def pictured(
    image: Image.Image, *, layer: Sequence[str] = (), stamp: str = "", invisible: bool = True, lower_mm: float = 0.0
) -> bytes:
    """A page that is a picture, with a text layer where `picture` draws its lines (or lower), and a stamp."""
    width, height = (side * 72 / 150 for side in image.size)
    stored = io.BytesIO()
    canvas = Canvas(stored, pagesize=(width, height))
    canvas.drawImage(ImageReader(image), 0, 0, width, height)
    text = canvas.beginText()
    text.setTextRenderMode(3 if invisible else 0)
    text.setFont("Helvetica", 14)
    for row, line in enumerate(layer):
        text.setTextOrigin(33.6, height - (150 + 60 * row + 30) * 72 / 150 - lower_mm * 72 / 25.4)
        text.textOut(line)
    canvas.drawText(text)
    if stamp:
        printed = canvas.beginText(width / 2, 20)
        printed.setTextRenderMode(0)
        printed.textOut(stamp)
        canvas.drawText(printed)
    canvas.save()
    return stored.getvalue()


def half_scanned(typed: Sequence[str]) -> bytes:
    """A page with these lines as text in its upper half and a scan of `PROSE` in its lower."""
    stored = io.BytesIO()
    canvas = Canvas(stored, pagesize=(420, 595))
    canvas.setFont("Helvetica", 10)
    for row, line in enumerate(typed):
        canvas.drawString(40, 560 - 12 * row, line)
    canvas.drawImage(ImageReader(picture().crop((0, 100, 875, 640))), 0, 0, 420, 259)
    canvas.save()
    return stored.getvalue()


def beneath(image: Image.Image, layer: Sequence[str]) -> bytes:
    """A page with printed text that a picture of other text covers."""
    stored = io.BytesIO()
    canvas = Canvas(stored, pagesize=(420, 595))
    canvas.setFont("Helvetica", 14)
    for row, line in enumerate(layer):
        canvas.drawString(33.6, 595 - (150 + 60 * row + 30) * 72 / 150, line)
    canvas.drawImage(ImageReader(image), 0, 0, 420, 595)
    canvas.save()
    return stored.getvalue()


def barred(lines: Sequence[str], barred: int) -> bytes:
    """A page of printed text with a black bar over one of its lines."""
    stored = io.BytesIO()
    canvas = Canvas(stored, pagesize=(420, 595))
    canvas.setFont("Helvetica", 14)
    for row, line in enumerate(lines):
        canvas.drawString(33.6, 500 - 30 * row, line)
    canvas.rect(30, 494 - 30 * barred, 360, 20, fill=1)
    canvas.save()
    return stored.getvalue()


_TO_UNICODE = (
    "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def /CMapType 2 def\n"
    "1 begincodespacerange <00> <ff> endcodespacerange\n{count} beginbfchar\n{entries}endbfchar\n"
    "endcmap end end"
)


REPORT_TABLE = [["Ship", "Cargo", "Tons"], ["Anna", "Timber", "120"], ["Brig", "Salt", "80"]]


def report() -> bytes:
    """A page with a heading, a paragraph with a word that is cut at the end of a line, and a ruled table."""
    stored = io.BytesIO()
    canvas = Canvas(stored, pagesize=(595, 842))
    canvas.setFont("Helvetica-Bold", 22)
    canvas.drawString(72, 760, "Harbour report")
    canvas.setFont("Helvetica", 11)
    for row, line in enumerate(
        ["The harbour was quiet all day, and the keeper has weath-", "ered the storm in his tower."]
    ):
        canvas.drawString(72, 720 - 14 * row, line)
    for row, cells in enumerate(REPORT_TABLE):
        for column, cell in enumerate(cells):
            canvas.rect(72 + 120 * column, 640 - 24 * row, 120, 24)
            canvas.drawString(80 + 120 * column, 648 - 24 * row, cell)
    canvas.save()
    return stored.getvalue()


def sideways(lines: Sequence[str]) -> bytes:
    """A page whose lines are printed upwards, as a wide table in a book is."""
    stored = io.BytesIO()
    canvas = Canvas(stored, pagesize=(595, 842))
    canvas.rotate(90)
    canvas.setFont("Helvetica", 14)
    for row, line in enumerate(lines):
        canvas.drawString(72, -100 - 20 * row, line)
    canvas.save()
    return stored.getvalue()


def mapped(lines: Sequence[str], meaning: dict[str, str]) -> bytes:
    """A page with these lines, in a font whose map has other letters."""
    entries = "".join(f"<{ord(drawn):02x}> <{ord(said):04x}>\n" for drawn, said in meaning.items())
    stored = io.BytesIO()
    with pikepdf.open(io.BytesIO(text_pages(["\n".join(lines)]))) as pdf:
        for font in pdf.pages[0].obj.Resources.Font.values():
            font.ToUnicode = pdf.make_stream(_TO_UNICODE.format(count=len(meaning), entries=entries).encode())
        pdf.save(stored)
    return stored.getvalue()


def with_broken_labels(lines: Sequence[str], labels: Sequence[str]) -> bytes:
    """A page of lines, and of labels in a font whose map has signs instead of letters."""
    signs = dict(zip("abcdefghijklmnopqrstuvwxyzHLSB ", "?>9@AJ.D<F-2:0#3$4,56!%&'()*+/;=", strict=False))
    entries = "".join(f"<{ord(drawn):02x}> <{ord(said):04x}>\n" for drawn, said in signs.items())
    stored = io.BytesIO()
    canvas = Canvas(stored, pagesize=(420, 595))
    for font, texts, top in (("Helvetica", lines, 560), ("Times-Roman", labels, 230)):
        canvas.setFont(font, 12)
        for row, text in enumerate(texts):
            canvas.drawString(40, top - 16 * row, text)
    canvas.save()
    broken = io.BytesIO()
    with pikepdf.open(stored) as pdf:
        for font in pdf.pages[0].obj.Resources.Font.values():
            if font.BaseFont == "/Times-Roman":
                font.ToUnicode = pdf.make_stream(_TO_UNICODE.format(count=len(signs), entries=entries).encode())
        pdf.save(broken)
    return broken.getvalue()


def with_white(black: str, white: str) -> bytes:
    """A page with a line in black and another in the colour of the paper."""
    stored = io.BytesIO()
    canvas = Canvas(stored, pagesize=A6)
    canvas.drawString(40, 350, black)
    canvas.setFillColorRGB(1, 1, 1)
    canvas.drawString(40, 300, white)
    canvas.save()
    return stored.getvalue()


def without_pages() -> bytes:
    """A valid PDF without pages."""
    stored = io.BytesIO()
    with pikepdf.new() as pdf:
        pdf.save(stored)
    return stored.getvalue()


def with_broken_page(texts: Sequence[str], broken: int) -> bytes:
    """Text pages; the object of the page with this index is not a page."""
    stored = io.BytesIO()
    with pikepdf.open(io.BytesIO(text_pages(texts))) as pdf:
        pdf.Root.Pages.Kids[broken] = pdf.make_indirect(pikepdf.Dictionary(Type=pikepdf.Name.Nothing))
        pdf.save(stored)
    return stored.getvalue()


def unfolding(content: bytes, count: int) -> bytes:
    """A page with this content, repeated `count` times and strongly compressed."""
    press = zlib.compressobj(1)
    pressed = b"".join(press.compress(content * 10_000) for _ in range(count // 10_000)) + press.flush()
    stored = io.BytesIO()
    with pikepdf.open(io.BytesIO(numbered(1))) as pdf:
        stream = pdf.make_stream(b"")
        stream.write(pressed, filter=pikepdf.Name.FlateDecode)
        pdf.pages[0].obj.Contents = stream
        pdf.save(stored)
    return stored.getvalue()


def slow_to_draw() -> bytes:
    """One A4 page that takes minutes to render at 300 dpi, and no time to read as text."""
    stored = io.BytesIO()
    canvas = Canvas(stored, pagesize=(595, 842))
    canvas.setFillAlpha(0.5)
    for _ in range(20_000):
        canvas.ellipse(0, 0, 595, 842, stroke=0, fill=1)
    canvas.save()
    return stored.getvalue()


def huge_page(inches: int) -> bytes:
    """One blank square page of this size."""
    stored = io.BytesIO()
    canvas = Canvas(stored, pagesize=(72 * inches, 72 * inches))
    canvas.rect(10, 10, 100, 100, fill=1)
    canvas.showPage()
    canvas.save()
    return stored.getvalue()
