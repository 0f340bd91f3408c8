"""Boxes and the arithmetic on them. A box is a plain tuple, because a page has hundreds and each costs time.

The alias in a signature gives the unit and the order of the four edges. For a type checker all are one type.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

Point = tuple[float, float]  # x, y

# In all but `PdfRect` the order is left, top, right, bottom, and y grows downwards.
Box = tuple[float, float, float, float]  # in any unit that is the same along both axes, or nearly so
PageBox = Box  # in 0-1 of the width and height of a page: of the page as displayed, unless the comment says otherwise
PixelBox = Box  # in pixels of an image
PixelWindow = tuple[int, int, int, int]  # in whole pixels of an image
PdfRect = Box  # left, bottom, right, top in points of the PDF's user space, where y grows upwards

_DIGITS = 5  # after the point, of a box in 0-1: a hundredth of a pixel on a page of 1000 pixels


def union(boxes: Sequence[Box]) -> Box:
    """The smallest box around all of these, of which there is at least one; also of `PdfRect`s."""
    if len(boxes) == 1:
        return boxes[0]
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def around(points: Iterable[Point]) -> Box:
    """The smallest box around these points, of which there is at least one."""
    xs, ys = zip(*points, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def scale(box: Box, width: float, height: float) -> Box:
    """A box in 0-1 of an area, in the unit in which the area has this width and height."""
    return box[0] * width, box[1] * height, box[2] * width, box[3] * height


def to_fractions(box: Box, width: float, height: float) -> Box:
    """A box in the unit in which an area has this width and height, in 0-1 of the area. The inverse of `scale`."""
    return box[0] / width, box[1] / height, box[2] / width, box[3] / height


def clip(box: PageBox) -> PageBox:
    """The part of a box that is on the page, rounded as page records store it."""
    left, top, right, bottom = (round(min(1.0, max(0.0, edge)), _DIGITS) for edge in box)
    return left, top, right, bottom


def has_middle_in(box: Box, other: Box) -> bool:
    """Return True if the middle of a box is inside another one."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return other[0] <= x <= other[2] and other[1] <= y <= other[3]


def is_beside(before: Box, after: Box, rotation: int = 0) -> bool:
    """Return True if the second box is in the row of the first, to its left or right.

    `rotation` is the number of degrees clockwise by which the page must be turned for the text to be upright.
    """
    if rotation % 180:
        before, after = _transposed(before), _transposed(after)
    middle = (after[1] + after[3]) / 2
    return before[1] < middle < before[3] and (after[0] >= before[2] or after[2] <= before[0])


def _transposed(box: Box) -> Box:
    return box[1], box[0], box[3], box[2]
