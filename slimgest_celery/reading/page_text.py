"""The text of a page in reading order, from its text layer or from OCR: in the same form from both.

A few kilobytes of PDF can expand to any number of characters. The limits here bound what one page costs to store and to
send: at most about 10 MB as a record, 30 MB as hOCR or ALTO, and a quarter of a second to parse.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from slimgest_celery.engines.protocol import Image, to_blocks
from slimgest_celery.errors import PageTooMuchText
from slimgest_celery.geometry import PageBox, clip, has_middle_in, scale, to_fractions, union
from slimgest_celery.layout import analysis, vertical_writing
from slimgest_celery.layout.analysis import DetectedLine, Layout
from slimgest_celery.layout.structure.drawings import find_drawings
from slimgest_celery.layout.structure.elements import PageElement
from slimgest_celery.layout.structure.roles import no_type
from slimgest_celery.models.page import VERTICAL_TURN, BlockSource, Page, RegionKind
from slimgest_celery.page_elements import line_type
from slimgest_celery.pdf.text_line import TextLine, slope_of
from slimgest_celery.reading.languages.plausibility import with_honest_confidence
from slimgest_celery.reading.orientation import PageTransform, UprightResult

# In type sizes: the largest distance between the middles of two words on one line, and the largest gap between them.
_MAX_LEVEL_DISTANCE, _MAX_SPACE = 0.5, 0.85
_POINTS_PER_INCH = 72
_FIRST_DRAWING = 100_000  # the numbers of drawings follow those of pictures
MAX_CHARACTERS = 250_000  # of a page; a printed page of a newspaper has up to 50,000
MAX_LINES = 20_000
MAX_CELLS = 50_000  # of all its tables, with the empty ones


def check_lines(texts: Sequence[str]) -> None:
    """Raise `PageTooMuchText` for the lines of a page with more text than any printed page has."""
    if len(texts) > MAX_LINES or sum(map(len, texts)) > MAX_CHARACTERS:
        raise PageTooMuchText


def check_page(page: Page) -> None:
    """Raise `PageTooMuchText` for the record of a page with more text, or larger tables, than any printed page has."""
    check_lines([block.text for block in page.blocks])
    if sum(len(paragraph.cells or ()) for paragraph in page.paragraphs) > MAX_CELLS:
        raise PageTooMuchText


@dataclass(frozen=True, kw_only=True)
class ScannedPage:
    """The upright image of a page, and what a layout model found in it."""

    image: Image
    dpi: float
    elements: Sequence[PageElement]

    def type_of(self, line: DetectedLine) -> tuple[float, float] | None:
        """Return the thickness of the strokes of a line, in pixels, and its type size, in points."""
        height, width = self.image.shape[:2]
        found = line_type.measure(self.image, scale(line.box, width, height), line.text)
        return (found.stroke, found.size * _POINTS_PER_INCH / self.dpi) if found else None


@dataclass(frozen=True, kw_only=True)
class PageText:
    """The text of a page, and the rotation that makes it upright."""

    layout: Layout
    turned: int  # degrees clockwise, of the page as displayed
    vertical: bool = False  # lines of upright characters run down the page, from right to left

    @classmethod
    def from_ocr(cls, result: UprightResult, scan: ScannedPage | None = None) -> PageText:
        """Return the page's text from the lines that an engine read, and its regions from a layout model, if any."""
        blocks = to_blocks(with_honest_confidence(result.lines), result.width, result.height)
        lines = [DetectedLine(block.text, block.confidence, block.box, source=BlockSource.OCR) for block in blocks]
        transform = result.transform
        to_page = result.to_page if transform.turned or transform.deskew_degrees else None
        rules = [to_fractions(rule, result.width, result.height) for rule in result.rules]
        layout = analysis.arrange(
            lines,
            width=result.width,
            height=result.height,
            to_page=to_page,
            rules=rules,
            elements=scan.elements if scan else (),
            type_of=(lambda index: scan.type_of(lines[index])) if scan else no_type,
        )
        if result.is_vertical:
            return cls(layout=layout, turned=(transform.turned - VERTICAL_TURN) % 360, vertical=True)
        return cls(layout=layout, turned=transform.turned)

    @classmethod
    def from_text_layer(
        cls,
        lines: Sequence[TextLine],
        width: float,
        height: float,
        rules: Sequence[PageBox] = (),
        in_pictures: Sequence[DetectedLine] = (),
        figures: Sequence[PageBox] = (),
        shapes: Sequence[tuple[PageBox, bool]] = (),
    ) -> PageText:
        """Return the page's text from its text layer.

        `width` and `height` are those of the page as displayed, in points. `rules` are the lines drawn on the page.
        `in_pictures` are lines that were read in its pictures, with boxes of the page as displayed. `figures` are
        pictures, and `shapes` what else is drawn: True for what is curved or slanted.
        """
        found = [DetectedLine(line.text, 1.0, line.box, line.size, line.source, bold=line.bold) for line in lines]
        found += in_pictures
        if columns := vertical_writing.join_columns(found, width, height):
            return cls(layout=_arrange_turned(columns, width, height, VERTICAL_TURN), turned=0, vertical=True)
        turned = -main_turn(lines) % 360
        if slope := slope_of(lines):
            transform = PageTransform(width=width, height=height, turned=turned, deskew_degrees=slope)
            return cls(layout=_arrange_skewed(found, transform), turned=turned)
        if not turned:
            drawings = find_drawings(shapes, [(line.text, line.box) for line in found], width, height)
            for number, drawing in enumerate(drawings, _FIRST_DRAWING):
                for index in drawing.lines:
                    found[index] = found[index]._replace(picture=number)
            boxes = [drawing.box for drawing in drawings]
            elements = [PageElement(RegionKind.FIGURE, 1.0, box) for box in boxes]
            elements += [PageElement(RegionKind.FIGURE, 1.0, box) for box in _outside(boxes, figures)]
            layout = analysis.arrange(
                found, width=width, height=height, rules=_outside(boxes, rules), elements=elements
            )
            return cls(layout=layout, turned=0)
        return cls(layout=_arrange_turned(found, width, height, turned), turned=turned)


def _outside(areas: Sequence[PageBox], boxes: Sequence[PageBox]) -> list[PageBox]:
    return [box for box in boxes if not any(has_middle_in(box, area) for area in areas)]


def _arrange_turned(lines: Sequence[DetectedLine], width: float, height: float, turned: int) -> Layout:
    """Arrange the lines of a page that must be turned by so many degrees clockwise."""
    if turned != 180:
        width, height = height, width
    turn = PageTransform(width=1, height=1, turned=turned)
    turn_back = PageTransform(width=1, height=1, turned=360 - turned)
    upright = [line._replace(box=turn_back.to_original(line.box, 1, 1)) for line in lines]

    def to_page(box: PageBox) -> PageBox:
        return clip(turn.to_original(box, 1, 1))

    return analysis.arrange(upright, width=width, height=height, to_page=to_page)


def _arrange_skewed(words: Sequence[DetectedLine], transform: PageTransform) -> Layout:
    """Arrange the words of a skewed page."""
    keeps_sides = transform.turned % 180 == 0
    width, height = (transform.width, transform.height) if keeps_sides else (transform.height, transform.width)

    def to_upright(word: DetectedLine) -> DetectedLine:
        box = transform.to_upright(scale(word.box, transform.width, transform.height), width, height)
        return word._replace(box=to_fractions(box, width, height))

    def to_page(box: PageBox) -> PageBox:
        original = transform.to_original(scale(box, width, height), width, height)
        return clip(to_fractions(original, transform.width, transform.height))

    lines = _join_words([to_upright(word) for word in words], width, height)
    return analysis.arrange(lines, width=width, height=height, to_page=to_page)


def _join_words(words: Sequence[DetectedLine], width: float, height: float) -> list[DetectedLine]:
    """Join words that are beside each other on one level. PDFium returns them in any order."""
    right_to_left = analysis.reads_right_to_left(words)
    rows: list[list[DetectedLine]] = []
    for word in sorted(words, key=_level):
        if rows and (_level(word) - _level(rows[-1][0])) * height < _MAX_LEVEL_DISTANCE * _size(word, height):
            rows[-1].append(word)
        else:
            rows.append([word])
    found: list[DetectedLine] = []
    for row in rows:
        row_start = len(found)
        for word in sorted(row, key=lambda word: word.box[0], reverse=right_to_left):
            before = found[-1] if len(found) > row_start else None
            max_gap = _MAX_SPACE * _size(word, height)
            if before and before.source == word.source and _gap(before.box, word.box) * width < max_gap:
                found[-1] = _joined(before, word)
            else:
                found.append(word)
    return found


def _size(word: DetectedLine, height: float) -> float:
    return word.size or (word.box[3] - word.box[1]) * height


def _level(word: DetectedLine) -> float:
    return (word.box[1] + word.box[3]) / 2


def _gap(one: PageBox, other: PageBox) -> float:
    return max(other[0] - one[2], one[0] - other[2])


def _joined(before: DetectedLine, word: DetectedLine) -> DetectedLine:
    return before._replace(text=f"{before.text} {word.text}", box=union((before.box, word.box)))


def main_turn(lines: Sequence[TextLine]) -> int:
    """Return the direction of most of the text, in degrees clockwise from upright."""
    if not any(line.turned for line in lines):
        return 0
    lengths: Counter[int] = Counter()
    for line in lines:
        lengths[line.turned] += len(line.text)
    return lengths.most_common(1)[0][0]
