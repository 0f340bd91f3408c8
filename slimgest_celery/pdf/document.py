"""Open PDFs with PDFium: pages, text lines, rendered images. For limited worker children only.

PDFium is not thread-safe: one thread of a process may use this module.
"""

from __future__ import annotations

import ctypes
import math
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pikepdf
import pypdfium2 as pdfium
import pypdfium2.raw as raw
from numpy.typing import NDArray

from slimgest_celery.errors import PageUnreadable, PdfEncrypted, PdfUnreadable, PdfWithoutPages, PdfWrongPassword
from slimgest_celery.geometry import PageBox, PdfRect, clip
from slimgest_celery.pdf import flattening, page_objects
from slimgest_celery.pdf.fonts.font_maps import FontMaps
from slimgest_celery.pdf.fonts.suspicion import NO_ERRORS, Suspicion, find_map_errors, has_gaps
from slimgest_celery.pdf.page_objects import PageObjects
from slimgest_celery.pdf.text_extraction import Affine, TextPage
from slimgest_celery.pdf.text_line import TextLine, split_hidden

Image = NDArray[np.uint8]  # height x width x 3, RGB

POINTS_PER_INCH = 72
# To find covered text, the page is rendered with and without the text, at this resolution and at most this size.
# A pixel that changes by more than this belongs to visible text.
_MIN_FIGURE, _MAX_FIGURE, _MIN_FIGURE_SIDE = 0.01, 0.6, 0.05  # share of the page's area, and of its sides
_COMPARE_DPI, _COMPARE_PIXELS, _CHANGE = 100.0, 8_000_000, 24


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """A page as an image."""

    image: Image
    dpi: float  # as rendered: lower than requested if the page would have been too large


class PageImage(NamedTuple):
    """An image of a page. Valid while the page is open."""

    item: int  # of PDFium
    box: PageBox  # clipped to the page
    salt: bytes  # of the open PDF

    def hash(self) -> int:
        """Return a hash of its data; the same for an image that several pages of the open PDF share."""
        return page_objects.hash_image(self.item, self.salt)


class PdfPage:
    """A page of an open PDF. Valid within the context of `Pdf.page`."""

    def __init__(self, page: pdfium.PdfPage, page_number: int, pdf: Pdf) -> None:
        self._page = page
        self._page_number = page_number
        self._pdf = pdf
        self.width_pt, self.height_pt = page.get_size()  # as displayed, in points
        self.rotation = page.get_rotation()  # /Rotate, degrees clockwise
        self.map_errors = NO_ERRORS  # known after `text_lines`

    @cached_property
    def _objects(self) -> PageObjects:
        return PageObjects(self._page, self._pdf.flattened.get(self._page_number))

    def pixels(self, dpi: float) -> tuple[int, int]:
        """Width and height at this resolution."""
        scale = dpi / POINTS_PER_INCH
        return max(1, math.ceil(self.width_pt * scale)), max(1, math.ceil(self.height_pt * scale))

    def render(self, dpi: float, max_pixels: int) -> Rendered:
        """Render the page as displayed at `dpi`, or lower to fit `max_pixels`. Raises `PageUnreadable`."""
        dpi = self._dpi_within(dpi, max_pixels)
        return Rendered(image=self._render_strip(dpi), dpi=dpi)

    def _dpi_within(self, dpi: float, max_pixels: int) -> float:
        width, height = self.pixels(dpi)
        if width * height > max_pixels:
            dpi *= math.sqrt(max_pixels / (width * height))
        while math.prod(self.pixels(dpi)) > max_pixels:  # sides are whole pixels, and at least one
            dpi *= 0.999
        return dpi

    def _render_strip(self, dpi: float, above: int = 0, below: int = 0) -> Image:
        """Render the page without this many rows of pixels at its top and bottom."""
        scale = dpi / POINTS_PER_INCH
        cut = tuple(max(0.0, rows / scale - 1e-6) for rows in (0, below, 0, above))  # pypdfium2 rounds up to pixels
        try:
            bitmap = self._page.render(scale=scale, crop=cut, rev_byteorder=True)
            return np.array(bitmap.to_numpy()[:, :, :3])  # a copy: the bitmap's memory is freed with the bitmap
        except (pdfium.PdfiumError, ValueError) as error:
            raise PageUnreadable("The page cannot be rendered.") from error

    def text_lines(self) -> list[TextLine]:
        """Return the lines of the text layer in the order of the PDF. Raises `PageUnreadable`.

        If the maps of the page's fonts have errors, the lines are those of a repaired copy of the PDF.
        """
        lines, is_suspicious = self._read_lines()
        may_have_gaps = is_suspicious and has_gaps("".join(line.text for line in lines), self.map_errors)
        if not is_suspicious or not self._pdf.repair_fonts(self._page_number, has_gaps=may_have_gaps):
            return lines
        self._page.close()
        self._page = self._pdf.load_page(self._page_number)
        vars(self).pop("_objects", None)  # those of the page that is closed now
        return self._read_lines()[0]

    def _read_lines(self) -> tuple[list[TextLine], bool]:
        """Return the lines, and True if the maps of the page's fonts may have errors."""
        try:
            textpage = self._page.get_textpage()
        except pdfium.PdfiumError as error:
            raise PageUnreadable("The page's text cannot be loaded.") from error
        try:
            layer = TextPage(textpage.raw, self._to_display, self.rotation, self._objects)
            lines = layer.lines()
            self.map_errors = find_map_errors(textpage)
            text = "".join([line.text for line in lines])
            is_suspicious = self._pdf.is_suspicious(textpage, text, self.map_errors)
            return self._mark_hidden(lines, layer.covered) if layer.covered else lines, is_suspicious
        finally:
            textpage.close()

    def _mark_hidden(self, lines: list[TextLine], text_objects: list[int]) -> list[TextLine]:
        """Mark covered words as hidden if the page looks the same without them; `text_objects` contain these words."""
        boxes = [word.box for line in lines for word in line.words]
        if not boxes:  # the covered text is outside the page
            return lines
        dpi = self._dpi_within(_COMPARE_DPI, _COMPARE_PIXELS)
        width, height = self.pixels(dpi)
        first, end = int(height * min(box[1] for box in boxes)), math.ceil(height * max(box[3] for box in boxes))
        strip = first, max(0, min(height - end, height - first - 1))
        shown = self._render_strip(dpi, *strip).astype(np.int16)
        with page_objects.hidden(text_objects):
            without_text = self._render_strip(dpi, *strip)
        changed = (np.abs(shown - without_text) > _CHANGE).any(axis=2)

        def is_visible(box: PageBox) -> bool:
            left, right = int(box[0] * width), math.ceil(box[2] * width)
            top, bottom = int(box[1] * height) - first, math.ceil(box[3] * height) - first
            return bool(changed[max(0, top) : bottom, left:right].any())

        return [part for line in lines for part in split_hidden(line, is_visible)]

    @cached_property
    def _to_display(self) -> Affine:
        """From PDF points to 0-1 of the page as displayed, with crop box, rotation and user unit in it."""
        size = 1 << 20  # PDFium returns whole pixels; a large page makes them exact enough
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

    def close(self) -> None:
        self._page.close()

    def is_empty(self) -> bool:
        """Return True if nothing is drawn on the page."""
        return not raw.FPDFPage_CountObjects(self._page)

    def fonts(self) -> dict[str, bool] | None:
        """Return the ids of the page's fonts, and for each if its map to Unicode is valid; see `FontMaps.of_page`."""
        return self._pdf.font_maps.of_page(self._page_number)

    def rules(self) -> list[PageBox]:
        """Horizontal and vertical lines drawn on the page, as boxes, not clipped."""
        return [self._to_display(*bounds) for bounds in self._objects.rules()]

    def shapes(self) -> list[tuple[PageBox, bool]]:
        """The paths drawn on the page, as boxes, not clipped; True for curved or slanted ones."""
        return [(self._to_display(*bounds), is_curved) for bounds, is_curved in self._objects.shapes()]

    def picture_bytes(self) -> dict[str, int]:
        """The stored size of the page's images, by the filter that decodes them."""
        return self._objects.picture_bytes()

    def images(self) -> list[PageImage]:
        """The page's images. Those outside the page are left out."""
        found = [
            PageImage(item, clip(self._to_display(*bounds)), self._pdf.salt) for item, bounds in self._objects.images()
        ]
        return [image for image in found if image.box[0] < image.box[2] and image.box[1] < image.box[3]]

    def figures(self) -> list[PageBox]:
        """The boxes of the page's images that are large enough to be figures, but no background of the page."""
        found = (image.box for image in self.images())
        return [box for box in found if _is_figure(box)]

    def picture_cover(self) -> float:
        """The share of the page that its largest image covers."""
        cover = 0.0
        for bounds in self._objects.pictures():
            box = self._to_display(*bounds)
            wide, high = min(box[2], 1) - max(box[0], 0), min(box[3], 1) - max(box[1], 0)
            cover = max(cover, wide * high if min(wide, high) > 0 else 0.0)
        return cover


def _is_figure(box: PageBox) -> bool:
    wide, high = box[2] - box[0], box[3] - box[1]
    return min(wide, high) >= _MIN_FIGURE_SIDE and _MIN_FIGURE <= wide * high <= _MAX_FIGURE


class Pdf:
    """An open PDF."""

    def __init__(self, document: pdfium.PdfDocument, font_maps: FontMaps) -> None:
        self._document = document
        self._replaced: list[pdfium.PdfDocument] = []  # not closed before the end: a page of one may be open
        self.font_maps = font_maps
        self.salt = secrets.token_bytes(16)  # of hashes of images, so that no two documents share what was read
        self.flattened: dict[int, list[PdfRect]] = {}  # by page number: the form fields of flattened pages
        self.is_suspicious = Suspicion()  # takes the text of a page: True if its fonts may need a repair

    def __len__(self) -> int:
        return len(self._document)

    @contextmanager
    def page(self, page_number: int) -> Iterator[PdfPage]:
        """Open the page with this 1-based number. Raises `PageUnreadable`."""
        try:
            page = PdfPage(self.load_page(page_number), page_number, self)
        except (pdfium.PdfiumError, IndexError) as error:
            raise PageUnreadable("The page cannot be loaded.") from error
        try:
            yield page
        finally:
            page.close()

    def load_page(self, page_number: int) -> pdfium.PdfPage:
        """Load a page for `PdfPage`, which closes it."""
        page = self._document[page_number - 1]
        if (fields := flattening.flatten(page)) is not None:
            self.flattened[page_number] = fields
            page.close()
            page = self._document[page_number - 1]
        return page

    def repair_fonts(self, page_number: int, *, has_gaps: bool) -> bool:
        """Replace the open PDF by a copy with repaired fonts; return False if those of this page need no repair.

        `has_gaps`: characters of the page have no map.
        """
        with tempfile.TemporaryDirectory() as folder:  # PDFium keeps the file open after its name is gone
            copy = Path(folder, "repaired.pdf")
            if not self.font_maps.save_repaired(page_number, copy, has_gaps=has_gaps):
                return False
            try:
                document = pdfium.PdfDocument(copy)
            except pdfium.PdfiumError:
                return False
        if len(document) != len(self._document):  # qpdf has found other pages in a damaged file
            document.close()
            return False
        self._replaced.append(self._document)
        self._document = document
        flattening.prepare_forms(document)
        return True

    def close(self) -> None:
        self.font_maps.close()
        for document in (*self._replaced, self._document):
            document.close()


def open_pdf(path: Path, password: str | None = None) -> Pdf:
    """Open a PDF. Raises `PdfEncrypted`, `PdfWrongPassword`, `PdfWithoutPages` or `PdfUnreadable`."""
    try:
        document = pdfium.PdfDocument(path, password=password)
    except pdfium.PdfiumError as error:
        raise _cause(path, password) from error
    flattening.prepare_forms(document)
    if len(document) == 0:
        document.close()
        raise PdfWithoutPages
    return Pdf(document, FontMaps(path, password))


def _cause(path: Path, password: str | None) -> Exception:
    """Return the error for a file that PDFium refused. PDFium's error code may be of an earlier file, so ask qpdf."""
    try:
        with pikepdf.open(path, password=password or "") as document:
            return PdfUnreadable() if document.pages else PdfWithoutPages()
    except pikepdf.PasswordError:
        return PdfWrongPassword() if password else PdfEncrypted()
    except (pikepdf.PdfError, OSError, ValueError, RecursionError):
        return PdfUnreadable()
