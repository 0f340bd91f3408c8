"""PDFium and qpdf, and nothing else of this project, meet PDFs here. To be used in limited worker children only.

PDFium is not thread-safe: one thread of a process may use this module.
"""

from __future__ import annotations

import ctypes
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pikepdf
import pypdfium2 as pdfium
import pypdfium2.raw as raw
from numpy.typing import NDArray

from .errors import PageUnreadable, PdfEncrypted, PdfUnreadable, PdfWithoutPages, PdfWrongPassword

Box = tuple[float, float, float, float]  # left, top, right, bottom in 0-1 of the page as displayed
Image = NDArray[np.uint8]  # height x width x 3, RGB

POINTS_PER_INCH = 72
# PDFium's marks for a hyphen that it took out to join a word over two lines: older and newer builds differ.
_JOINED = re.compile("[\x02\ufffe]")
_LINE = re.compile("[^\r\n\x02\ufffe]+[\x02\ufffe]?")
# What a page of real text does not hold: the replacement character, private use, controls, unassigned (as `\0`).
_GARBLED = re.compile("[\ufffd\ue000-\uf8ff\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_GARBLED_SHARE = 0.1
# A page whose picture covers this much of it, and that holds fewer characters than this, is a scan with a stamp.
_SCAN_COVER = 0.5
_SCAN_TEXT = 100


@dataclass(frozen=True, kw_only=True)
class TextLine:
    """A line of a page's text layer."""

    text: str
    box: Box


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
            return list(self._lines(textpage))
        finally:
            textpage.close()

    def distrust(self, lines: list[TextLine]) -> str | None:
        """Why the text layer should not be taken for the page's text, or None where it may be."""
        text = "".join(line.text for line in lines)
        if not text.strip():
            return "no_text"
        if len(_GARBLED.findall(text)) > _GARBLED_SHARE * len(text):
            return "garbled_text"
        if len(text) < _SCAN_TEXT and self._image_cover() > _SCAN_COVER:
            return "text_beside_scan"
        return None

    def _lines(self, textpage: pdfium.PdfTextPage) -> Iterator[TextLine]:
        text = _text(textpage)
        to_display = self._to_display()
        left, top, right, bottom = (ctypes.c_double() for _ in range(4))
        for match in _LINE.finditer(text):
            line = _JOINED.sub("-", match[0]).strip()
            if not line:
                continue
            first = raw.FPDFText_GetCharIndexFromTextIndex(textpage, match.start())
            last = raw.FPDFText_GetCharIndexFromTextIndex(textpage, match.end() - 1)
            boxes = []
            # PDFium gives a rectangle per run of one font; a line's box holds all of its runs.
            for index in range(raw.FPDFText_CountRects(textpage, first, max(last - first + 1, 1))):
                raw.FPDFText_GetRect(textpage, index, left, top, right, bottom)
                boxes.append((left.value, bottom.value, right.value, top.value))
            if boxes:
                lefts, bottoms, rights, tops = zip(*boxes, strict=True)
                yield TextLine(text=line, box=to_display(min(lefts), min(bottoms), max(rights), max(tops)))

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

    def _image_cover(self) -> float:
        """The share of the page that its largest picture covers."""
        area = self.width_pt * self.height_pt
        cover = 0.0
        for picture in self._page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE], max_depth=3):
            left, bottom, right, top = picture.get_bounds()
            cover = max(cover, (right - left) * (top - bottom) / area if area else 0.0)
        return cover


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
        return _unit(min(xs)), _unit(min(ys)), _unit(max(xs)), _unit(max(ys))


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


def _text(textpage: pdfium.PdfTextPage) -> str:
    """All text of a page with PDFium's own line ends and marks."""
    count = raw.FPDFText_CountChars(textpage)
    if count <= 0:
        return ""
    # A character may take two UTF-16 units, and PDFium ends the text with a zero.
    buffer = (ctypes.c_ushort * (2 * count + 1))()
    written = raw.FPDFText_GetText(textpage, 0, count, buffer)
    return bytes(buffer)[: 2 * max(written - 1, 0)].decode("utf-16-le", errors="replace")


def _unit(value: float) -> float:
    return round(min(1.0, max(0.0, value)), 5)
