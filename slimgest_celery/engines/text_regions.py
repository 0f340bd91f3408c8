"""From a map of text probabilities to rectangles around lines of text, as in DB ("Differentiable Binarization").

Pure numpy: OpenCV, pyclipper and shapely would do the same with 160 MB of libraries.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# As RapidOCR's defaults for PP-OCRv6.
_THRESHOLD, _MIN_SCORE = 0.3, 0.5  # of a pixel, and of the mean of a region
_GROWTH = 1.6  # the detector marks the core of a line; the rectangle grows by this times area over perimeter
_MIN_SIDE = 3  # pixels, before it grows

Points = NDArray[np.int64]  # n x 2: x, y


@dataclass(frozen=True, kw_only=True)
class TextRegion:
    """A rectangle in any direction, in pixels."""

    centre: tuple[float, float]
    direction: tuple[float, float]  # the unit vector of its width, which points right
    width: float
    height: float

    def scaled(self, x: float, y: float) -> TextRegion:
        """Return the region in an image that is larger by these ratios, which are almost equal."""
        (right, down), ratio = self.direction, (x + y) / 2
        if abs(down) < 1e-9:
            width, height = self.width * x, self.height * y
        else:
            width, height = self.width * ratio, self.height * ratio
        return TextRegion(
            centre=(self.centre[0] * x, self.centre[1] * y), direction=(right, down), width=width, height=height
        )

    def corners(self) -> NDArray[np.float64]:
        """Return the corners (4 x 2): top left, top right, bottom right, bottom left."""
        across = np.array(self.direction)
        along, down = across * self.width / 2, np.array([-across[1], across[0]]) * self.height / 2
        centre = np.array(self.centre)
        return np.stack([centre - along - down, centre + along - down, centre + along + down, centre - along + down])


def find_regions(probabilities: NDArray[np.float32]) -> list[TextRegion]:
    """Return the regions of text in a map (height x width) of probabilities, from top to bottom."""
    found = []
    for points in components(_dilate(probabilities > _THRESHOLD)):
        core = smallest_rectangle(points)
        if min(core.width, core.height) < _MIN_SIDE or _mean(probabilities, core) < _MIN_SCORE:
            continue
        growth = _GROWTH * core.width * core.height / (core.width + core.height)  # of a side: half of it at each end
        found.append(
            TextRegion(
                centre=core.centre,
                direction=core.direction,
                width=core.width + growth,
                height=core.height + growth,
            )
        )
    return found


def _dilate(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the mask grown by one pixel to the right and downwards."""
    grown = mask.copy()
    grown[1:] |= mask[:-1]
    grown[:, 1:] |= mask[:, :-1]
    grown[1:, 1:] |= mask[:-1, :-1]
    return grown


def components(mask: NDArray[np.bool_]) -> list[Points]:
    """Return the end points of the runs of pixels of each connected part of a mask; diagonal neighbours connect."""
    height, width = mask.shape
    stride = width + 2  # one empty pixel at each end, so that no run goes on into the next row
    flat = np.zeros((height, stride), np.int8)
    flat[:, 1:-1] = mask
    steps = np.diff(flat.ravel(), prepend=np.int8(0))
    starts, ends = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)
    if not len(starts):
        return []
    root = _roots(starts, ends, stride)
    order = np.argsort(root, kind="stable")
    rows, lefts, rights = (starts // stride)[order], (starts % stride)[order] - 1, (ends % stride)[order] - 2
    cuts = np.flatnonzero(np.diff(root[order])) + 1
    parts = zip(*(np.split(values, cuts) for values in (rows, lefts, rights)), strict=True)
    return [np.concatenate([np.stack([left, y], 1), np.stack([right, y], 1)]) for y, left, right in parts]


def _roots(starts: Points, ends: Points, stride: int) -> Points:
    """Return for each run the first run that it is connected with, in any number of steps."""
    first = np.searchsorted(ends, starts + stride, "left")  # of the runs in the row below that touch this one
    count = np.maximum(np.searchsorted(starts, ends + stride, "right") - first, 0)
    upper = np.repeat(np.arange(len(starts)), count)
    lower = np.repeat(first, count) + np.arange(len(upper)) - np.repeat(np.cumsum(count) - count, count)
    parents = list(range(len(starts)))

    def root(run: int) -> int:
        while parents[run] != run:
            parents[run] = run = parents[parents[run]]
        return run

    for a, b in zip(upper.tolist(), lower.tolist(), strict=True):
        one, other = root(a), root(b)
        parents[max(one, other)] = min(one, other)
    return np.array([root(run) for run in range(len(parents))])


def smallest_rectangle(points: Points) -> TextRegion:
    """Return the rectangle of least area around these points. One of its sides lies on their convex hull."""
    hull = np.array(_convex_hull(points), np.float64)
    edges = np.roll(hull, -1, 0) - hull
    lengths = np.hypot(edges[:, 0], edges[:, 1])
    across = edges[lengths > 0] / lengths[lengths > 0, None] if lengths.any() else np.array([[1.0, 0.0]])
    down = np.stack([-across[:, 1], across[:, 0]], 1)
    x, y = hull @ across.T, hull @ down.T
    widths, heights = np.ptp(x, 0), np.ptp(y, 0)
    best = int(np.argmin(widths * heights))
    middle_x, middle_y = (x[:, best].min() + x[:, best].max()) / 2, (y[:, best].min() + y[:, best].max()) / 2
    centre = across[best] * middle_x + down[best] * middle_y
    direction, width, height = across[best], widths[best], heights[best]
    if abs(direction[0]) < abs(direction[1]):
        direction, width, height = down[best], height, width
    if direction[0] < 0:
        direction = -direction
    return TextRegion(
        centre=(float(centre[0]), float(centre[1])),
        direction=(float(direction[0]), float(direction[1])),
        width=float(width),
        height=float(height),
    )


def _convex_hull(points: Points) -> list[tuple[int, int]]:
    ordered = sorted(set(map(tuple, points.tolist())))
    return ordered if len(ordered) < 3 else _half_hull(ordered)[:-1] + _half_hull(ordered[::-1])[:-1]


def _half_hull(points: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """One side of the hull of sorted points (Andrew's monotone chain)."""
    hull: list[tuple[int, int]] = []
    for x, y in points:
        while len(hull) > 1:
            (x1, y1), (x2, y2) = hull[-2:]
            if (x2 - x1) * (y - y1) - (y2 - y1) * (x - x1) > 0:
                break
            hull.pop()
        hull.append((x, y))
    return hull


def _mean(probabilities: NDArray[np.float32], region: TextRegion) -> float:
    """The mean of the probabilities in a region."""
    corners = region.corners()
    left, top = np.maximum(np.floor(corners.min(0)).astype(int), 0)
    right, bottom = np.ceil(corners.max(0)).astype(int) + 1
    window = probabilities[top:bottom, left:right]
    across, down = region.direction
    if abs(down) < 1e-9:  # level
        return float(window.mean())
    x = np.arange(left, left + window.shape[1]) - region.centre[0]
    y = np.arange(top, top + window.shape[0])[:, None] - region.centre[1]
    inside = np.abs(x * across + y * down) <= region.width / 2 + 0.5
    inside &= np.abs(y * across - x * down) <= region.height / 2 + 0.5
    return float(window[inside].mean()) if inside.any() else 0.0
