"""In which order a page's objects are painted, and so which text something painted later may hide. For pdf.py only.

Whether it does hide it, only the rendered page tells: shapes are cut by clips and pictures have transparent parts.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pypdfium2.raw as raw

from .text_layer import Bounds

_MOST = 20_000  # objects looked at: a drawing has more of them than a page has text
_DEEPEST = 4  # forms in forms
_LEAST_PT = 3.0  # height and width of what may hide a word: rules are lower
_OVERLAP = 0.4  # of a word's area
_WORD = 1.0  # in heights of a line: a line is as much under something as its shortest word would be
_TEXT, _PATH, _FORM = raw.FPDF_PAGEOBJ_TEXT, raw.FPDF_PAGEOBJ_PATH, raw.FPDF_PAGEOBJ_FORM

_Piece = Any  # a pointer to one of PDFium's page objects
Matrix = tuple[float, float, float, float, float, float]
_PLAIN: Matrix = (1, 0, 0, 1, 0, 0)


_Painted = tuple[_Piece, int, Matrix]  # an object of the page or of a form on it, its kind, and where that lies


class Painting:
    """A page's objects in the order in which they are painted; valid as long as the page is open."""

    def __init__(self, page: object) -> None:
        painted = _painted(page)
        first = next((index for index, (_, kind, _) in enumerate(painted) if kind == _TEXT), len(painted))
        after = ((index, _cover(*painted[index])) for index in range(first, len(painted)))
        covers = [(index, bounds) for index, bounds in after if bounds]
        self._at = np.array([index for index, _ in covers])  # where in the order each cover stands
        self._covers = np.array([bounds for _, bounds in covers])
        # Where each text object stands, by address; of most pages this need not be known.
        texts = enumerate(painted) if covers else ()
        self._order = {_address(piece): index for index, (piece, kind, _) in texts if kind == _TEXT}

    def may_hide(self, piece: _Piece, bounds: Bounds) -> bool:
        """Whether anything painted after this text object lies over these bounds."""
        if not len(self._at) or not piece:
            return False
        left, bottom, right, top = bounds
        covers = self._covers[self._at > self._order.get(_address(piece), self._at[-1])]
        wide = np.minimum(covers[:, 2], right) - np.maximum(covers[:, 0], left)
        high = np.minimum(covers[:, 3], top) - np.maximum(covers[:, 1], bottom)
        least = _OVERLAP * min(right - left, _WORD * (top - bottom)) * (top - bottom)
        return bool(((wide > 0) & (high > 0) & (wide * high > least)).any())


@contextmanager
def without(pieces: list[_Piece]) -> Iterator[None]:
    """The page as it is without these objects, as long as the context lasts."""
    for piece in pieces:
        raw.FPDFPageObj_SetIsActive(piece, False)
    try:
        yield
    finally:
        for piece in pieces:
            raw.FPDFPageObj_SetIsActive(piece, True)


def _painted(page: object) -> list[_Painted]:
    get, kind_of = raw.FPDFPage_GetObject, raw.FPDFPageObj_GetType
    pieces = [get(page, index) for index in range(min(raw.FPDFPage_CountObjects(page), _MOST))]
    found: list[_Painted] = [(piece, kind_of(piece), _PLAIN) for piece in pieces]
    if any(kind == _FORM for _, kind, _ in found):
        return [part for thing in found for part in _unfolded(*thing)]
    return found


def _unfolded(piece: _Piece, kind: int, matrix: Matrix, depth: int = 0) -> Iterator[_Painted]:
    """An object, or those of a form."""
    if kind != _FORM:
        yield piece, kind, matrix
    elif depth < _DEEPEST:
        own = raw.FS_MATRIX()
        raw.FPDFPageObj_GetMatrix(piece, own)
        inside = _times((own.a, own.b, own.c, own.d, own.e, own.f), matrix)
        for index in range(min(raw.FPDFFormObj_CountObjects(piece), _MOST)):
            part = raw.FPDFFormObj_GetObject(piece, index)
            yield from _unfolded(part, raw.FPDFPageObj_GetType(part), inside, depth + 1)


def _cover(piece: _Piece, kind: int, matrix: Matrix) -> Bounds | None:
    """The bounds on the page of what is large and solid enough to hide a word."""
    if kind == _TEXT or (kind == _PATH and not _is_filled(piece)):
        return None
    left, bottom, right, top = (ctypes.c_float() for _ in range(4))
    if not raw.FPDFPageObj_GetBounds(piece, left, bottom, right, top):
        return None
    bounds = placed((left.value, bottom.value, right.value, top.value), matrix)
    return bounds if min(bounds[2] - bounds[0], bounds[3] - bounds[1]) >= _LEAST_PT else None


def _is_filled(path: object) -> bool:
    mode, stroked = ctypes.c_int(), ctypes.c_int()
    return bool(raw.FPDFPath_GetDrawMode(path, mode, stroked) and mode.value != raw.FPDF_FILLMODE_NONE)


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


def _address(piece: _Piece) -> int:
    return ctypes.addressof(piece.contents)
