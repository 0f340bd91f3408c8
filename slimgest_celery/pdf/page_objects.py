"""A page's objects in the order of painting: images, rules, and objects that may hide earlier text. For pdf/ only.

Only the rendered page shows if text is really hidden: shapes may be clipped, and images have transparent parts.
"""

from __future__ import annotations

import ctypes
import hashlib
import secrets
from array import array
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice, repeat

import numpy as np
import pypdfium2.raw as raw
from numpy.typing import NDArray

from slimgest_celery.geometry import PdfRect, Point, around
from slimgest_celery.models.page import BlockSource
from slimgest_celery.pdf import pdfium

_MAX_OBJECTS = 20_000  # the first ones are inspected; only a drawing has more
_FIRST_AND_LAST = 100  # objects that are searched for images, at each end of the order
_MAX_PATHS, _MAX_SEGMENTS = 1000, 400  # of a page, and of a path, with rules: drawings have more than tables
_STRAIGHT_PT = 0.1
_MIN_CURVED_PT = 2.0  # height and width of a curved or slanted path; shorter ones are bullets and accents
_RECTANGLE_SEGMENTS, _FIRST_SEGMENTS = 5, 12  # of a rectangle; those of a longer path that are looked at
_MAX_HASHED_BYTES = 8 << 20  # of an image; larger ones are scans, which are different on each page
_MAX_FORM_DEPTH = 4  # forms inside forms
_FILTER_BYTES = 32  # of a filter's name
_MIN_COVER_PT = 3.0  # height and width of an object that may hide a word; rules are thinner
_MIN_OVERLAP = 0.4  # of a word's area
_SHORTEST_WORD = 1.0  # width in heights of a line; a line counts as covered if its shortest word could be
_TEXT, _PATH, _FORM = raw.FPDF_PAGEOBJ_TEXT, raw.FPDF_PAGEOBJ_PATH, raw.FPDF_PAGEOBJ_FORM
_IMAGE = raw.FPDF_PAGEOBJ_IMAGE

PageObject = int  # the address of one of PDFium's page objects
Matrix = tuple[float, float, float, float, float, float]
_IDENTITY: Matrix = (1, 0, 0, 1, 0, 0)
_Painted = tuple[PageObject, int, Matrix]  # an object of the page or of a form, its type, the matrix of the form


class PageObjects:
    """A page's objects in the order of painting. Valid while the page is open."""

    def __init__(self, page: object, fields: Sequence[PdfRect] | None = None) -> None:
        """`fields` are the rectangles of form fields on a flattened page; None for a page that is not flattened."""
        count = raw.FPDFPage_CountObjects(page)
        self._objects = _get_all(pdfium.get_page_object, pdfium.address_of(page), range(min(count, _MAX_OBJECTS)))
        self._types = list(map(pdfium.get_object_type, self._objects))
        self.sources = {} if fields is None else dict(self._flattened(fields))
        painted = self._painted()
        covers = list(_covers(painted))
        self._cover_order = np.array([index for index, _ in covers])  # the place of each cover in the order
        self._covers = np.array([bounds for _, bounds in covers])
        # The place of each text object in the order; most pages have no covers and do not need it.
        texts = enumerate(painted) if covers else ()
        self._order = {item: index for index, (item, kind, _) in texts if kind == _TEXT}

    def last_cover_of(self, bounds: PdfRect) -> int:
        """Return the place in the order of the last object that may cover these bounds, or -1."""
        if not self._order:
            return -1
        left, bottom, right, top = bounds
        covers = self._covers
        wide = np.minimum(covers[:, 2], right) - np.maximum(covers[:, 0], left)
        high = np.minimum(covers[:, 3], top) - np.maximum(covers[:, 1], bottom)
        least = _MIN_OVERLAP * min(right - left, _SHORTEST_WORD * (top - bottom)) * (top - bottom)
        over = (wide > 0) & (high > 0) & (wide * high > least)
        return int(self._cover_order[over][-1]) if over.any() else -1

    def is_painted_before(self, item: PageObject, place: int) -> bool:
        """Return True if this text object is painted before the object at this place in the order."""
        return self._order.get(item, place) < place

    def pictures(self) -> Iterator[PdfRect]:
        """The bounds of images, and of forms with images, among the first and last objects of the page.

        The image of a scan is the first or the last object; a drawing has thousands of other objects.
        """
        for item, kind in self._first_and_last():
            if kind == raw.FPDF_PAGEOBJ_IMAGE or (kind == _FORM and _has_image(item)):
                (left, bottom, right, top) = map(float, _bounds([item])[0])
                yield left, bottom, right, top

    def images(self) -> list[tuple[PageObject, PdfRect]]:
        """Each image among the first and last objects of the page and of its forms, with its bounds."""
        if _IMAGE not in self._types and _FORM not in self._types:  # most pages
            return []
        things = [thing for thing in self._first_and_last() if thing[1] in (_IMAGE, _FORM)]
        parts = [part for thing in things for part in _first_parts(*thing)]
        found = [(item, matrix) for item, kind, matrix in parts if kind == _IMAGE]
        bounds = _bounds([item for item, _ in found])
        return [(item, transform(one, matrix)) for one, (item, matrix) in zip(bounds, found, strict=True)]

    def picture_bytes(self) -> dict[str, int]:
        """The stored size of the images on the page and in its forms, by the filter that decodes them."""
        sizes: Counter[str] = Counter()
        for item, kind in self._first_and_last():
            for part in _form_objects(item, _FIRST_AND_LAST) if kind == _FORM else [item]:
                if pdfium.get_object_type(part) == raw.FPDF_PAGEOBJ_IMAGE:
                    sizes[_filter(part)] += pdfium.get_image_data(part, None, 0)
        return dict(sizes)

    def rules(self) -> list[PdfRect]:
        """The bounds of horizontal and vertical lines, with the edges of rectangles and of grids."""
        paths = [item for item, kind in zip(self._objects, self._types, strict=True) if kind == _PATH]
        if not paths or len(paths) > _MAX_PATHS:
            return []
        found: list[PdfRect] = []
        for path, bounds in zip(paths, _bounds(paths), strict=True):
            left, bottom, right, top = bounds
            if min(right - left, top - bottom) < _MIN_COVER_PT:
                found.append(bounds)
            elif pdfium.count_segments(path) <= _MAX_SEGMENTS:
                found += _edges(path)
        return found

    def shapes(self) -> list[tuple[PdfRect, bool]]:
        """The bounds of the paths of the page and of its forms, with True for curved or slanted ones.

        Of the paths of a large drawing, only the first ones are looked at.
        """
        if _PATH not in self._types and _FORM not in self._types:
            return []
        parts = self._with_forms_expanded()
        paths = [(item, matrix) for item, kind, matrix in parts[:_MAX_OBJECTS] if kind == _PATH]
        bounds = _bounds([item for item, _ in paths])
        return [
            (transform(one, matrix), _is_curved(item, one)) for one, (item, matrix) in zip(bounds, paths, strict=True)
        ]

    def _flattened(self, fields: Sequence[PdfRect]) -> Iterator[tuple[PageObject, BlockSource]]:
        """The text objects of form fields and annotations. They are in the last object of a flattened page, a form."""
        if self._types[-1:] != [_FORM]:
            return
        parts = [part for part in _expand_forms(self._objects[-1], _FORM) if part[1] == _TEXT]
        for (item, _, matrix), found in zip(parts, _bounds([item for item, _, _ in parts]), strict=True):
            left, bottom, right, top = transform(found, matrix)
            x, y = (left + right) / 2, (bottom + top) / 2
            is_field = any(field[0] <= x <= field[2] and field[1] <= y <= field[3] for field in fields)
            yield item, BlockSource.FORM_FIELD if is_field else BlockSource.ANNOTATION

    def _first_and_last(self) -> list[tuple[PageObject, int]]:
        """The objects of the page and their types; of many objects, only the first and last ones."""
        found = list(zip(self._objects, self._types, strict=True))
        return found if len(found) <= 2 * _FIRST_AND_LAST else found[:_FIRST_AND_LAST] + found[-_FIRST_AND_LAST:]

    def _with_forms_expanded(self) -> list[_Painted]:
        return [part for thing in zip(self._objects, self._types, strict=True) for part in _expand_forms(*thing)]

    def _painted(self) -> list[_Painted]:
        """The objects from the first text on, with those of forms. Empty if there is only text."""
        if _FORM in self._types:
            painted = self._with_forms_expanded()
        elif set(self._types[self._types.index(_TEXT) :] if _TEXT in self._types else ()) <= {_TEXT}:
            return []
        else:
            painted = list(zip(self._objects, self._types, repeat(_IDENTITY)))
        first = next((index for index, (_, kind, _) in enumerate(painted) if kind == _TEXT), len(painted))
        return painted[first:]


@contextmanager
def hidden(objects: list[PageObject]) -> Iterator[None]:
    """Hide these objects of the page within the context."""
    for item in objects:
        pdfium.set_active(item, False)
    try:
        yield
    finally:
        for item in objects:
            pdfium.set_active(item, True)


def hash_image(image: PageObject, salt: bytes) -> int:
    """Return a hash of an image's stored data and of its direction; the same for an image that several pages share.

    `salt` is that of the open PDF: a worker keeps what it read, and must not give it to another document. An image that
    is too large to hash never equals another one.
    """
    size = pdfium.get_image_data(image, None, 0)
    if size > _MAX_HASHED_BYTES:
        return secrets.randbits(256)
    data = array("B", bytes(size))
    pdfium.get_image_data(image, data.buffer_info()[0], len(data))
    matrix: NDArray[np.float32] = np.zeros(6, dtype=np.float32)
    pdfium.get_object_matrix(image, matrix.ctypes.data)
    return int.from_bytes(hashlib.sha256(salt + np.sign(matrix[:4]).tobytes() + data.tobytes()).digest())


def _expand_forms(item: PageObject, kind: int, matrix: Matrix = _IDENTITY, depth: int = 0) -> Iterator[_Painted]:
    """The object itself, or the objects of a form."""
    if kind != _FORM:
        yield item, kind, matrix
    elif depth < _MAX_FORM_DEPTH:
        own = (ctypes.c_float * 6)()
        pdfium.get_object_matrix(item, ctypes.addressof(own))
        a, b, c, d, e, f = own
        inside = _concatenate((a, b, c, d, e, f), matrix)
        for part in _form_objects(item, _MAX_OBJECTS):
            yield from _expand_forms(part, pdfium.get_object_type(part), inside, depth + 1)


def _first_parts(item: PageObject, kind: int) -> list[_Painted]:
    """The object itself, or the first objects of a form."""
    return list(islice(_expand_forms(item, kind), _FIRST_AND_LAST))


def _covers(painted: Sequence[_Painted]) -> Iterator[tuple[int, PdfRect]]:
    """The objects large enough to hide a word and not only outlines: place in the order, and bounds."""
    others = [(index, *thing) for index, thing in enumerate(painted) if thing[1] != _TEXT]
    for (index, item, kind, matrix), found in zip(others, _bounds([item for _, item, _, _ in others]), strict=True):
        bounds = transform(found, matrix)
        large = min(bounds[2] - bounds[0], bounds[3] - bounds[1]) >= _MIN_COVER_PT
        if large and (kind != _PATH or _is_filled(item)):
            yield index, bounds


def _bounds(objects: Sequence[PageObject]) -> list[PdfRect]:
    """The bounds of each object; zeros if an object has none."""
    found: NDArray[np.float32] = np.zeros((len(objects), 4), dtype=np.float32)
    start = found.ctypes.data
    edges = (range(start + 4 * edge, start + 4 * edge + 16 * len(objects), 16) for edge in range(4))
    deque(map(pdfium.get_object_bounds, objects, *edges), maxlen=0)
    bounds: list[PdfRect] = found.tolist()
    return bounds


def _edges(path: PageObject) -> Iterator[PdfRect]:
    """The horizontal and vertical edges of a path, in its own coordinates before its matrix is applied."""
    own = array("f", bytes(24))
    pdfium.get_object_matrix(path, own.buffer_info()[0])
    a, b, c, d, e, f = own
    point = array("f", bytes(8))
    at = point.buffer_info()[0]
    start = before = (0.0, 0.0)
    for index in range(pdfium.count_segments(path)):
        segment = pdfium.get_segment(path, index)
        pdfium.get_segment_point(segment, at, at + 4)
        here = point[0], point[1]
        kind = pdfium.get_segment_type(segment)
        if kind == raw.FPDF_SEGMENT_MOVETO:
            start = here
        elif kind == raw.FPDF_SEGMENT_LINETO:
            yield from _edge(before, here, (a, b, c, d, e, f))
        if pdfium.closes_path(segment):
            yield from _edge(here, start, (a, b, c, d, e, f))
        before = here


def _is_curved(path: PageObject, bounds: PdfRect) -> bool:
    """Return True if a path has a curve or a slanted line among its first segments; a small one has none."""
    left, bottom, right, top = bounds
    if min(right - left, top - bottom) < _MIN_CURVED_PT:
        return False
    count = pdfium.count_segments(path)
    if count == 2:
        return True  # a line from corner to corner
    point = array("f", bytes(8))
    at = point.buffer_info()[0]
    before: Point | None = None
    for index in range(min(count, _FIRST_SEGMENTS) if count > _RECTANGLE_SEGMENTS else 0):
        segment = pdfium.get_segment(path, index)
        kind = pdfium.get_segment_type(segment)
        if kind == raw.FPDF_SEGMENT_BEZIERTO:
            return True
        pdfium.get_segment_point(segment, at, at + 4)
        here = point[0], point[1]
        if kind == raw.FPDF_SEGMENT_LINETO and before and min(abs(here[0] - before[0]), abs(here[1] - before[1])) > 1:
            return True
        before = here
    return False


def _edge(one: Point, other: Point, matrix: Matrix) -> Iterator[PdfRect]:
    (x1, y1), (x2, y2) = one, other
    if one != other and (abs(x1 - x2) < _STRAIGHT_PT or abs(y1 - y2) < _STRAIGHT_PT):
        yield transform(around((one, other)), matrix)


def _is_filled(path: PageObject) -> bool:
    mode, stroked = ctypes.c_int(), ctypes.c_int()
    known = pdfium.get_draw_mode(path, ctypes.addressof(mode), ctypes.addressof(stroked))
    return bool(known and mode.value != raw.FPDF_FILLMODE_NONE)


def _has_image(form: PageObject) -> bool:
    return any(pdfium.get_object_type(part) == raw.FPDF_PAGEOBJ_IMAGE for part in _form_objects(form, _FIRST_AND_LAST))


def _filter(image: PageObject) -> str:
    """The last filter of an image, which decodes to pixels, such as DCTDecode; an empty string if it has none."""
    name = ctypes.create_string_buffer(_FILTER_BYTES)
    pdfium.get_filter(image, pdfium.count_filters(image) - 1, ctypes.addressof(name), _FILTER_BYTES)
    return name.value.decode("latin-1")


def _form_objects(form: PageObject, most: int) -> list[PageObject]:
    return _get_all(pdfium.get_form_object, form, range(min(pdfium.count_form_objects(form), most)))


def _get_all(get: pdfium.Function, of: int, indices: range) -> list[PageObject]:
    return list(map(get, repeat(of), indices))


def transform(bounds: PdfRect, matrix: Matrix) -> PdfRect:
    """The smallest rectangle around the transformed bounds."""
    if matrix is _IDENTITY:
        return bounds
    a, b, c, d, e, f = matrix
    return around((a * x + c * y + e, b * x + d * y + f) for x in bounds[::2] for y in bounds[1::2])


def _concatenate(one: Matrix, two: Matrix) -> Matrix:
    """The matrix that applies `one`, then `two`."""
    a, b, c, d, e, f = one
    p, q, r, s, t, u = two
    return a * p + b * r, a * q + b * s, c * p + d * r, c * q + d * s, e * p + f * r + t, e * q + f * s + u
