"""Documents in ten styles, with the headings and levels that were drawn."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle

from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import simpleSplit
from reportlab.pdfgen.canvas import Canvas

Heading = tuple[int, str]  # level, text

_TEXT = (
    "the owls of this region hunt at night and rest by day in old trees whose hollow trunks give them shelter from "
    "rain wind and frost while their young learn to fly in early summer when mice are many and nights are short"
)
_TITLES = (
    "Habitats and Ranges", "Feeding", "Calls in Spring", "Migration Routes", "Nests", "Observed Numbers",
    "Winter Quarters", "Threats", "Methods of Counting", "Young Birds", "Protection", "Sources of Error",
    "Further Work", "Old Records",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Style:
    """The type of a document. `headings` are font and size by level, from the first."""

    name: str
    headings: tuple[tuple[str, float], ...]
    body: tuple[str, float] = ("Helvetica", 10.0)
    numbered: int = 0  # the first level with numbers; 0: none
    centred: bool = False
    columns: int = 1
    colour: tuple[float, float, float] = (0, 0, 0)
    has_running_lines: bool = False
    has_items: bool = False


STYLES = (
    Style(name="report", headings=(("Helvetica-Bold", 20), ("Helvetica-Bold", 14), ("Helvetica-Bold", 11))),
    Style(
        name="paper",
        headings=(("Times-Bold", 17), ("Times-Bold", 12), ("Times-Bold", 10)),
        body=("Times-Roman", 10),
        numbered=2,
    ),
    Style(name="manual", headings=(("Helvetica", 18), ("Helvetica", 14), ("Helvetica", 12)), numbered=1),
    Style(name="bold at the size of the text", headings=(("Helvetica-Bold", 14), ("Helvetica-Bold", 10))),
    Style(name="large and regular", headings=(("Times-Roman", 22), ("Times-Roman", 15)), body=("Times-Roman", 10)),
    Style(name="centred", headings=(("Helvetica-Bold", 18), ("Helvetica-Bold", 12)), centred=True),
    Style(
        name="two columns",
        headings=(("Times-Bold", 16), ("Times-Bold", 11), ("Times-Bold", 9.5)),
        body=("Times-Roman", 9.5),
        columns=2,
        numbered=2,
    ),
    Style(name="coloured", headings=(("Helvetica", 24), ("Helvetica", 16), ("Helvetica", 13)), colour=(0.1, 0.3, 0.6)),
    Style(
        name="running lines",
        headings=(("Helvetica-Bold", 16), ("Helvetica-Bold", 12)),
        numbered=1,
        has_running_lines=True,
    ),
    Style(name="lists", headings=(("Times-Bold", 15), ("Times-Bold", 11)), body=("Times-Roman", 11), has_items=True),
)


def draw(style: Style) -> tuple[bytes, list[Heading]]:
    """Draw a document of about three pages; return the PDF, and its headings in order."""
    writer = _Writer(style)
    headings = list(_headings(style))
    for level, text in headings:
        writer.heading(level, text)
        if level > 1 or len(style.headings) < 3:
            writer.paragraphs()
    return writer.finish(), headings


def _headings(style: Style) -> Iterator[Heading]:
    """Yield the headings: a title, then sections with subsections, as far as the style has them."""
    titles = iter(_TITLES)
    counts = [0] * len(style.headings)
    levels = (1, 2, 3, 3, 2, 3, 2, 2, 3, 3) if len(style.headings) > 2 else (1, 2, 2, 1, 2, 2, 1, 2)
    for level in levels:
        counts[level - 1] += 1
        counts[level:] = [0] * (len(counts) - level)
        number = ".".join(map(str, counts[style.numbered - 1 : level])) if 0 < style.numbered <= level else ""
        yield level, f"{number} {next(titles)}".strip()


class _Writer:
    """Draws text from top to bottom, in columns and on pages."""

    def __init__(self, style: Style) -> None:
        self._style = style
        self._buffer = io.BytesIO()
        self._canvas = Canvas(self._buffer, pagesize=A4)
        self._words = cycle(_TEXT.split())
        gap = 24.0
        self._width = (A4[0] - 2 * 70 - gap * (style.columns - 1)) / style.columns
        self._lefts = [70 + (self._width + gap) * column for column in range(style.columns)]
        self._column, self._page = 0, 1
        self._y = A4[1] - 80
        self._running_lines()

    def heading(self, level: int, text: str) -> None:
        font, size = self._style.headings[level - 1]
        self._room(size * 1.4 + 60)
        self._y -= 10 + size
        self._canvas.setFont(font, size)
        self._canvas.setFillColorRGB(*self._style.colour)
        left = self._lefts[self._column]
        if self._style.centred:
            self._canvas.drawCentredString(left + self._width / 2, self._y, text)
        else:
            self._canvas.drawString(left, self._y, text)
        self._canvas.setFillColorRGB(0, 0, 0)
        self._y -= 8

    def paragraphs(self) -> None:
        for length in (45, 60):
            self._paragraph(length)
        if self._style.has_items:
            for item in (1, 2, 3):
                self._paragraph(14, f"{item}. ")
        self._paragraph(30)

    def finish(self) -> bytes:
        self._canvas.save()
        return self._buffer.getvalue()

    def _paragraph(self, length: int, start: str = "") -> None:
        font, size = self._style.body
        text = start + " ".join(next(self._words) for _ in range(length)).capitalize() + "."
        for line in simpleSplit(text, font, size, self._width):
            self._room(size * 1.25)
            self._y -= size * 1.25
            self._canvas.setFont(font, size)
            self._canvas.drawString(self._lefts[self._column], self._y, line)
        self._y -= size * 0.8

    def _room(self, height: float) -> None:
        if self._y - height > 80:
            return
        self._column = (self._column + 1) % self._style.columns
        self._y = A4[1] - 80
        if self._column == 0:
            self._canvas.showPage()
            self._page += 1
            self._running_lines()

    def _running_lines(self) -> None:
        if self._style.has_running_lines:
            self._canvas.setFont(*self._style.body)
            self._canvas.drawString(70, A4[1] - 45, "Owls of the North: a survey")
            self._canvas.drawCentredString(A4[0] / 2, 40, str(self._page))
