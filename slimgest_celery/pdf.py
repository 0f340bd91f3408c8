"""PDFium meets PDFs here and nowhere else, qpdf also in searchable.py. To be used in limited worker children only.

PDFium is not thread-safe: one thread of a process may use this module.
"""

from __future__ import annotations

import ctypes
import math
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pikepdf
import pypdfium2 as pdfium
import pypdfium2.raw as raw
from numpy.typing import NDArray

from . import painting
from .errors import PageUnreadable, PdfEncrypted, PdfUnreadable, PdfWithoutPages, PdfWrongPassword
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
    seen_parts,
    union,
)

Image = NDArray[np.uint8]  # height x width x 3, RGB

Place = Callable[[float, float, float, float], Box]  # left, bottom, right, top in points to a box, not clipped

POINTS_PER_INCH = 72
_LINE = re.compile("[^\r\n\x02\ufffe]+[\x02\ufffe]?")
_WORD = re.compile(r"\S+")
_QUARTER = math.pi / 2
_INVISIBLE = (raw.FPDF_TEXTRENDERMODE_INVISIBLE, raw.FPDF_TEXTRENDERMODE_CLIP)
_NEARLY_WHITE = 245
_FLAT_PT = 0.5
# Covered text is looked for at this resolution, in images of at most this size: what changes when it is taken away?
_LOOK_DPI, _LOOK_PIXELS, _CHANGE = 100.0, 8_000_000, 24
_ENDS = 100  # objects looked at for pictures, from either end of a page's


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """A page as an image."""

    image: Image
    dpi: float  # as rendered: lower than asked for where the page would have been too large


class PdfPage:
    """A page of an open PDF; valid while the `page` context that gave it lasts."""

    def __init__(self, page: pdfium.PdfPage) -> None:
        self._page = page
        self.width_pt, self.height_pt = page.get_size()  # as displayed, in points
        self.rotation = page.get_rotation()  # /Rotate, degrees clockwise

    def pixels(self, dpi: float) -> tuple[int, int]:
        """Width and height at this resolution."""
        scale = dpi / POINTS_PER_INCH
        return max(1, math.ceil(self.width_pt * scale)), max(1, math.ceil(self.height_pt * scale))

    def render(self, dpi: float, max_pixels: int) -> Rendered:
        """The page as displayed, at `dpi`, or at as much as `max_pixels` allow; raises `PageUnreadable`."""
        width, height = self.pixels(dpi)
        if width * height > max_pixels:
            dpi *= math.sqrt(max_pixels / (width * height))
        while math.prod(self.pixels(dpi)) > max_pixels:  # sides are whole pixels, and at least one
            dpi *= 0.999
        try:
            bitmap = self._page.render(scale=dpi / POINTS_PER_INCH, rev_byteorder=True)
            # A copy: the bitmap's memory goes with the bitmap.
            return Rendered(image=np.array(bitmap.to_numpy()[:, :, :3]), dpi=dpi)
        except (pdfium.PdfiumError, ValueError) as error:
            raise PageUnreadable("The page cannot be rendered.") from error

    def text_lines(self) -> list[TextLine]:
        """The text layer, line by line, in the order of the PDF; raises `PageUnreadable`."""
        try:
            textpage = self._page.get_textpage()
        except pdfium.PdfiumError as error:
            raise PageUnreadable("The page's text cannot be loaded.") from error
        try:
            layer = _TextLayer(textpage.raw, self._to_display(), self.rotation, Painting(self._page))
            lines = layer.lines()
            return self._uncovered(lines, layer.covered) if layer.covered else lines
        finally:
            textpage.close()

    def _uncovered(self, lines: list[TextLine], pieces: list[Any]) -> list[TextLine]:
        """The lines, in which words are hidden without which the page looks the same; `pieces` are their objects."""
        shown = self.render(_LOOK_DPI, _LOOK_PIXELS).image.astype(np.int16)
        with painting.without(pieces):
            bare = self.render(_LOOK_DPI, _LOOK_PIXELS).image
        changed = (np.abs(shown - bare) > _CHANGE).any(axis=2)

        def is_seen(box: Box) -> bool:
            height, width = changed.shape
            left, right = int(box[0] * width), math.ceil(box[2] * width)
            top, bottom = int(box[1] * height), math.ceil(box[3] * height)
            return bool(changed[top:bottom, left:right].any())

        return [part for line in lines for part in seen_parts(line, is_seen)]

    def _to_display(self) -> _Affine:
        """From PDF points to 0-1 of the page as displayed, with crop box, rotation and user unit in it."""
        size = 1 << 20  # PDFium answers in whole pixels, so it is asked about a large page
        span_pt = 1000.0
        x, y = ctypes.c_int(), ctypes.c_int()

        def at(page_x: float, page_y: float) -> tuple[float, float]:
            raw.FPDF_PageToDevice(self._page, 0, 0, size, size, 0, page_x, page_y, x, y)
            return x.value / size, y.value / size

        origin, along_x, along_y = at(0, 0), at(span_pt, 0), at(0, span_pt)
        return _Affine(
            origin=origin,
            x=((along_x[0] - origin[0]) / span_pt, (along_x[1] - origin[1]) / span_pt),
            y=((along_y[0] - origin[0]) / span_pt, (along_y[1] - origin[1]) / span_pt),
        )

    def picture_cover(self) -> float:
        """The share of the page that its largest picture covers."""
        place = self._to_display()
        left, bottom, right, top = (ctypes.c_float() for _ in range(4))
        cover = 0.0
        for piece in self._pictures():
            if raw.FPDFPageObj_GetBounds(piece, left, bottom, right, top):
                box = place(left.value, bottom.value, right.value, top.value)
                wide, high = min(box[2], 1) - max(box[0], 0), min(box[3], 1) - max(box[1], 0)
                cover = max(cover, wide * high if min(wide, high) > 0 else 0.0)
        return cover

    def _pictures(self) -> Iterator[object]:
        """Pictures on the page, and forms, which may hold some: of many objects the first and last ones.

        A scan's picture is the first object or the last; a drawing has thousands of others.
        """
        count = raw.FPDFPage_CountObjects(self._page)
        looked_at = range(count) if count <= 2 * _ENDS else (*range(_ENDS), *range(count - _ENDS, count))
        for index in looked_at:
            piece = raw.FPDFPage_GetObject(self._page, index)
            kind = raw.FPDFPageObj_GetType(piece)
            if kind == raw.FPDF_PAGEOBJ_IMAGE or (kind == raw.FPDF_PAGEOBJ_FORM and _holds_picture(piece)):
                yield piece


class _TextLayer:
    """Reads one text page; valid as long as that is open."""

    def __init__(self, textpage: ctypes.c_void_p, place: Place, rotation: int, painted: Painting) -> None:
        self._page = textpage
        self._painted = painted
        self.covered: list[Any] = []  # the text objects that something painted later may hide
        self._place = place
        self._rotation = rotation  # /Rotate, degrees clockwise
        self._count = max(0, raw.FPDFText_CountChars(textpage))
        self._edges = tuple(ctypes.c_double() for _ in range(4))
        self._edge_references = tuple(map(ctypes.byref, self._edges))
        self._matrix = raw.FS_MATRIX()
        self._matrix_reference = ctypes.byref(self._matrix)
        self._colour = tuple(ctypes.c_uint() for _ in range(4))
        self._colour_references = tuple(map(ctypes.byref, self._colour))

    def lines(self) -> list[TextLine]:
        """The lines on the page, in the PDF's order; what lies outside the page is left out."""
        return [line for line in self._lines() if line.box is not OUTSIDE]

    def _lines(self) -> Iterator[TextLine]:
        text = self._text()
        # One text unit a character, unless some characters have none: then PDFium must be asked.
        exact = len(text) == self._count
        for match in _LINE.finditer(text):
            whole = match[0]
            if whole.isspace():
                continue
            first, last = match.start(), match.end() - 1
            if not exact:
                first, last = (raw.FPDFText_GetCharIndexFromTextIndex(self._page, index) for index in (first, last))
            yield from self._line(whole, first, last)

    def _line(self, whole: str, first: int, last: int) -> Iterator[TextLine]:
        runs = self._runs(first, last)
        if not runs:
            return
        bounds = union(runs)
        index = first + len(whole) - len(whole.lstrip())
        if min(bounds[2] - bounds[0], bounds[3] - bounds[1]) < _FLAT_PT:  # a font that is not embedded has no glyphs
            bounds = union([bounds, self._loose(index, bounds), self._loose(last, bounds)])
        line = self._styled(whole, self._box(bounds), index)
        axis = 0 if (line.turned - self._rotation) % 180 == 0 else 1
        least_gap = CELL_GAP * max(bounds[3 - axis] - bounds[1 - axis], 1e-6)
        if last - first + 1 != len(whole) or not may_be_divided(runs, axis, least_gap, len(whole)):
            exact = last - first + 1 == len(whole)
            yield self._in_words(line, bounds, whole if exact else "", first)
            return
        for start, end, bounds in self._cells(whole, first, axis, least_gap):
            cell = replace(line, text=plain(whole[start:end]), box=self._box(bounds))
            yield self._in_words(cell, bounds, whole[start:end], first + start)

    def _in_words(self, line: TextLine, bounds: Bounds, text: str, first: int) -> TextLine:
        """The line, with its words where something painted later lies over some of them.

        `text` is that of PDFium's characters from `first` on.
        """
        if line.hidden or not text or not self._painted.may_hide(self._object(first), bounds):
            return line
        words = []
        for word in _WORD.finditer(text):
            _, _, bounds = self._cell(first, word, word)
            pieces = map(self._object, range(first + word.start(), first + word.end()))
            under = [piece for piece in pieces if self._painted.may_hide(piece, bounds)]
            self.covered += under
            words.append(replace(line, text=plain(word[0]), box=self._box(bounds), under=bool(under)))
        return replace(line, words=tuple(words)) if any(word.under for word in words) else line

    def _object(self, index: int) -> Any:
        """The text object that a character is of."""
        return raw.FPDFText_GetTextObject(self._page, min(index, self._count - 1))

    def _cells(self, whole: str, first: int, axis: int, least_gap: float) -> Iterator[tuple[int, int, Bounds]]:
        """The parts of a line that wide gaps divide: where each starts and ends in its text, and its bounds."""
        words = list(_WORD.finditer(whole))
        begun = 0
        for index in range(1, len(words)):
            # A word's own bounds would cost ten times as much as its first and last characters'.
            end, start = (
                self._character(first + words[index - 1].end() - 1),
                self._character(first + words[index].start()),
            )
            if gap(end, start, axis) >= least_gap:
                yield self._cell(first, words[begun], words[index - 1])
                begun = index
        yield self._cell(first, words[begun], words[-1])

    def _cell(self, first: int, word: re.Match[str], last_word: re.Match[str]) -> tuple[int, int, Bounds]:
        start, end = word.start(), last_word.end()
        runs = self._runs(first + start, first + end - 1)
        return start, end, union(runs) if runs else (0.0, 0.0, 0.0, 0.0)

    def _character(self, index: int) -> Bounds:
        left, top, right, bottom = self._edges
        left_reference, top_reference, right_reference, bottom_reference = self._edge_references
        # This one asks for left, right, bottom, top.
        raw.FPDFText_GetCharBox(self._page, index, left_reference, right_reference, bottom_reference, top_reference)
        return left.value, bottom.value, right.value, top.value

    def _box(self, bounds: Bounds) -> Box:
        """A box on the page, or OUTSIDE."""
        box = self._place(*bounds)
        left, top, right, bottom = box
        if left >= 0 and top >= 0 and right <= 1 and bottom <= 1:
            return round(left, 5), round(top, 5), round(right, 5), round(bottom, 5)
        return clipped(box) if is_inside(box) else OUTSIDE

    def _runs(self, first: int, last: int) -> list[Bounds]:
        """The bounds of these characters' runs of one font each."""
        left, top, right, bottom = self._edges
        runs = []
        for index in range(raw.FPDFText_CountRects(self._page, first, max(last - first + 1, 1))):
            raw.FPDFText_GetRect(self._page, index, *self._edge_references)
            runs.append((left.value, bottom.value, right.value, top.value))
        return runs

    def _loose(self, index: int, otherwise: Bounds) -> Bounds:
        """The bounds of a character by its font's ascent and descent."""
        bounds = raw.FS_RECTF()
        if not raw.FPDFText_GetLooseCharBox(self._page, min(index, self._count - 1), bounds):
            return otherwise
        return bounds.left, bounds.bottom, bounds.right, bounds.top

    def _styled(self, whole: str, box: Box, index: int) -> TextLine:
        """A line with what its first character says of type and colour."""
        index = min(index, self._count - 1)
        page, matrix = self._page, self._matrix
        size = raw.FPDFText_GetFontSize(page, index)
        if raw.FPDFText_GetMatrix(page, index, self._matrix_reference):
            size *= math.hypot(matrix.c, matrix.d)
        angle = round(raw.FPDFText_GetCharAngle(page, index) / _QUARTER) * 90
        piece = self._object(index)
        red, green, blue, alpha = self._colour
        known = raw.FPDFText_GetFillColor(page, index, *self._colour_references)
        unseen = bool(piece) and raw.FPDFTextObj_GetTextRenderMode(piece) in _INVISIBLE
        return TextLine(
            text=plain(whole),
            box=box,
            size=round(size, 1),
            turned=(angle + self._rotation) % 360,
            hidden=unseen or bool(known and not alpha.value),
            white=bool(known) and min(red.value, green.value, blue.value) >= _NEARLY_WHITE,
        )

    def _text(self) -> str:
        """All text of the page with PDFium's own line ends and marks."""
        if not self._count:
            return ""
        # A character may take two UTF-16 units, and PDFium ends the text with a zero.
        buffer = (ctypes.c_ushort * (2 * self._count + 1))()
        written = raw.FPDFText_GetText(self._page, 0, self._count, buffer)
        return bytes(buffer)[: 2 * max(written - 1, 0)].decode("utf-16-le", errors="replace")


@dataclass(frozen=True, kw_only=True)
class _Affine:
    origin: tuple[float, float]
    x: tuple[float, float]
    y: tuple[float, float]

    def __call__(self, left: float, bottom: float, right: float, top: float) -> Box:
        corners = [
            (self.origin[0] + self.x[0] * px + self.y[0] * py, self.origin[1] + self.x[1] * px + self.y[1] * py)
            for px, py in ((left, bottom), (right, top))
        ]
        xs, ys = zip(*corners, strict=True)
        return min(xs), min(ys), max(xs), max(ys)


class Pdf:
    """An open PDF."""

    def __init__(self, document: pdfium.PdfDocument) -> None:
        self._document = document

    def __len__(self) -> int:
        return len(self._document)

    @contextmanager
    def page(self, page_number: int) -> Iterator[PdfPage]:
        """The page with this 1-based number; raises `PageUnreadable`."""
        try:
            page = self._document[page_number - 1]
        except (pdfium.PdfiumError, IndexError) as error:
            raise PageUnreadable("The page cannot be loaded.") from error
        try:
            yield PdfPage(page)
        finally:
            page.close()

    def close(self) -> None:
        self._document.close()


def open_pdf(path: Path, password: str | None = None) -> Pdf:
    """Opens a PDF; raises `PdfEncrypted`, `PdfWrongPassword`, `PdfWithoutPages` or `PdfUnreadable`."""
    try:
        document = pdfium.PdfDocument(path, password=password)
    except pdfium.PdfiumError as error:
        raise _cause(path, password) from error
    if len(document) == 0:
        document.close()
        raise PdfWithoutPages
    return Pdf(document)


def _cause(path: Path, password: str | None) -> Exception:
    """Why PDFium refused a file. Its own error code may be that of an earlier file, so qpdf is asked."""
    try:
        with pikepdf.open(path, password=password or "") as document:
            return PdfUnreadable() if document.pages else PdfWithoutPages()
    except pikepdf.PasswordError:
        return PdfWrongPassword() if password else PdfEncrypted()
    except (pikepdf.PdfError, OSError, ValueError, RecursionError):
        return PdfUnreadable()


def _holds_picture(form: object) -> bool:
    pieces = range(min(raw.FPDFFormObj_CountObjects(form), _ENDS))
    kinds = (raw.FPDFPageObj_GetType(raw.FPDFFormObj_GetObject(form, index)) for index in pieces)
    return any(kind == raw.FPDF_PAGEOBJ_IMAGE for kind in kinds)
