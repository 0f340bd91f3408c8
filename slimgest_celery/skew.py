"""How the lines of text lie in an image: along it or across it, and at what angle. Pure arithmetic on pixels.

Method: projection profiles (Postl, "Detection of linear oblique structures and skew scan in digitized documents", ICPR
1986). Ink is counted along parallel lines at one angle after the other; where these run along the lines of text, the
counts jump most between one and the next, and the sum of the squared jumps is greatest. A page takes about 4 ms.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_SIDE = 900  # pixels of the longer side that are looked at: a line of print is still several high
_POINTS = 15_000  # of ink; more say nothing new
_FEW_POINTS = 200  # less ink than this is no text
_DARK = 0.7  # of the mean brightness
_TILE, _TEXT_DARK = 24, 0.55  # pixels; the share of a tile that dark text fills at most
_FURTHEST = 6.0  # degrees looked at either way, one more than is put right
_COARSE, _FINE = 0.5, 0.1  # degrees
_PEAK = 2.0  # how far the best angle must stand out from the middling one


@dataclass(frozen=True, kw_only=True)
class Slope:
    """How the lines of text lie in an image."""

    degrees: float  # counterclockwise turn that makes them straight; 0 where none stands out
    across: (
        float  # how much clearer lines are from top to bottom than from left to right: over 1, the page lies sideways
    )


def measure(image: NDArray[np.uint8]) -> Slope | None:
    """The slope of an RGB image (height x width x 3), or None where there is too little ink for lines of text."""
    xs, ys = _ink(image)
    if len(xs) < _FEW_POINTS:
        return None
    angles = np.arange(-_FURTHEST, _FURTHEST + _COARSE / 2, _COARSE)
    along = [_jumps(ys, xs, -angle) for angle in angles]
    across = [_jumps(xs, ys, angle) for angle in angles]
    lies_across = max(across) > max(along)
    sums = across if lies_across else along
    ratio = max(across) / (max(along) or 1.0)
    best = float(angles[int(np.argmax(sums))])
    if max(sums) < _PEAK * float(np.median(sums)) or abs(best) >= _FURTHEST:
        return Slope(degrees=0.0, across=ratio)
    finer = np.arange(best - _COARSE, best + _COARSE + _FINE / 2, _FINE)
    there, sign = ((xs, ys), 1) if lies_across else ((ys, xs), -1)
    degrees = float(finer[int(np.argmax([_jumps(*there, sign * angle) for angle in finer]))])
    return Slope(degrees=degrees, across=ratio)


def _ink(image: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where the image is dark, coarsely: x and y of at most _POINTS points."""
    grey = image[:, :, 1]
    step = max(1, round(max(grey.shape) / _SIDE))
    height, width = grey.shape[0] // step, grey.shape[1] // step
    if not height or not width:
        return np.empty(0), np.empty(0)
    coarse = np.ascontiguousarray(_darkest(_darkest(grey[: height * step, : width * step], step).T, step).T)
    dark = _without_solid(coarse < _DARK * coarse.mean())
    found = np.flatnonzero(dark)  # a third of the time that `nonzero` takes for both
    ys, xs = np.divmod(found[:: len(found) // _POINTS + 1], width)
    return xs.astype(np.float64), ys.astype(np.float64)


def _darkest(grey: NDArray[np.uint8], step: int) -> NDArray[np.uint8]:
    """Of each so many rows the darkest pixels; row by row, which takes a tenth of NumPy's time for all at once."""
    found = grey[::step]
    for row in range(1, step):
        found = np.minimum(found, grey[row::step])
    return found


def _without_solid(dark: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Less where more is dark than text ever is: pictures, whose own edges would outweigh the lines."""
    tall, wide = (-side % _TILE for side in dark.shape)
    padded = np.pad(dark, ((0, tall), (0, wide)))
    # One axis after the other, in bytes: a quarter of the time.
    high = padded.reshape(-1, _TILE, padded.shape[1]).sum(axis=1, dtype=np.uint8)
    tiles = high.reshape(len(high), -1, _TILE).sum(axis=2)
    solid = tiles > _TEXT_DARK * _TILE * _TILE
    if not solid.any():
        return dark
    spread: NDArray[np.bool_] = solid.repeat(_TILE, axis=0).repeat(_TILE, axis=1)
    return dark & ~spread[: dark.shape[0], : dark.shape[1]]


def _jumps(across: NDArray[np.float64], along: NDArray[np.float64], degrees: float) -> float:
    """The sum of squared differences between neighbouring counts of ink, along lines at this angle."""
    distances = across + along * math.tan(math.radians(degrees))
    counts = np.bincount((distances - distances.min()).astype(np.intp))
    return float(np.square(np.diff(counts)).sum())
