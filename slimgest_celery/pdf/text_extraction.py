"""The lines of a page's text layer, read with PDFium. For pdf/ only."""

from __future__ import annotations

import math
import re
from array import array
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import nlargest
from itertools import pairwise, repeat
from typing import Any, NamedTuple

import numpy as np
import pypdfium2.raw as raw
from numpy.typing import NDArray

from slimgest_celery.geometry import PageBox, PdfRect, around, clip, union
from slimgest_celery.models.page import BlockSource
from slimgest_celery.pdf import accents, line_building, pdfium, word_spacing
from slimgest_celery.pdf.line_building import Span, Style
from slimgest_celery.pdf.page_objects import PageObjects
from slimgest_celery.pdf.text_line import (
    OUTSIDE,
    RIGHT_TO_LEFT,
    TextLine,
    gap_between,
    is_on_page,
    plain_text,
    slope_of,
)

_LINE = re.compile("[^\r\n\x02\ufffe]+[\x02\ufffe]?")
_WORD = re.compile(r"\.(?: \.)+(?=\s|$)|\S+")  # dots that lead to a page number are one word
_SKEWED_WORD = re.compile("[^\\s\x02\ufffe]+[\x02\ufffe]?")
_QUARTER = math.pi / 2
_INVISIBLE = (raw.FPDF_TEXTRENDERMODE_INVISIBLE, raw.FPDF_TEXTRENDERMODE_CLIP)
# Names of bold fonts, also those of TeX, such as CMBX10.
_BOLD = re.compile(r"bold|black|heavy|demi|(?:cm|sf|ec)bx|-medi\b|[-,]bd\b", re.IGNORECASE)
_FORCE_BOLD = 1 << 18  # the flag of a font descriptor
_NAME_LENGTH = 128  # bytes of a font's name that are looked at
_NEARLY_WHITE = 245
_FLAT_PT = 0.5  # bounds flatter than this come from a font without glyphs
_MAX_ADVANCE = 1.1  # least gaps per character: text of one object that is wider may contain a gap
_LETTER_HEIGHT = 0.7  # of the type size
_LOW = 0.5  # of the height of letters: a lower line contains only dots or dashes
_SAMPLED_LINES = 2  # of a page: the longest show if its spaces are doubtful
_FEW = 4  # rectangles; more are read with one call of `map`
_LEFT, _BOTTOM, _RIGHT, _TOP = range(4)  # the order of edges in a PdfRect
_NOWHERE: PdfRect = (0.0, 0.0, 0.0, 0.0)


class _Drawn(NamedTuple):
    """The style of a text object, and its baseline (see `Span.baseline`)."""

    style: Style
    baseline: float


@dataclass(frozen=True, kw_only=True)
class Affine:
    """From PDF points to 0-1 of the page as displayed, with crop box, rotation and user unit in it."""

    origin: tuple[float, float]
    x: tuple[float, float]
    y: tuple[float, float]

    def __call__(self, left: float, bottom: float, right: float, top: float) -> PageBox:
        """Convert bounds to a box, not clipped to the page."""
        (x0, y0), (xx, xy), (yx, yy) = self.origin, self.x, self.y
        if xy == yx == 0 and xx > 0 > yy:  # most pages are not rotated
            return x0 + xx * left, y0 + yy * top, x0 + xx * right, y0 + yy * bottom
        x1, x2 = x0 + xx * left + yx * bottom, x0 + xx * right + yx * top
        y1, y2 = y0 + xy * left + yy * bottom, y0 + xy * right + yy * top
        return around(((x1, y1), (x2, y2)))


class TextPage:
    """Reads one text page of PDFium. Valid while that page is open. `rotation` is /Rotate, degrees clockwise."""

    def __init__(self, textpage: object, to_page: Affine, rotation: int, objects: PageObjects) -> None:
        self._textpage = textpage
        self._page = pdfium.address_of(textpage)
        self._to_page = to_page
        self._rotation = rotation
        self._objects = objects
        self.covered: list[int] = []  # text objects that a later object may hide
        self._count = max(0, raw.FPDFText_CountChars(textpage))
        self._drawn: dict[int, _Drawn] = {}  # by text object
        # PDFium writes its results to these arrays. Edges are stored as left, bottom, right, top.
        self._edges = array("d", bytes(32))
        left, bottom, right, top = _addresses(self._edges)
        self._edges_at = left, top, right, bottom
        self._char_edges_at = left, right, bottom, top
        self._matrix = array("f", bytes(24))
        self._matrix_at = _addresses(self._matrix)[0]
        self._bold_fonts: dict[int, bool] = {}  # by address
        self._name = array("B", bytes(_NAME_LENGTH))
        self._name_at = self._name.buffer_info()[0]
        self._colour = array("I", bytes(16))
        self._colour_at = _addresses(self._colour)

    def lines(self) -> list[TextLine]:
        """The lines on the page, in the PDF's order. Lines outside the page are left out."""
        text = self._text()
        spans = [span for match in _LINE.finditer(text) if not match[0].isspace() for span in self._spans(match)]
        built = line_building.build_lines(spans)
        is_doubtful = self._is_spacing_doubtful(built)
        lines = [self._to_line(line, is_doubtful) for line in built]
        if slope_of(lines):
            lines = list(self._words(text))
        return [line for line in lines if line.box is not OUTSIDE and line.text]

    def _words(self, text: str) -> Iterator[TextLine]:
        """The words of a page with skewed text, so that `PageText` can make its lines from words that are upright."""
        for match in _SKEWED_WORD.finditer(text):
            if runs := self._font_runs(match.start(), match.end() - 1):
                style, baseline = self._how_drawn(match.start())
                yield self._to_line([line_building.make_span(match[0], union(runs), baseline, style, match.start())])

    def _spans(self, match: re.Match[str]) -> list[Span]:
        """The spans of a line of PDFium's, which may contain several printed lines and cells."""
        whole, first = match[0], match.start()
        count = pdfium.count_rects(self._page, first, len(whole))  # one for each text object with a glyph
        runs = self._rects(count)
        if count > 1 and not self._objects.sources and line_building.are_words_of_a_line(runs):
            count, runs = 1, [union(runs)]
        parts = self._split_by_object(whole, first, count) if count > 1 else [(whole, first)]
        if len(parts) != count:
            runs = [union(self._font_runs(start, start + len(text) - 1) or [_NOWHERE]) for text, start in parts]
        spans: list[Span] = []
        for (text, start), bounds in zip(parts, runs, strict=True):
            if stripped := text.lstrip():
                spans += self._split_at_gaps(stripped, start + len(text) - len(stripped), bounds)
        return spans

    def _split_by_object(self, whole: str, first: int, count: int) -> list[tuple[str, int]]:
        """The text of each of `count` text objects, with its first index. Spaces belong to the object before."""
        words = [word.start() for word in _WORD.finditer(whole)]
        starts = self._object_starts(words, first)
        if len(starts) != count:  # some objects begin within a word; each call costs, so this is tried last
            starts = self._object_starts([index for index, one in enumerate(whole) if not one.isspace()], first)
        return [(whole[start:end], first + start) for start, end in pairwise([*starts, len(whole)])]

    def _object_starts(self, indices: Sequence[int], first: int) -> list[int]:
        """Find the characters, by index in a text from index `first` on, where a text object begins."""
        items = list(map(pdfium.get_text_object, repeat(self._page), [first + index for index in indices]))
        changes = [index for index, before, item in zip(indices[1:], items, items[1:], strict=False) if item != before]
        return [0, *changes]

    def _split_at_gaps(self, text: str, first: int, bounds: PdfRect) -> Sequence[Span]:
        """The text of one text object, split at wide gaps."""
        style, baseline = self._how_drawn(first)
        last = first + len(text.rstrip()) - 1
        left, bottom, right, top = bounds
        if right - left < _FLAT_PT or top - bottom < _FLAT_PT:  # a font without glyphs
            boxes = [self._loose_char_box(first), self._loose_char_box(last), bounds]
            bounds = union([box for box in boxes if box != _NOWHERE] or [_NOWHERE])
        if style.quarter == 180 and last > first and self._is_flipped(first, last):
            style, baseline = style._replace(quarter=0), -baseline
        axis = style.quarter // 90 % 2
        text = accents.compose(text, lambda accent, letter: self._is_over(first + accent, first + letter, axis))
        span = line_building.make_span(text, bounds, baseline, style, first)
        least_gap = line_building.least_gap(max(span.height, 1e-6), style.size)
        if span.end - span.start <= _MAX_ADVANCE * least_gap * len(text):
            return (span,)
        return [
            line_building.make_span(text[start:end], part, baseline, style, first + start)
            for start, end, part in self._cells(text, first, axis, least_gap)
        ]

    def _is_over(self, accent: int, letter: int, axis: int) -> bool:
        """Return True if the middle of one character is over or under the other one."""
        mark, base = self._char_boxes([accent, letter])
        return base[axis] < (mark[axis] + mark[axis + 2]) / 2 < base[axis + 2]

    def _is_flipped(self, first: int, last: int) -> bool:
        """Return True if text that seems upside down is upright, because the glyphs of its font are."""
        begin, end = self._char_boxes([first, last])
        return begin[_LEFT] < end[_LEFT]

    def _is_spacing_doubtful(self, lines: Sequence[line_building.Line]) -> bool:
        """Return True if PDFium has wrong spaces in one of the longest lines of the page."""
        longest = nlargest(_SAMPLED_LINES, lines, key=lambda line: line[-1].end - line[0].start)
        return any(self._has_added_space(line[0]) and self._respaced(line) != self._joined(line) for line in longest)

    def _has_added_space(self, span: Span) -> bool:
        """Return True if PDFium has added the first space of a span, or if it has none: a PDF's own are right."""
        place = span.text.find(" ")
        return place < 0 or bool(pdfium.is_generated(self._page, span.first + place))

    def _joined(self, spans: line_building.Line) -> str:
        return line_building.join_text(spans, self._is_space_between)

    def _respaced(self, spans: line_building.Line) -> str:
        """The text of a line with the spaces that its gaps show; skewed text and text from right to left as it is."""
        parts = line_building.join_adjacent(spans)
        if len(parts) > 1 or spans[0].style.slope or RIGHT_TO_LEFT.search(parts[0][0]):
            return self._joined(spans)
        ((text, first),) = parts
        starts, ends = line_building.edges(self._advances(first, len(text)), spans[0].style.quarter)

        def is_added(index: int) -> bool:
            return bool(pdfium.is_generated(self._page, first + index))

        return word_spacing.correct_spaces(text, starts, ends, spans[0].style.size, is_added)

    def _advances(self, first: int, count: int) -> NDArray[np.float32]:
        """For each character: left, top, right and bottom of its advance and its font's height, in points."""
        found = np.zeros((count, 4), dtype=np.float32)
        into = range(found.ctypes.data, found.ctypes.data + found.nbytes, found.strides[0])
        deque(map(pdfium.get_loose_char_box, repeat(self._page), range(first, first + count), into), maxlen=0)
        return found

    def _to_line(self, spans: line_building.Line, is_spacing_doubtful: bool = False) -> TextLine:
        main = spans[0] if len(spans) == 1 else max(spans, key=lambda span: len(span.text))
        bounds = _with_type_height(union([span.bounds for span in spans]), main)
        text = self._joined(spans)
        if is_spacing_doubtful or word_spacing.may_be_wrong(text):
            text = self._respaced(spans)
        line = self._text_line(text, bounds, main.style._replace(bold=self._is_line_bold(spans)))
        return self._with_covered_words(line, spans)

    def _is_space_between(self, before: Span, span: Span) -> bool:
        """Return True if the gap between two spans is a space, by the advances of the characters beside it."""
        last = before.first + len(before.text) - 1
        ends = self._loose_char_box(last), self._loose_char_box(span.first)
        left, right = (line_building.make_span("", box, 0.0, span.style, 0) for box in ends)
        return line_building.is_space(before, span, max(right.start - left.end, left.start - right.end))

    def _text_line(self, text: str, bounds: PdfRect, style: Style) -> TextLine:
        turned = (self._rotation + style.quarter) % 360
        box = self._box(bounds)
        return TextLine(
            plain_text(text),
            box,
            round(style.size, 1),
            turned,
            style.invisible,
            style.white,
            slope=style.slope,
            source=style.source,
            bold=style.bold,
        )

    def _with_covered_words(self, line: TextLine, spans: Sequence[Span]) -> TextLine:
        """Add its words to a line if a later object covers some of them."""
        if line.hidden or not any(self._may_be_covered(span) for span in spans):
            return line
        words = []
        for text, first in line_building.join_adjacent(spans):
            for word in _WORD.finditer(text):
                _, _, bounds = self._cell(first, word, word)
                items = set(map(self._text_object, range(first + word.start(), first + word.end())))
                last = self._objects.last_cover_of(bounds)
                under = [item for item in items if self._objects.is_painted_before(item, last)]
                self.covered += under
                words.append(line._replace(text=plain_text(word[0]), box=self._box(bounds), under=bool(under)))
        return line._replace(words=tuple(words)) if any(word.under for word in words) else line

    def _may_be_covered(self, span: Span) -> bool:
        last = self._objects.last_cover_of(span.bounds)
        return last >= 0 and self._objects.is_painted_before(self._text_object(span.first), last)

    def _text_object(self, index: int) -> int:
        """The address of the text object of a character, or 0."""
        return pdfium.get_text_object(self._page, min(index, self._count - 1)) or 0

    def _cells(self, whole: str, first: int, axis: int, least_gap: float) -> Iterator[tuple[int, int, PdfRect]]:
        """The parts of a line between wide gaps: start and end in its text, and bounds."""
        words = list(_WORD.finditer(whole))
        # The bounds of whole words would cost ten times as much as those of their first and last characters.
        starts = self._char_boxes([first + word.start() for word in words[1:]])
        ends = self._char_boxes([first + word.end() - 1 for word in words[:-1]])
        begun = 0
        for index, (end, start) in enumerate(zip(ends, starts, strict=True), 1):
            if gap_between(end, start, axis) >= least_gap:
                yield self._cell(first, words[begun], words[index - 1])
                begun = index
        yield self._cell(first, words[begun], words[-1])

    def _cell(self, first: int, word: re.Match[str], last_word: re.Match[str]) -> tuple[int, int, PdfRect]:
        start, end = word.start(), last_word.end()
        runs = self._font_runs(first + start, first + end - 1)
        return start, end, union(runs) if runs else (0.0, 0.0, 0.0, 0.0)

    def _char_boxes(self, indices: Sequence[int]) -> list[PdfRect]:
        """The bounds of each character."""
        return _read_rects(pdfium.get_char_box, self._page, indices, (_LEFT, _RIGHT, _BOTTOM, _TOP))

    def _font_runs(self, first: int, last: int) -> list[PdfRect]:
        """The bounds of the runs of characters in one font."""
        count = pdfium.count_rects(self._page, first, max(last - first + 1, 1))
        return self._rects(count)

    def _rects(self, count: int) -> list[PdfRect]:
        """The rectangles that `count_rects` has counted."""
        if count > _FEW:
            return _read_rects(pdfium.get_rect, self._page, range(count), (_LEFT, _TOP, _RIGHT, _BOTTOM))
        runs: list[PdfRect] = []
        for index in range(count):
            pdfium.get_rect(self._page, index, *self._edges_at)
            left, bottom, right, top = self._edges
            runs.append((left, bottom, right, top))
        return runs

    def _loose_char_box(self, index: int) -> PdfRect:
        """The bounds of a character's advance, from its font's descent to its ascent. Empty if it has none."""
        ((left, top, right, bottom),) = self._advances(min(index, self._count - 1), 1).tolist()
        return left, bottom, right, top

    def _box(self, bounds: PdfRect) -> PageBox:
        """Convert bounds to a box on the page, or to OUTSIDE."""
        box = self._to_page(*bounds)
        left, top, right, bottom = box
        if left >= 0 and top >= 0 and right <= 1 and bottom <= 1:
            return round(left, 5), round(top, 5), round(right, 5), round(bottom, 5)
        return clip(box) if is_on_page(box) else OUTSIDE

    def _how_drawn(self, index: int) -> _Drawn:
        """Return the style and the baseline of the text object of a character."""
        index = min(index, self._count - 1)
        text_object = pdfium.get_text_object(self._page, index) or 0
        found = self._drawn.get(text_object)
        if found is None:
            found = self._drawn[text_object] = self._read_drawn(text_object, index)
        return found

    def _read_drawn(self, text_object: int, index: int) -> _Drawn:
        page = self._page
        size, quarter, slope, baseline = pdfium.get_font_size(page, index), 0, 0.0, 0.0
        if pdfium.get_char_matrix(page, index, self._matrix_at):
            a, b, c, d, x, y = self._matrix
            size *= math.hypot(c, d)
            if size < 0:  # the glyphs are turned by half a circle
                size, a, b = -size, -a, -b
            baseline = -y
            if b or a < 0:  # `c` alone slants the glyphs and not the line
                angle = math.atan2(-b, a)
                quarters = round(angle / _QUARTER)
                slope = round(math.degrees(angle - quarters * _QUARTER), 2)
                quarter = quarters * 90 % 360
                baseline = -math.sin(angle) * x - math.cos(angle) * y
        invisible = text_object and pdfium.get_render_mode(text_object) in _INVISIBLE
        white = False
        if pdfium.get_fill_colour(page, index, *self._colour_at):
            red, green, blue, alpha = self._colour
            white = red >= _NEARLY_WHITE and green >= _NEARLY_WHITE and blue >= _NEARLY_WHITE
            invisible = invisible or not alpha
        source = self._objects.sources.get(text_object, BlockSource.TEXT_LAYER)
        return _Drawn(Style(size, quarter, slope, bool(invisible), white, source, self._is_bold(text_object)), baseline)

    def _is_bold(self, text_object: int) -> bool:
        """Return True if the font of a text object is bold."""
        font = pdfium.get_font(text_object) if text_object else 0
        if not font:
            return False
        found = self._bold_fonts.get(font)
        if found is None:
            length = pdfium.get_font_name(font, self._name_at, len(self._name))
            name = self._name[: max(0, min(length, len(self._name)) - 1)].tobytes().decode("utf-8", errors="replace")
            is_bold = bool(_BOLD.search(name)) or pdfium.get_font_flags(font) & _FORCE_BOLD > 0
            found = self._bold_fonts[font] = is_bold
        return found

    def _is_line_bold(self, spans: line_building.Line) -> bool:
        """Return True if a line is bold at its start, in its middle and at its end."""
        if not all(span.style.bold for span in spans):  # most lines
            return False
        last = spans[-1]  # a span may have several fonts
        length = len(last.text.rstrip())
        return all(self._how_drawn(last.first + at).style.bold for at in (length // 2, length - 1))

    def _text(self) -> str:
        """All text of the page, one character for each of PDFium's, with its line ends and hyphen marks."""
        if not self._count:
            return ""
        units = pdfium.read_units(self._textpage, self._count)
        text = units.tobytes().decode("utf-16-le", errors="surrogatepass")
        if len(text) == self._count:
            return text
        # PDFium has two characters for one beyond U+FFFF, and leaves out those without a code, which are zeros here.
        codes = units.tolist() if len(units) == self._count else self._codes()
        return "".join(map(chr, codes))

    def _codes(self) -> Iterator[int]:
        """The code of each character in UTF-16."""
        return map(pdfium.get_unicode, repeat(self._page), range(self._count))


def _addresses(values: array[Any]) -> list[int]:
    """The address of each value of an array; valid while the array exists and does not grow."""
    start, length = values.buffer_info()
    return [start + values.itemsize * index for index in range(length)]


def _with_type_height(bounds: PdfRect, span: Span) -> PdfRect:
    """The bounds of a line. A low line, of dots or dashes, gets the height of letters."""
    left, bottom, right, top = bounds
    height = _LETTER_HEIGHT * span.style.size
    if span.style.quarter or top - bottom >= _LOW * height or span.style.slope:
        return bounds
    return left, min(bottom, -span.baseline), right, max(top, height - span.baseline)


def _read_rects(function: pdfium.Function, page: int, indices: Sequence[int], order: Sequence[int]) -> list[PdfRect]:
    """The rectangles that a function writes for these indices; `order`: the order of edges in its arguments."""
    edges = pdfium.read_edges(function, page, indices, order).tolist()
    return [(left, bottom, right, top) for left, bottom, right, top in edges]
