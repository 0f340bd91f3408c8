"""PDFium meets PDFs here and nowhere else, qpdf also in searchable.py. To be used in limited worker children only.

PDFium is not thread-safe: one thread of a process may use this module.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pikepdf
import pypdfium2 as pdfium
import pypdfium2.raw as raw
from numpy.typing import NDArray

from . import painting
from .errors import PageUnreadable, PdfEncrypted, PdfUnreadable, PdfWithoutPages, PdfWrongPassword
from .painting import Painting
from .text_layer import Box, TextLine, seen_parts
from .text_page import Affine, TextPage

Image = NDArray[np.uint8]  # height x width x 3, RGB

POINTS_PER_INCH = 72
# Covered text is looked for at this resolution, in images of at most this size: what changes when it is taken away?
_LOOK_DPI, _LOOK_PIXELS, _CHANGE = 100.0, 8_000_000, 24


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

    @cached_property
    def _painting(self) -> Painting:
        return Painting(self._page)

    def pixels(self, dpi: float) -> tuple[int, int]:
        """Width and height at this resolution."""
        scale = dpi / POINTS_PER_INCH
        return max(1, math.ceil(self.width_pt * scale)), max(1, math.ceil(self.height_pt * scale))

    def render(self, dpi: float, max_pixels: int) -> Rendered:
        """The page as displayed, at `dpi`, or at as much as `max_pixels` allow; raises `PageUnreadable`."""
        dpi = self._affordable(dpi, max_pixels)
        return Rendered(image=self._drawn(dpi), dpi=dpi)

    def _affordable(self, dpi: float, max_pixels: int) -> float:
        width, height = self.pixels(dpi)
        if width * height > max_pixels:
            dpi *= math.sqrt(max_pixels / (width * height))
        while math.prod(self.pixels(dpi)) > max_pixels:  # sides are whole pixels, and at least one
            dpi *= 0.999
        return dpi

    def _drawn(self, dpi: float, above: int = 0, below: int = 0) -> Image:
        """The page without so many rows of pixels at its head and foot."""
        scale = dpi / POINTS_PER_INCH
        cut = tuple(max(0.0, rows / scale - 1e-6) for rows in (0, below, 0, above))  # pypdfium2 makes pixels of it
        try:
            bitmap = self._page.render(scale=scale, crop=cut, rev_byteorder=True)
            return np.array(bitmap.to_numpy()[:, :, :3])  # a copy: the bitmap's memory goes with the bitmap
        except (pdfium.PdfiumError, ValueError) as error:
            raise PageUnreadable("The page cannot be rendered.") from error

    def text_lines(self) -> list[TextLine]:
        """The text layer, line by line, in the order of the PDF; raises `PageUnreadable`."""
        try:
            textpage = self._page.get_textpage()
        except pdfium.PdfiumError as error:
            raise PageUnreadable("The page's text cannot be loaded.") from error
        try:
            layer = TextPage(textpage.raw, self._to_display(), self.rotation, self._painting)
            lines = layer.lines()
            return self._uncovered(lines, layer.covered) if layer.covered else lines
        finally:
            textpage.close()

    def _uncovered(self, lines: list[TextLine], pieces: list[int]) -> list[TextLine]:
        """The lines, in which words are hidden without which the page looks the same; `pieces` are their objects."""
        boxes = [word.box for line in lines for word in line.words]
        if not boxes:  # what is covered lies outside the page
            return lines
        dpi = self._affordable(_LOOK_DPI, _LOOK_PIXELS)
        width, height = self.pixels(dpi)
        first, end = int(height * min(box[1] for box in boxes)), math.ceil(height * max(box[3] for box in boxes))
        strip = first, max(0, min(height - end, height - first - 1))
        shown = self._drawn(dpi, *strip).astype(np.int16)
        with painting.without(pieces):
            bare = self._drawn(dpi, *strip)
        changed = (np.abs(shown - bare) > _CHANGE).any(axis=2)

        def is_seen(box: Box) -> bool:
            left, right = int(box[0] * width), math.ceil(box[2] * width)
            top, bottom = int(box[1] * height) - first, math.ceil(box[3] * height) - first
            return bool(changed[max(0, top) : bottom, left:right].any())

        return [part for line in lines for part in seen_parts(line, is_seen)]

    def _to_display(self) -> Affine:
        """From PDF points to 0-1 of the page as displayed, with crop box, rotation and user unit in it."""
        size = 1 << 20  # PDFium answers in whole pixels, so it is asked about a large page
        span_pt = 1000.0
        x, y = ctypes.c_int(), ctypes.c_int()

        def at(page_x: float, page_y: float) -> tuple[float, float]:
            raw.FPDF_PageToDevice(self._page, 0, 0, size, size, 0, page_x, page_y, x, y)
            return x.value / size, y.value / size

        origin, along_x, along_y = at(0, 0), at(span_pt, 0), at(0, span_pt)
        return Affine(
            origin=origin,
            x=((along_x[0] - origin[0]) / span_pt, (along_x[1] - origin[1]) / span_pt),
            y=((along_y[0] - origin[0]) / span_pt, (along_y[1] - origin[1]) / span_pt),
        )

    def rules(self) -> list[Box]:
        """Lines drawn along or up the page, as boxes, not clipped."""
        rules = self._painting.rules()
        place = self._to_display() if rules else None
        return [place(*bounds) for bounds in rules] if place else []

    def picture_bytes(self) -> dict[str, int]:
        """Bytes of the page's pictures as they are stored, by the filter that unpacks them."""
        return self._painting.picture_bytes()

    def picture_cover(self) -> float:
        """The share of the page that its largest picture covers."""
        place = self._to_display()
        cover = 0.0
        for bounds in self._painting.pictures():
            box = place(*bounds)
            wide, high = min(box[2], 1) - max(box[0], 0), min(box[3], 1) - max(box[1], 0)
            cover = max(cover, wide * high if min(wide, high) > 0 else 0.0)
        return cover


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
