"""Draws pages with one table each, and knows what the table contains: ruled, half-ruled and borderless tables.

A table's number decides its form, so that the same tables are drawn in each run. Cells may be wrapped, empty or merged.
Each page has a title and a paragraph above the table, and a paragraph below it.
"""

from __future__ import annotations

import io
import random
from dataclasses import dataclass
from typing import Any

import numpy as np
import pypdfium2 as pdfium
from PIL import Image, ImageFilter
from reportlab.lib import colors
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Paragraph, Spacer, TableStyle
from reportlab.platypus import SimpleDocTemplate as Template
from reportlab.platypus import Table as DrawnCells

from slimgest_celery.formats.tables import Table, TextCell

RULING = ("ruled", "half-ruled", "borderless")
_HALF_RULED = ("head and foot", "between rows", "frame")
_FONTS = (("Helvetica", "Helvetica-Bold"), ("Times-Roman", "Times-Bold"))
_A4 = (595.0, 842.0)
_DPI = 150
_NAMES = [
    "Barley",
    "Chestnut",
    "Damson",
    "Elder",
    "Fennel",
    "Ginger",
    "Hazel",
    "Juniper",
    "Larch",
    "Medlar",
    "Nettle",
    "Oregano",
    "Parsnip",
    "Quince",
]
_PLACES = [
    "Aberdeen",
    "Bergamo",
    "Coventry",
    "Dresden",
    "Essen",
    "Fribourg",
    "Gdansk",
    "Haarlem",
    "Innsbruck",
    "Jerez",
    "Kassel",
    "Limerick",
]
_NOTES = (
    "Harvested late in the season and stored in a dry place until the spring",
    "The samples were taken twice, because the first series was not complete",
    "Grows in shade and needs little water",
    "Sold in small quantities at local markets and to three large wholesalers",
    "No remarks",
    "Delivery was delayed by two weeks after the floods in the northern valley",
)
_ABOVE = (
    "The following table lists the results of the survey. They were collected by the members of the society during the "
    "last two years, and each of them was checked by a second person."
)
_BELOW = (
    "The figures above are preliminary. A second edition will appear when the remaining districts have sent their "
    "reports to the office, which is expected to take until the end of the summer."
)
_HEADS = {
    "name": "Product",
    "place": "District",
    "note": "Remarks on the crop",
    "sum": "Weight",
    "price": "Price (EUR)",
}


@dataclass(frozen=True, kw_only=True)
class DrawnTable:
    """A page with a table, as a PDF, and the true table."""

    number: int
    ruling: str
    pdf: bytes
    truth: Table


def draw_table(number: int) -> DrawnTable:
    """Return the page with the table of this number."""
    ruling = RULING[number % 3]
    form = number // 3  # the bits of this number are the properties of the table
    rng = random.Random(number)
    columns = _choose_columns(form, rng)
    cells = _make_cells(columns, ruling, form, rng)
    style = TableStyle([*_base_style(form), *_lines(ruling, form, cells), *_spans(cells)])
    body, bold = _FONTS[number % 2]
    size = (9.0, 10.0, 11.0)[form % 3]
    header_font = bold if form % 4 else body
    drawn = _drawn_cells(cells, columns, style, (body, header_font), size, ruling)
    return DrawnTable(number=number, ruling=ruling, pdf=_page(drawn, number, body), truth=Table(cells=cells))


def _choose_columns(form: int, rng: random.Random) -> list[str]:
    columns = ["name", "place", "sum", "price"] if form % 5 else ["name", "sum", "price"]
    if form & 1:
        columns.insert(rng.randint(1, 2), "note")
    return columns


def _make_cells(columns: list[str], ruling: str, form: int, rng: random.Random) -> list[TextCell]:
    """Return the cells: one or two header rows, and rows in which some cells are empty or merged."""
    cells = _header(columns, merged=form % 4 == 2)
    start = 1 + max(cell.row for cell in cells)
    count = rng.randint(4, 9)
    # Nobody can see the end of a cell that is merged over rows, unless there are rules between rows.
    merges_rows = form % 4 == 3 and (ruling == "ruled" or (ruling == "half-ruled" and form % 3 == 1))
    for row in range(start, start + count):
        for column, kind in enumerate(columns):
            if merges_rows and column == 0:
                if (row - start) % 2 == 0:
                    span = min(2, start + count - row)
                    cells.append(TextCell(row=row, column=0, row_span=span, text=_text(kind, rng)))
                continue
            is_empty = form & 2 and column > 0 and rng.random() < 0.15
            cells.append(TextCell(row=row, column=column, text="" if is_empty else _text(kind, rng)))
    return cells


def _header(columns: list[str], *, merged: bool) -> list[TextCell]:
    if not merged:
        return [TextCell(row=0, column=n, header=True, text=_HEADS[kind]) for n, kind in enumerate(columns)]
    first = columns.index("sum")
    cells = [
        TextCell(row=0, column=n, row_span=2, header=True, text=_HEADS[kind]) for n, kind in enumerate(columns[:first])
    ]
    cells.append(TextCell(row=0, column=first, col_span=len(columns) - first, header=True, text="Last season"))
    return cells + [
        TextCell(row=1, column=n, header=True, text=_HEADS[kind]) for n, kind in enumerate(columns) if n >= first
    ]


def _text(kind: str, rng: random.Random) -> str:
    if kind == "name":
        return rng.choice(_NAMES)
    if kind == "place":
        return rng.choice(_PLACES)
    if kind == "note":
        return rng.choice(_NOTES)
    return f"{rng.randint(2, 900)} kg" if kind == "sum" else f"{rng.randint(1, 4000)}.{rng.randint(0, 99):02}"


def _base_style(form: int) -> list[tuple[Any, ...]]:
    padding = 3 + form % 3
    return [
        ("VALIGN", (0, 0), (-1, -1), ("TOP", "MIDDLE")[form % 7 == 3]),
        ("TOPPADDING", (0, 0), (-1, -1), padding),
        ("BOTTOMPADDING", (0, 0), (-1, -1), padding),
    ]


def _lines(ruling: str, form: int, cells: list[TextCell]) -> list[tuple[Any, ...]]:
    header_end = max(cell.row for cell in cells if cell.header)
    if ruling == "ruled":
        return [("GRID", (0, 0), (-1, -1), 0.4 + 0.3 * (form % 4), colors.black)]
    if ruling == "borderless":
        return []
    half_ruled = _HALF_RULED[form % 3]
    if half_ruled == "between rows":
        return [("LINEABOVE", (0, 0), (-1, -1), 0.5, colors.black), ("LINEBELOW", (0, -1), (-1, -1), 0.5, colors.black)]
    below_header = ("LINEBELOW", (0, header_end), (-1, header_end), 0.6, colors.black)
    if half_ruled == "frame":
        return [("BOX", (0, 0), (-1, -1), 0.8, colors.black), below_header]
    ends = [(name, (0, row), (-1, row), 1.0, colors.black) for name, row in (("LINEABOVE", 0), ("LINEBELOW", -1))]
    return [below_header, *ends]


def _spans(cells: list[TextCell]) -> list[tuple[Any, ...]]:
    return [
        ("SPAN", (cell.column, cell.row), (cell.column + cell.col_span - 1, cell.row + cell.row_span - 1))
        for cell in cells
        if cell.row_span > 1 or cell.col_span > 1
    ]


def _drawn_cells(
    cells: list[TextCell],
    columns: list[str],
    style: TableStyle,
    fonts: tuple[str, str],
    size: float,
    ruling: str,
) -> DrawnCells:
    rows: list[list[Any]] = [[""] * len(columns) for _ in range(max(cell.row + cell.row_span for cell in cells))]
    for cell in cells:
        is_amount = columns[cell.column] in ("sum", "price")
        alignment = 1 if cell.col_span > 1 else 2 if is_amount else 0
        font = fonts[1] if cell.header else fonts[0]
        text_style = ParagraphStyle(
            "cell", fontName=font, fontSize=size, leading=1.2 * size, alignment=alignment, splitLongWords=0
        )
        rows[cell.row][cell.column] = Paragraph(cell.text, text_style) if cell.text else ""
    width = {"name": 7.2, "place": 7.4, "note": 14, "sum": 6.5, "price": 8.5}
    return DrawnCells(rows, colWidths=[width[kind] * size for kind in columns], style=style)


def _page(table: DrawnCells, number: int, font: str) -> bytes:
    stored = io.BytesIO()
    body = ParagraphStyle("body", fontName=font, fontSize=10.5, leading=13)
    title = ParagraphStyle("title", fontName=font, fontSize=16, leading=20, spaceAfter=8)
    story: list[Flowable] = [
        Paragraph(f"Report number {number + 1}", title), Paragraph(_ABOVE, body), Spacer(1, 16), table, Spacer(1, 16),
        Paragraph(_BELOW, body),
    ]  # fmt: skip
    Template(stored, pagesize=_A4, leftMargin=70, rightMargin=70, topMargin=70, bottomMargin=70).build(story)
    return stored.getvalue()


def to_scan(pdf: bytes, *, noisy: bool, seed: int = 0) -> bytes:
    """Return a PDF of one page as the PDF of its scan at 150 dpi. A noisy scan is skewed, blurred, grey and grainy."""
    document = pdfium.PdfDocument(pdf)
    image = document[0].render(scale=_DPI / 72, grayscale=True).to_pil()
    document.close()
    if noisy:
        image = _noisy(image, seed)
    stored, photo = io.BytesIO(), io.BytesIO()
    image.save(photo, "JPEG", quality=60 if noisy else 95)
    canvas = Canvas(stored, pagesize=_A4)
    canvas.drawImage(ImageReader(photo), 0, 0, *_A4)
    canvas.save()
    return stored.getvalue()


def _noisy(image: Image.Image, seed: int) -> Image.Image:
    rng = np.random.default_rng(seed)
    turned = image.rotate(rng.uniform(-0.8, 0.8), resample=Image.Resampling.BICUBIC, fillcolor=255)
    blurred = np.asarray(turned.filter(ImageFilter.GaussianBlur(0.6)), dtype=np.float32)
    grey = 25 + blurred * 0.86 + rng.normal(0, 12, blurred.shape)
    specks = rng.random(blurred.shape) < 0.0005
    grey[specks] = 60
    return Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8))
