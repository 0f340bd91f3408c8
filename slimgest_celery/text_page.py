"""The lines of a page as PDFium gives them. For pdf.py only."""

from __future__ import annotations

import ctypes
import math
import re
from array import array
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import numpy as np
import pypdfium2.raw as raw

from . import pdfium_calls as calls
from .painting import Painting
from .text_layer import (
    CELL_GAP,
    OUTSIDE,
    Bounds,
    Box,
    TextLine,
    clipped,
    gap,
    is_inside,
    may_be_divided,
    plain,
    slope_of,
    union,
)

_LINE = re.compile("[^\r\n\x02\ufffe]+[\x02\ufffe]?")
_WORD = re.compile(r"\.(?: \.)+(?=\s|$)|\S+")  # dots that lead to a number are one
_ASKEW = re.compile("[^\\s\x02\ufffe]+[\x02\ufffe]?")
_QUARTER = math.pi / 2
_INVISIBLE = (raw.FPDF_TEXTRENDERMODE_INVISIBLE, raw.FPDF_TEXTRENDERMODE_CLIP)
_NEARLY_WHITE = 245
_FLAT_PT = 0.5
_TYPE = 0.85  # of the size of type: a gap this wide is no space
_TALLEST = 1.5  # heights of a line, as which its type may count: sizes of some fonts say nothing
_LOW = 0.5  # of the height of its line
_FEW = 4  # runs, of which more are asked for at once
_LEFT, _BOTTOM, _RIGHT, _TOP = range(4)  # the order of edges in bounds


@dataclass(frozen=True, kw_only=True)
class Affine:
    """From PDF points to 0-1 of the page as displayed, with crop box, rotation and user unit in it."""

    origin: tuple[float, float]
    x: tuple[float, float]
    y: tuple[float, float]

    def __call__(self, left: float, bottom: float, right: float, top: float) -> Box:
        """These bounds as a box, not clipped."""
        (x0, y0), (xx, xy), (yx, yy) = self.origin, self.x, self.y
        if xy == yx == 0 and xx > 0 > yy:  # most pages are not turned
            return x0 + xx * left, y0 + yy * top, x0 + xx * right, y0 + yy * bottom
        x1, x2 = x0 + xx * left + yx * bottom, x0 + xx * right + yx * top
        y1, y2 = y0 + xy * left + yy * bottom, y0 + xy * right + yy * top
        return min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)


class TextPage:
    """Reads one text page; valid as long as that is open. `rotation` is /Rotate, degrees clockwise."""

    def __init__(self, textpage: object, place: Affine, rotation: int, painted: Painting) -> None:
        self._textpage = textpage
        self._page = calls.address_of(textpage)
        self._place = place
        self._rotation = rotation
        self._painted = painted
        self.covered: list[int] = []  # the text objects that something painted later may hide
        self._count = max(0, raw.FPDFText_CountChars(textpage))
        # What PDFium writes its answers to. Edges are kept as left, bottom, right, top.
        self._edges = array("d", bytes(32))
        left, bottom, right, top = _addresses(self._edges)
        self._edges_at = left, top, right, bottom
        self._matrix = array("f", bytes(24))
        self._matrix_at = _addresses(self._matrix)[0]
        self._colour = array("I", bytes(16))
        self._colour_at = _addresses(self._colour)

    def lines(self) -> list[TextLine]:
        """The lines on the page, in the PDF's order; what lies outside the page is left out."""
        found: list[TextLine] = []
        text = self._text()
        # One text unit a character, unless some characters have none: then PDFium must be asked.
        exact = len(text) == self._count
        for match in _LINE.finditer(text):
            whole = match[0]
            if whole.isspace():
                continue
            first, last = match.start(), match.end() - 1
            if not exact:
                first, last = (raw.FPDFText_GetCharIndexFromTextIndex(self._textpage, n) for n in (first, last))
            if runs := self._runs(first, last):
                found += self._parts(whole, first, last, runs)
        if slope_of(found):
            found = list(self._words(text))
        return [line for line in found if line.box is not OUTSIDE]

    def _words(self, text: str) -> Iterator[TextLine]:
        """The words of a page whose text lies askew: of its lines, PDFium makes one, or many."""
        exact = len(text) == self._count
        for match in _ASKEW.finditer(text):
            first, last = match.start(), match.end() - 1
            if not exact:
                first, last = (raw.FPDFText_GetCharIndexFromTextIndex(self._textpage, n) for n in (first, last))
            if runs := self._runs(first, last):
                bounds = union(runs)
                line = self._styled(match[0], self._box(bounds), first)
                yield self._in_words(line, bounds, match[0] if exact else "", first)

    def _parts(self, whole: str, first: int, last: int, runs: list[Bounds]) -> Sequence[TextLine]:
        """A line, divided where it has wide gaps."""
        bounds = union(runs)
        index = first + len(whole) - len(whole.lstrip())
        if bounds[2] - bounds[0] < _FLAT_PT or bounds[3] - bounds[1] < _FLAT_PT:  # a font without glyphs
            bounds = union([bounds, self._loose(index, bounds), self._loose(last, bounds)])
        line = self._styled(whole, self._box(bounds), index)
        axis = 0 if (line.turned - self._rotation) % 180 == 0 else 1
        height = max(bounds[3 - axis] - bounds[1 - axis], 1e-6)
        # Letters without descenders are lower than their type, whose spaces are wide where all letters are.
        least_gap = CELL_GAP * max(height, min(_TYPE * line.size, _TALLEST * height))
        exact = last - first + 1 == len(whole)
        if not exact or not may_be_divided(runs, axis, least_gap, len(whole)):
            return (self._in_words(line, bounds, whole if exact else "", first),)
        parts = []
        for start, end, part in self._cells(whole, first, axis, least_gap):
            cell = line._replace(text=plain(whole[start:end]), box=self._box(_as_high(part, bounds, axis)))
            parts.append(self._in_words(cell, part, whole[start:end], first + start))
        return parts

    def _in_words(self, line: TextLine, bounds: Bounds, text: str, first: int) -> TextLine:
        """The line, with its words where something painted later lies over some of them.

        `text` is that of PDFium's characters from `first` on.
        """
        painted = self._painted
        last = painted.last_over(bounds)
        if last < 0 or line.hidden or not text or not painted.is_before(self._object(first), last):
            return line
        words = []
        for word in _WORD.finditer(text):
            _, _, bounds = self._cell(first, word, word)
            pieces = set(map(self._object, range(first + word.start(), first + word.end())))
            last = painted.last_over(bounds)
            under = [piece for piece in pieces if painted.is_before(piece, last)]
            self.covered += under
            words.append(line._replace(text=plain(word[0]), box=self._box(bounds), under=bool(under)))
        return line._replace(words=tuple(words)) if any(word.under for word in words) else line

    def _object(self, index: int) -> int:
        """The text object that a character is of, by address; 0: none."""
        return calls.text_object(self._page, min(index, self._count - 1)) or 0

    def _cells(self, whole: str, first: int, axis: int, least_gap: float) -> Iterator[tuple[int, int, Bounds]]:
        """The parts of a line that wide gaps divide: where each starts and ends in its text, and its bounds."""
        words = list(_WORD.finditer(whole))
        # A word's own bounds would cost ten times as much as its first and last characters'.
        starts = self._characters([first + word.start() for word in words[1:]])
        ends = self._characters([first + word.end() - 1 for word in words[:-1]])
        begun = 0
        for index, (end, start) in enumerate(zip(ends, starts, strict=True), 1):
            if gap(end, start, axis) >= least_gap:
                yield self._cell(first, words[begun], words[index - 1])
                begun = index
        yield self._cell(first, words[begun], words[-1])

    def _cell(self, first: int, word: re.Match[str], last_word: re.Match[str]) -> tuple[int, int, Bounds]:
        start, end = word.start(), last_word.end()
        runs = self._runs(first + start, first + end - 1)
        return start, end, union(runs) if runs else (0.0, 0.0, 0.0, 0.0)

    def _characters(self, indices: Sequence[int]) -> list[Bounds]:
        """The bounds of each of these characters."""
        return _many(calls.char_box, self._page, indices, (_LEFT, _RIGHT, _BOTTOM, _TOP))

    def _runs(self, first: int, last: int) -> list[Bounds]:
        """The bounds of these characters' runs of one font each."""
        count = calls.count_rects(self._page, first, max(last - first + 1, 1))
        if count > _FEW:
            return _many(calls.rect, self._page, range(count), (_LEFT, _TOP, _RIGHT, _BOTTOM))
        runs: list[Bounds] = []
        for index in range(count):
            calls.rect(self._page, index, *self._edges_at)
            left, bottom, right, top = self._edges
            runs.append((left, bottom, right, top))
        return runs

    def _loose(self, index: int, otherwise: Bounds) -> Bounds:
        """The bounds of a character by its font's ascent and descent."""
        bounds = raw.FS_RECTF()
        if not raw.FPDFText_GetLooseCharBox(self._textpage, min(index, self._count - 1), bounds):
            return otherwise
        return bounds.left, bounds.bottom, bounds.right, bounds.top

    def _box(self, bounds: Bounds) -> Box:
        """A box on the page, or OUTSIDE."""
        box = self._place(*bounds)
        left, top, right, bottom = box
        if left >= 0 and top >= 0 and right <= 1 and bottom <= 1:
            return round(left, 5), round(top, 5), round(right, 5), round(bottom, 5)
        return clipped(box) if is_inside(box) else OUTSIDE

    def _styled(self, whole: str, box: Box, index: int) -> TextLine:
        """A line with what its first character says of type and colour."""
        index = min(index, self._count - 1)
        page = self._page
        size, turned, slope = calls.font_size(page, index), self._rotation, 0.0
        if calls.matrix(page, index, self._matrix_at):
            a, _, c, d, _, _ = self._matrix
            size *= math.hypot(c, d)
            if c or a < 0:
                angle = math.atan2(c, a)
                quarters = round(angle / _QUARTER)
                slope = round(math.degrees(angle - quarters * _QUARTER), 2)
                turned = (turned + quarters * 90) % 360
        piece = calls.text_object(page, index)
        unseen = piece is not None and calls.render_mode(piece) in _INVISIBLE
        white = False
        if calls.fill_colour(page, index, *self._colour_at):
            red, green, blue, alpha = self._colour
            white = red >= _NEARLY_WHITE and green >= _NEARLY_WHITE and blue >= _NEARLY_WHITE
            unseen = unseen or not alpha
        return TextLine(plain(whole), box, round(size, 1), turned, unseen, white, slope=slope)

    def _text(self) -> str:
        """All text of the page with PDFium's own line ends and marks."""
        if not self._count:
            return ""
        # A character may take two UTF-16 units, and PDFium ends the text with a zero.
        buffer = np.empty(2 * self._count + 1, dtype=np.uint16)
        into = ctypes.cast(buffer.ctypes.data, ctypes.POINTER(ctypes.c_ushort))
        written = raw.FPDFText_GetText(self._textpage, 0, self._count, into)
        return buffer[: max(written - 1, 0)].tobytes().decode("utf-16-le", errors="replace")


def _addresses(values: array[Any]) -> list[int]:
    """Where each value of an array stands in memory, as long as the array lives and does not grow."""
    start, length = values.buffer_info()
    return [start + values.itemsize * index for index in range(length)]


def _as_high(cell: Bounds, line: Bounds, axis: int) -> Bounds:
    """The bounds of a cell; where it is low, as dots and dashes are, it is as high as the line that it stands in."""
    low = cell[3 - axis] - cell[1 - axis] < _LOW * (line[3 - axis] - line[1 - axis])
    if not low:
        return cell
    left, bottom, right, top = cell
    return (left, line[1], right, line[3]) if axis == 0 else (line[0], bottom, line[2], top)


def _many(call: calls.Call, page: int, indices: Sequence[int], order: Sequence[int]) -> list[Bounds]:
    """What a function writes for each of these indices; `order` is that in which it takes the places of edges."""
    found = np.zeros((len(indices), 4))
    start, size = found.ctypes.data, found.itemsize
    edges = (range(start + size * edge, start + size * edge + found.nbytes, 4 * size) for edge in order)
    deque(map(call, repeat(page), indices, *edges), maxlen=0)
    return [(left, bottom, right, top) for left, bottom, right, top in found.tolist()]
