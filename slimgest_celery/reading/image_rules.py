"""Rules (horizontal and vertical lines) in the image of a page, which may be those of tables.

Method: a morphological opening with a line, as in Zheng et al., "A parallel-line detection algorithm based on HMM
decoding", PAMI 2005, and in OpenCV's tutorial on the extraction of lines: what is left is as long as the line. The
image is reduced by half first, with a pixel as dark as the darkest of four, so that thin lines are kept.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from slimgest_celery.geometry import PixelBox

Image = NDArray[np.uint8]  # height x width x 3, RGB
_Mask = NDArray[np.bool_]

_DARK = 170  # a pixel of a rule is darker
_MIN_LENGTH = 0.03  # of the longer side of the image: strokes of letters are shorter
_MAX_THICKNESS = 0.006  # of the longer side, also of a line that is slightly skewed: 10 pixels of 1754
_MAX_RUNS = 6000  # of dark pixels, in each direction: a picture has more


def find_rules(image: Image) -> list[PixelBox]:
    """Return the bounds of horizontal and vertical lines, in pixels of the image."""
    height, width = (side // 2 for side in image.shape[:2])
    if not height or not width:
        return []
    green = image[: 2 * height, : 2 * width, 1]  # much like grey, and faster
    rows = np.minimum(green[::2], green[1::2])
    dark = np.minimum(rows[:, ::2], rows[:, 1::2]) < _DARK
    longer = max(height, width)
    length, thickness = max(4, round(_MIN_LENGTH * longer)), max(2, round(_MAX_THICKNESS * longer))
    level = _find_level_rules(dark, length, thickness)
    upright = _find_level_rules(np.ascontiguousarray(dark.T), length, thickness)
    upright = [(top, left, bottom, right) for left, top, right, bottom in upright]
    return [(2.0 * left, 2.0 * top, 2.0 * right, 2.0 * bottom) for left, top, right, bottom in (*level, *upright)]


def _find_level_rules(dark: _Mask, length: int, thickness: int) -> list[tuple[int, int, int, int]]:
    """Return the bounds of horizontal lines that are at least so long and at most so thick."""
    rows, starts, ends = _find_runs(dark, length)
    if len(rows) > _MAX_RUNS:
        return []
    found: list[list[int]] = []
    growing: list[list[int]] = []  # lines that reach down to the row before
    for row, start, end in zip(rows.tolist(), starts.tolist(), ends.tolist(), strict=True):
        growing = [line for line in growing if line[3] >= row]
        touching = [line for line in growing if line[0] <= end and start <= line[2]]
        if not touching:
            found.append([start, row, end, row + 1])
            growing.append(found[-1])
            continue
        line = touching[0]
        for other in touching[1:]:  # this run joins them
            line[:] = min(line[0], other[0]), min(line[1], other[1]), max(line[2], other[2]), max(line[3], other[3])
            found.remove(other)
            growing.remove(other)
        line[:] = min(line[0], start), line[1], max(line[2], end), row + 1
    return [(left, top, right, bottom) for left, top, right, bottom in found if bottom - top <= thickness]


def _find_runs(dark: _Mask, length: int) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Return the runs of dark pixels that are at least so long, from top to bottom: row, start and end of each."""
    edges = np.diff(dark.astype(np.int8), axis=1, prepend=0, append=0).ravel()
    stride = dark.shape[1] + 1
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    long = ends - starts >= length
    starts, ends = starts[long], ends[long]
    return starts // stride, starts % stride, ends % stride
