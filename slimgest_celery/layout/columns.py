"""The gutters between lines that are side by side. Pure arithmetic on boxes; see reading_order.py."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from math import inf
from operator import attrgetter, itemgetter
from typing import NamedTuple

from slimgest_celery.geometry import Box

# In heights of a line. A gutter between columns is wider than the space between two words.
MIN_GUTTER = 0.6
OVERLAP = 0.3  # boxes are inexact: a line may reach this far into a gutter or into the line above
LONG_LINE = 8.0  # a line of running text is at least this long; most cells of tables are shorter
_MAX_GUTTERS = 4  # gutters to try in a region, best first


class LineBox(NamedTuple):
    """The box of a line, with its index and its middle."""

    box_index: int  # in the caller's sequence of boxes
    left: float
    top: float
    right: float
    bottom: float
    middle: float  # y
    text: str = ""


by_left, by_top, by_middle, by_bottom = map(attrgetter, ("left", "top", "middle", "bottom"))
Region = list[LineBox]  # by their middles, from top to bottom


def may_have_columns(boxes: Sequence[Box]) -> bool:
    """Return True if two boxes or more are beside others. If not, there are no columns or tables, only prose."""
    if not boxes:
        return False
    least = OVERLAP * min(bottom - top for _, top, _, bottom in boxes)
    lowest, beside = -inf, 0
    for _, top, _, bottom in sorted(boxes, key=itemgetter(1)):
        beside += lowest - top > least
        lowest = max(lowest, bottom)
    return beside > 1


def find_gutters(region: Region, height: float) -> list[float]:
    """Return the x of possible gutters: those inside the most gaps between neighbours, best first."""
    starts: list[float] = []
    ends: list[float] = []
    for line, beside in _neighbours(region, height):
        gap = beside.left - line.right
        if gap >= MIN_GUTTER * height:
            starts.append(line.right)
            ends.append(beside.left)
        elif min(line.right - line.left, beside.right - beside.left) >= LONG_LINE * height:
            # Two long lines side by side are in two columns, even if their boxes meet, as those of a scan may.
            middle, reach = line.right + gap / 2, OVERLAP * height
            starts.append(min(line.right, middle - reach))
            ends.append(max(beside.left, middle + reach))
    starts.sort()
    ends.sort()
    peaks: list[tuple[int, float, float]] = []  # number of gaps, width of their common part, x
    for opened, start in enumerate(starts, 1):
        end = ends[bisect_left(ends, start, lo=0)] if opened <= len(ends) else start
        depth = opened - bisect_left(ends, start)
        following = starts[opened] if opened < len(starts) else float("inf")
        if following >= end and depth >= 2:  # a local peak: one gap closes before the next opens
            peaks.append((depth, end - start, (start + end) / 2))
    return [x for _, _, x in sorted(peaks, reverse=True)[:_MAX_GUTTERS]]


def _neighbours(region: Region, height: float) -> list[tuple[LineBox, LineBox]]:
    """Return pairs: a line, and the nearest line to its right at the same height."""
    by_tops = sorted(region, key=by_top)
    nearest: dict[int, LineBox] = {}
    by_index: dict[int, LineBox] = {}
    active: Region = []
    for line in by_tops:
        active = [other for other in active if other.bottom > line.top]
        for other in active:
            if vertical_overlap(line, other) < OVERLAP:
                continue
            first, second = (line, other) if line.left < other.left else (other, line)
            known = nearest.get(first.box_index)
            if second.left >= first.right - OVERLAP * height and (known is None or second.left < known.left):
                nearest[first.box_index], by_index[first.box_index] = second, first
        active.append(line)
    return [(by_index[index], beside) for index, beside in nearest.items()]


def split_rows(region: Region) -> list[Region]:
    """Return the rows of a region, each from left to right. Lines are in one row if they overlap in height by half."""
    found: list[Region] = []
    for line in region:
        if found and line.middle < found[-1][0].bottom and found[-1][0].middle > line.top:
            found[-1].append(line)
        else:
            found.append([line])
    for row in found:
        row.sort(key=by_left)
    return found


def vertical_overlap(line: LineBox, other: LineBox) -> float:
    """Return the common part of two lines' heights, as a share of the smaller height."""
    _, _, top, _, bottom, _, _ = line
    _, _, its_top, _, its_bottom, _, _ = other
    common = min(bottom, its_bottom) - max(top, its_top)
    return common / (min(bottom - top, its_bottom - its_top) or 1e-9)
