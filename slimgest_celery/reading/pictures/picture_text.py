"""The text in the pictures of a page whose other text is in its text layer: figures, parts that were scanned, stamps.

`find_pictures` needs no OCR engine. Only a picture that is large enough for text, and that looks like print on paper in
a coarse image, is read: most photographs do not. `read_pictures` reads all pictures of a page in one image. A picture
that several pages share, such as a logo, is read once (`PictureMemory`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from slimgest_celery.engines.protocol import Image, OcrEngine, OcrLine, to_blocks
from slimgest_celery.geometry import PageBox, PixelWindow, clip, has_middle_in, scale, to_fractions, union
from slimgest_celery.layout.analysis import DetectedLine
from slimgest_celery.models.page import BlockSource
from slimgest_celery.pdf.document import PageImage, PdfPage
from slimgest_celery.pdf.text_line import TextLine
from slimgest_celery.reading.orientation import PageTransform
from slimgest_celery.reading.pictures.picture_memory import Picture, PictureMemory
from slimgest_celery.reading.text_layer_quality import TextLayer

_MIN_SIDES_PT, _MIN_AREA = (72.0, 12.0), 0.003  # the longer and the shorter side; share of the page
_MIN_STRIP_PT = 3.0  # the shorter side of an image that is a part of a picture; rules may be flatter images
_MAX_IMAGES = 200  # of a page; more are the parts of a drawing
_MAX_GAP = 0.002  # of the page, between parts of one picture
_CHECK_DPI, _CHECK_PIXELS = 72.0, 4_000_000
_EDGE = 48  # the difference in brightness between neighbouring pixels that counts as print
_MIN_EDGES, _MIN_EDGE_SHARE = 60, 0.004
_PAPER_TOLERANCE, _MIN_PAPER = 16, 0.35  # in brightness; the share of pixels with about the brightness of the paper
_MIN_CONFIDENCE = 0.8
_MIN_LENGTH = 2  # letters and digits of a line; a single one may be a shape
_MARGIN = 0.002  # around lines of the text layer, as a share of the page: glyphs extend beyond their boxes


@dataclass(frozen=True, kw_only=True)
class PagePictures:
    """The pictures of a page that may contain text."""

    known: list[DetectedLine] = field(default_factory=list)  # the lines of those that were read on an earlier page
    unread: list[Picture] = field(default_factory=list)


def find_pictures(page: PdfPage, layer: TextLayer, dpi: float, memory: PictureMemory) -> PagePictures:
    """Return the pictures that may contain text beside the layer's lines. Raises `PageUnreadable`.

    `dpi` is the resolution at which they would be read.
    """
    images = [] if layer.is_ocr else page.images()  # an OCR layer is the text of the picture
    if not images or len(images) > _MAX_IMAGES:
        return PagePictures()
    images = [image for image in images if min(_size_pt(image.box, page)) >= _MIN_STRIP_PT]
    groups = [group for group in _join_touching(images) if _is_large(_box(group), page)]
    pictures = [
        Picture(box=_box(group), number=number, key=_key(group, page, dpi)) for number, group in enumerate(groups, 1)
    ]
    found = {picture.number: memory.find(picture) for picture in pictures}
    unknown = [picture for picture in pictures if found[picture.number] is None]
    known = [line for lines in found.values() for line in lines or () if not _is_typed(line.box, layer.lines)]
    if not unknown:
        return PagePictures(known=known)
    grey = page.render(_CHECK_DPI, _CHECK_PIXELS).image[:, :, 1]
    unread = [picture for picture in unknown if _looks_like_text(grey, picture.box, layer.lines)]
    for picture in unknown:
        if picture not in unread:
            memory.store(picture, [])
    return PagePictures(known=known, unread=unread)


def read_pictures(
    engine: OcrEngine,
    image: Image,
    pictures: Sequence[Picture],
    lines: Sequence[TextLine],
    turned: int,
    memory: PictureMemory,
) -> list[DetectedLine]:
    """Read the text in these pictures of a page's image, without what is in the layer's lines. Raises as the engine.

    `turned` are the degrees clockwise by which the page must be turned for its text to be upright.
    """
    height, width = image.shape[:2]
    left, top, right, bottom = window = _to_pixels(union([picture.box for picture in pictures]), width, height)
    mosaic = np.full((bottom - top, right - left, 3), 255, dtype=np.uint8)
    for x0, y0, x1, y1 in (_to_pixels(picture.box, width, height) for picture in pictures):
        mosaic[y0 - top : y1 - top, x0 - left : x1 - left] = image[y0:y1, x0:x1]
    transform = PageTransform(width=right - left, height=bottom - top, turned=turned)
    upright = transform.apply(mosaic)
    (found,) = engine.read([upright])
    size = upright.shape[1], upright.shape[0]
    read: list[DetectedLine] = []
    for block in to_blocks([line for line in found if _is_text(line)], *size):
        box = _on_page(transform.to_original(scale(block.box, *size), *size), window, width, height)
        number = next((picture.number for picture in pictures if has_middle_in(box, picture.box)), 0)
        if number:
            read.append(DetectedLine(block.text, block.confidence, box, source=BlockSource.OCR, picture=number))
    for picture in pictures:
        memory.store(picture, [line for line in read if line.picture == picture.number])
    return [line for line in read if not _is_typed(line.box, lines)]


def _is_text(line: OcrLine) -> bool:
    return line.confidence >= _MIN_CONFIDENCE and sum(map(str.isalnum, line.text)) >= _MIN_LENGTH


def _is_typed(box: PageBox, lines: Sequence[TextLine]) -> bool:
    """Return True if a line that was read is mostly text of the layer."""
    left, top, right, bottom = box
    middle = (top + bottom) / 2
    overlaps = (min(right, x1) - max(left, x0) for x0, y0, x1, y1 in (line.box for line in lines) if y0 <= middle <= y1)
    return sum(max(0.0, overlap) for overlap in overlaps) >= (right - left) / 2


def _box(images: Sequence[PageImage]) -> PageBox:
    return union([image.box for image in images])


def _join_touching(images: Sequence[PageImage]) -> list[list[PageImage]]:
    """Join images that touch each other: scans and figures may be stored in strips or tiles."""
    groups: list[list[PageImage]] = []
    for image in images:
        group = [image]
        while touching := [other for other in groups if _touch(_box(group), _box(other))]:
            groups = [other for other in groups if other not in touching]
            group = [part for other in touching for part in other] + group
        groups.append(group)
    return groups


def _touch(one: PageBox, other: PageBox) -> bool:
    return all(one[axis] - _MAX_GAP <= other[axis + 2] and other[axis] - _MAX_GAP <= one[axis + 2] for axis in (0, 1))


def _key(images: Sequence[PageImage], page: PdfPage, dpi: float) -> tuple[float, ...]:
    """Return a key of these images in this arrangement at this size."""
    left, top, _, _ = _box(images)
    parts = ((image.hash(), image.box[0] - left, image.box[1] - top, *_size_pt(image.box, page)) for image in images)
    return dpi, *(round(value, 2) for part in parts for value in part)


def _size_pt(box: PageBox, page: PdfPage) -> tuple[float, float]:
    left, top, right, bottom = scale(box, page.width_pt, page.height_pt)
    return right - left, bottom - top


def _is_large(box: PageBox, page: PdfPage) -> bool:
    shorter, longer = sorted(_size_pt(box, page))
    is_high = longer >= _MIN_SIDES_PT[0] and shorter >= _MIN_SIDES_PT[1]
    return is_high and (box[2] - box[0]) * (box[3] - box[1]) >= _MIN_AREA


def _looks_like_text(grey: NDArray[np.uint8], box: PageBox, lines: Sequence[TextLine]) -> bool:
    """Return True if a picture is mostly paper with print on it, apart from the lines of the text layer."""
    height, width = grey.shape
    left, top, right, bottom = _to_pixels(box, width, height)
    picture = grey[top:bottom, left:right]
    counts = np.bincount(picture.ravel(), minlength=256)
    if np.convolve(counts, np.ones(2 * _PAPER_TOLERANCE + 1), "same").max() < _MIN_PAPER * picture.size:
        return False
    edges = np.abs(np.diff(picture.astype(np.int16), axis=1)) > _EDGE
    for line in lines:
        x0, y0, x1, y1 = line.box
        window = _to_pixels((x0 - _MARGIN, y0 - _MARGIN, x1 + _MARGIN, y1 + _MARGIN), width, height)
        x0, y0, x1, y1 = (max(0, edge - start) for edge, start in zip(window, (left, top) * 2, strict=True))
        edges[y0:y1, x0:x1] = False
    return int(np.count_nonzero(edges)) >= max(_MIN_EDGES, _MIN_EDGE_SHARE * edges.size)


def _to_pixels(box: PageBox, width: int, height: int) -> PixelWindow:
    left, top, right, bottom = scale(box, width, height)
    return max(0, int(left)), max(0, int(top)), min(width, int(right) + 1), min(height, int(bottom) + 1)


def _on_page(box: PageBox, window: PixelWindow, width: int, height: int) -> PageBox:
    left, top = window[:2]
    return clip(to_fractions((box[0] + left, box[1] + top, box[2] + left, box[3] + top), width, height))
