"""In which order a page's objects are painted, and so which text something painted later may hide. For pdf.py only.

Whether it does hide it, only the rendered page tells: shapes are cut by clips and pictures have transparent parts.
"""

from __future__ import annotations

import ctypes
from array import array
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import repeat

import numpy as np
import pypdfium2.raw as raw
from numpy.typing import NDArray

from . import pdfium_calls as calls
from .text_layer import Bounds

_MOST = 20_000  # objects looked at: a drawing has more of them than a page has text
_ENDS = 100  # of these, the first and the last ones are looked at for pictures
_MOST_PATHS, _MOST_SEGMENTS = 1000, 400  # on a page, in one of them: drawings have more than tables
_STRAIGHT_PT = 0.1
_DEEPEST = 4  # forms in forms
_FILTER_BYTES = 32  # of a filter's name
_LEAST_PT = 3.0  # height and width of what may hide a word: rules are lower
_OVERLAP = 0.4  # of a word's area
_WORD = 1.0  # in heights of a line: a line is as much under something as its shortest word would be
_TEXT, _PATH, _FORM = raw.FPDF_PAGEOBJ_TEXT, raw.FPDF_PAGEOBJ_PATH, raw.FPDF_PAGEOBJ_FORM

_Piece = int  # the address of one of PDFium's page objects
Matrix = tuple[float, float, float, float, float, float]
_PLAIN: Matrix = (1, 0, 0, 1, 0, 0)


_Painted = tuple[_Piece, int, Matrix]  # an object of the page or of a form on it, its kind, and where that lies


class Painting:
    """A page's objects in the order in which they are painted; valid as long as the page is open."""

    def __init__(self, page: object) -> None:
        count = raw.FPDFPage_CountObjects(page)
        self._pieces = _objects(calls.page_object, calls.address_of(page), range(min(count, _MOST)))
        self._kinds = list(map(calls.kind_of, self._pieces))
        painted = self._painted()
        covers = list(_covers(painted))
        self._at = np.array([index for index, _ in covers])  # where in the order each cover stands
        self._covers = np.array([bounds for _, bounds in covers])
        # Where each text object stands; of most pages this need not be known.
        texts = enumerate(painted) if covers else ()
        self._order = {piece: index for index, (piece, kind, _) in texts if kind == _TEXT}

    def last_over(self, bounds: Bounds) -> int:
        """Where in the order the last of what lies over these bounds is painted; -1: nothing does."""
        if not self._order:
            return -1
        left, bottom, right, top = bounds
        covers = self._covers
        wide = np.minimum(covers[:, 2], right) - np.maximum(covers[:, 0], left)
        high = np.minimum(covers[:, 3], top) - np.maximum(covers[:, 1], bottom)
        least = _OVERLAP * min(right - left, _WORD * (top - bottom)) * (top - bottom)
        over = (wide > 0) & (high > 0) & (wide * high > least)
        return int(self._at[over][-1]) if over.any() else -1

    def is_before(self, piece: _Piece, at: int) -> bool:
        """Whether this text object is painted before what stands there in the order."""
        return self._order.get(piece, at) < at

    def pictures(self) -> Iterator[Bounds]:
        """The bounds of pictures on the page, and of forms that hold some; of many objects, of the first and last ones.

        A scan's picture is the first object or the last; a drawing has thousands of others.
        """
        for piece, kind in self._ends():
            if kind == raw.FPDF_PAGEOBJ_IMAGE or (kind == _FORM and _holds_picture(piece)):
                (left, bottom, right, top) = map(float, _bounds([piece])[0])
                yield left, bottom, right, top

    def picture_bytes(self) -> dict[str, int]:
        """Bytes of the pictures on the page and on its forms, as they are stored, by the filter that unpacks them."""
        sizes: Counter[str] = Counter()
        for piece, kind in self._ends():
            for part in _parts(piece, _ENDS) if kind == _FORM else [piece]:
                if calls.kind_of(part) == raw.FPDF_PAGEOBJ_IMAGE:
                    sizes[_filter(part)] += calls.picture_data(part, None, 0)
        return dict(sizes)

    def rules(self) -> list[Bounds]:
        """The bounds of lines drawn along or up the page itself, among them the edges of rectangles and of grids."""
        paths = [piece for piece, kind in zip(self._pieces, self._kinds, strict=True) if kind == _PATH]
        if not paths or len(paths) > _MOST_PATHS:
            return []
        found: list[Bounds] = []
        for path, bounds in zip(paths, _bounds(paths), strict=True):
            left, bottom, right, top = bounds
            if min(right - left, top - bottom) < _LEAST_PT:
                found.append(bounds)
            elif calls.count_segments(path) <= _MOST_SEGMENTS:
                found += _edges(path)
        return found

    def _ends(self) -> list[tuple[_Piece, int]]:
        """The objects of the page and their kinds; of many, the first and last ones."""
        found = list(zip(self._pieces, self._kinds, strict=True))
        return found if len(found) <= 2 * _ENDS else found[:_ENDS] + found[-_ENDS:]

    def _painted(self) -> list[_Painted]:
        """What is painted from the first text on."""
        if _FORM in self._kinds:
            painted = [part for thing in zip(self._pieces, self._kinds, strict=True) for part in _unfolded(*thing)]
        elif set(self._kinds[self._kinds.index(_TEXT) :] if _TEXT in self._kinds else ()) <= {_TEXT}:
            return []
        else:
            painted = list(zip(self._pieces, self._kinds, repeat(_PLAIN)))
        first = next((index for index, (_, kind, _) in enumerate(painted) if kind == _TEXT), len(painted))
        return painted[first:]


@contextmanager
def without(pieces: list[_Piece]) -> Iterator[None]:
    """The page as it is without these objects, as long as the context lasts."""
    for piece in pieces:
        calls.set_active(piece, False)
    try:
        yield
    finally:
        for piece in pieces:
            calls.set_active(piece, True)


def _unfolded(piece: _Piece, kind: int, matrix: Matrix = _PLAIN, depth: int = 0) -> Iterator[_Painted]:
    """An object, or those of a form."""
    if kind != _FORM:
        yield piece, kind, matrix
    elif depth < _DEEPEST:
        own = (ctypes.c_float * 6)()
        calls.object_matrix(piece, ctypes.addressof(own))
        a, b, c, d, e, f = own
        inside = _times((a, b, c, d, e, f), matrix)
        for part in _parts(piece, _MOST):
            yield from _unfolded(part, calls.kind_of(part), inside, depth + 1)


def _covers(painted: Sequence[_Painted]) -> Iterator[tuple[int, Bounds]]:
    """Where in the order something is painted that is large and solid enough to hide a word, and its bounds."""
    others = [(index, *thing) for index, thing in enumerate(painted) if thing[1] != _TEXT]
    for (index, piece, kind, matrix), found in zip(others, _bounds([piece for _, piece, _, _ in others]), strict=True):
        bounds = placed(found, matrix)
        large = min(bounds[2] - bounds[0], bounds[3] - bounds[1]) >= _LEAST_PT
        if large and (kind != _PATH or _is_filled(piece)):
            yield index, bounds


def _bounds(pieces: Sequence[_Piece]) -> list[Bounds]:
    """The bounds of each of these objects; of none where it has none."""
    found: NDArray[np.float32] = np.zeros((len(pieces), 4), dtype=np.float32)
    start = found.ctypes.data
    edges = (range(start + 4 * edge, start + 4 * edge + 16 * len(pieces), 16) for edge in range(4))
    deque(map(calls.object_bounds, pieces, *edges), maxlen=0)
    bounds: list[Bounds] = found.tolist()
    return bounds


def _edges(path: _Piece) -> Iterator[Bounds]:
    """The edges of a path that lie along or across its own axes."""
    own = array("f", bytes(24))
    calls.object_matrix(path, own.buffer_info()[0])
    a, b, c, d, e, f = own
    point = array("f", bytes(8))
    at = point.buffer_info()[0]
    start = before = (0.0, 0.0)
    for index in range(calls.count_segments(path)):
        segment = calls.segment(path, index)
        calls.segment_point(segment, at, at + 4)
        here = point[0], point[1]
        kind = calls.segment_kind(segment)
        if kind == raw.FPDF_SEGMENT_MOVETO:
            start = here
        elif kind == raw.FPDF_SEGMENT_LINETO:
            yield from _edge(before, here, (a, b, c, d, e, f))
        if calls.segment_closes(segment):
            yield from _edge(here, start, (a, b, c, d, e, f))
        before = here


def _edge(one: tuple[float, float], other: tuple[float, float], matrix: Matrix) -> Iterator[Bounds]:
    (x1, y1), (x2, y2) = one, other
    if one != other and (abs(x1 - x2) < _STRAIGHT_PT or abs(y1 - y2) < _STRAIGHT_PT):
        yield placed((min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)), matrix)


def _is_filled(path: _Piece) -> bool:
    mode, stroked = ctypes.c_int(), ctypes.c_int()
    known = calls.draw_mode(path, ctypes.addressof(mode), ctypes.addressof(stroked))
    return bool(known and mode.value != raw.FPDF_FILLMODE_NONE)


def _holds_picture(form: _Piece) -> bool:
    return any(calls.kind_of(part) == raw.FPDF_PAGEOBJ_IMAGE for part in _parts(form, _ENDS))


def _filter(picture: _Piece) -> str:
    """The last of a picture's filters, which gives its pixels, such as DCTDecode; empty where it has none."""
    name = ctypes.create_string_buffer(_FILTER_BYTES)
    calls.filter_name(picture, calls.count_filters(picture) - 1, ctypes.addressof(name), _FILTER_BYTES)
    return name.value.decode("latin-1")


def _parts(form: _Piece, most: int) -> list[_Piece]:
    return _objects(calls.form_object, form, range(min(calls.count_form_objects(form), most)))


def _objects(get: calls.Call, of: int, indices: range) -> list[_Piece]:
    return list(map(get, repeat(of), indices))


def placed(bounds: Bounds, matrix: Matrix) -> Bounds:
    """Bounds in other coordinates."""
    if matrix is _PLAIN:
        return bounds
    a, b, c, d, e, f = matrix
    corners = [(a * x + c * y + e, b * x + d * y + f) for x in bounds[::2] for y in bounds[1::2]]
    xs, ys = zip(*corners, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def _times(one: Matrix, two: Matrix) -> Matrix:
    """What is first changed by `one`, then by `two`."""
    a, b, c, d, e, f = one
    p, q, r, s, t, u = two
    return a * p + b * r, a * q + b * s, c * p + d * r, c * q + d * s, e * p + f * r + t, e * q + f * s + u
