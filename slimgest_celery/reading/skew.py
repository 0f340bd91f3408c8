"""The direction of the lines of text in an image: along it or across it, and their angle. Pure arithmetic on pixels.

Method: projection profiles (Postl, "Detection of linear oblique structures and skew scan in digitized documents", ICPR
1986). Ink is counted along parallel lines, for a series of angles. At the angle of the lines of text, the counts of
neighbouring lines differ most, and the sum of the squared differences is largest. A page takes about 4 ms; a page
whose lines have no clear angle near 0 takes about 8 ms.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

_SIDE = 900  # pixels of the longer side after reduction; a line of print is still several pixels high
_MAX_POINTS = 15_000  # of ink; more do not change the result
_MIN_POINTS = 200  # of ink; an image with fewer has no text
_DARK = 0.7  # of the mean brightness: darker pixels are ink
_DARK_PAPER, _PAPER_STEP = 96, 16  # of 255; the sampled pixels
_TILE, _MAX_TEXT_SHARE = 24, 0.55  # pixels; the largest share of a tile that text can fill
_COARSE_STEP, _FINE_STEP = 0.5, 0.1  # degrees
# Degrees: the angles that are tried first, and those that are tried if none of the first is clear. The largest ones are
# no result: the sums may be larger beyond them.
_USUAL_ANGLES = [_COARSE_STEP * step for step in range(-12, 13)]
_OTHER_ANGLES = [sign * _COARSE_STEP * step for step in range(13, 33) for sign in (-1, 1)]
# The ratio of the sum at the best angle to the median: among the usual angles, and among all. At more than 6 degrees,
# photographs and drawings have up to 2.9, and eight lines of text have 4.0.
_MIN_PEAK, _MIN_PEAK_OF_ALL = 2.0, 3.5


Points = NDArray[np.float64]  # the x or the y of points of ink


@dataclass(frozen=True, kw_only=True)
class Slope:
    """The direction of the lines of text in an image."""

    degrees: float  # counterclockwise, of the rotation that makes the lines straight; 0 if no angle is clear
    across: float  # how much clearer lines are from top to bottom than from left to right; over 1: a sideways page


def measure(image: NDArray[np.uint8]) -> Slope | None:
    """Return the slope of an RGB image (height x width x 3), or None if it has too little ink for lines of text."""
    xs, ys = _ink(image)
    if len(xs) < _MIN_POINTS:
        return None
    along, across = _contrasts(xs, ys, _USUAL_ANGLES)
    is_across = max(across) > max(along)
    slope = Slope(degrees=0.0, across=max(across) / (max(along) or 1.0))
    sums = across if is_across else along
    peak = _clear_peak(_USUAL_ANGLES, sums, _MIN_PEAK)
    if peak is None:
        other_along, other_across = _contrasts(xs, ys, _OTHER_ANGLES)
        is_across = max(*across, *other_across) > max(*along, *other_along)
        sums = across + other_across if is_across else along + other_along
        peak = _clear_peak([*_USUAL_ANGLES, *_OTHER_ANGLES], sums, _MIN_PEAK_OF_ALL)
        if peak is None or abs(peak) < _USUAL_ANGLES[-1]:
            return slope
        slope = Slope(degrees=0.0, across=max(other_across) / (max(other_along) or 1.0))
    fine_angles = np.arange(peak - _COARSE_STEP, peak + _COARSE_STEP + _FINE_STEP / 2, _FINE_STEP).tolist()
    fine_along, fine_across = _contrasts(xs, ys, fine_angles)
    degrees = fine_angles[int(np.argmax(fine_across if is_across else fine_along))]
    return replace(slope, degrees=degrees)


def _contrasts(xs: Points, ys: Points, angles: Sequence[float]) -> tuple[list[float], list[float]]:
    """Return the contrast at each angle for lines along the image, and for lines across it."""
    along = [_count_contrast(ys, xs, -angle) for angle in angles]
    return along, [_count_contrast(xs, ys, angle) for angle in angles]


def _clear_peak(angles: Sequence[float], sums: Sequence[float], min_peak: float) -> float | None:
    """Return the angle of the largest sum if that is clearly larger than the others, and at no end of the angles."""
    best = angles[int(np.argmax(sums))]
    is_clear = max(sums) >= min_peak * float(np.median(sums)) and abs(best) < max(angles)
    return best if is_clear else None


def _ink(image: NDArray[np.uint8]) -> tuple[Points, Points]:
    """Return x and y of at most _MAX_POINTS points of ink of the reduced image; of light ink if the paper is dark."""
    grey = image[:, :, 1]
    if np.median(grey[::_PAPER_STEP, ::_PAPER_STEP]) < _DARK_PAPER:
        grey = 255 - grey
    step = max(1, round(max(grey.shape) / _SIDE))
    height, width = grey.shape[0] // step, grey.shape[1] // step
    if not height or not width:
        return np.empty(0), np.empty(0)
    coarse = np.ascontiguousarray(_darkest(_darkest(grey[: height * step, : width * step], step).T, step).T)
    dark = _without_solid(coarse < _DARK * coarse.mean())
    found = np.flatnonzero(dark)  # a third of the time that `nonzero` takes for both
    ys, xs = np.divmod(found[:: len(found) // _MAX_POINTS + 1], width)
    return xs.astype(np.float64), ys.astype(np.float64)


def _darkest(grey: NDArray[np.uint8], step: int) -> NDArray[np.uint8]:
    """Return the darkest pixels of each group of rows. Row by row takes a tenth of the time of one NumPy call."""
    found = grey[::step]
    for row in range(1, step):
        found = np.minimum(found, grey[row::step])
    return found


def _without_solid(dark: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Remove areas that are darker than text can be: pictures, whose edges would outweigh the lines."""
    tall, wide = (-side % _TILE for side in dark.shape)
    padded = np.pad(dark, ((0, tall), (0, wide)))
    # One axis after the other, in bytes, takes a quarter of the time.
    high = padded.reshape(-1, _TILE, padded.shape[1]).sum(axis=1, dtype=np.uint8)
    tiles = high.reshape(len(high), -1, _TILE).sum(axis=2)
    solid = tiles > _MAX_TEXT_SHARE * _TILE * _TILE
    if not solid.any():
        return dark
    spread: NDArray[np.bool_] = solid.repeat(_TILE, axis=0).repeat(_TILE, axis=1)
    return dark & ~spread[: dark.shape[0], : dark.shape[1]]


def _count_contrast(across: Points, along: Points, degrees: float) -> float:
    """Return the sum of squared differences between the ink counts of neighbouring lines at this angle."""
    distances = across + along * math.tan(math.radians(degrees))
    counts = np.bincount((distances - distances.min()).astype(np.intp))
    return float(np.square(np.diff(counts)).sum())
