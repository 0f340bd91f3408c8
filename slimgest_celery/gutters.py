"""Where lines stand side by side, and the gutters between them. Pure arithmetic on boxes; see reading_order.py."""

from __future__ import annotations

from bisect import bisect_left
from math import inf
from operator import attrgetter
from typing import NamedTuple

Box = tuple[float, float, float, float]  # left, top, right, bottom; y grows downwards

# In heights of a line. A gutter between columns is wider than the space between two words.
_GUTTER = 0.6
OVERLAP = 0.3  # how far a line may reach into a gutter, or into the line above, by an inexact box
_TRIED = 4  # gutters tried in a region, best first


class Line(NamedTuple):
    """A box with its middle's height."""

    place: int  # in the caller's sequence
    left: float
    top: float
    right: float
    bottom: float
    middle: float


by_left, by_top, by_middle = attrgetter("left"), attrgetter("top"), attrgetter("middle")
Region = list[Line]  # by their middles, from top to bottom


def have_columns(lines: Region) -> bool:
    """Whether there may be columns or tables: two lines or more that stand beside others, unlike on pages of prose."""
    least = OVERLAP * min(line.bottom - line.top for line in lines)
    lowest, beside = -inf, 0
    for line in sorted(lines, key=by_top):
        beside += lowest - line.top > least
        lowest = max(lowest, line.bottom)
    return beside > 1


def find(region: Region, height: float) -> list[float]:
    """Where gutters may be: the x that lie in the most gaps between neighbours, most first."""
    starts: list[float] = []
    ends: list[float] = []
    for line, beside in _neighbours(region, height):
        if beside.left - line.right >= _GUTTER * height:
            starts.append(line.right)
            ends.append(beside.left)
    starts.sort()
    ends.sort()
    peaks: list[tuple[int, float, float]] = []  # how many gaps, how wide together, x
    for opened, start in enumerate(starts, 1):
        end = ends[bisect_left(ends, start, lo=0)] if opened <= len(ends) else start
        depth = opened - bisect_left(ends, start)
        following = starts[opened] if opened < len(starts) else float("inf")
        if following >= end and depth >= 2:  # a local peak: the next gap opens only after one closes
            peaks.append((depth, end - start, (start + end) / 2))
    return [x for _, _, x in sorted(peaks, reverse=True)[:_TRIED]]


def _neighbours(region: Region, height: float) -> list[tuple[Line, Line]]:
    """Each line with the nearest one to its right that stands at its height."""
    by_tops = sorted(region, key=by_top)
    nearest: dict[int, Line] = {}
    of: dict[int, Line] = {}
    active: Region = []
    for line in by_tops:
        active = [other for other in active if other.bottom > line.top]
        for other in active:
            if shared(line, other) < OVERLAP:
                continue
            first, second = (line, other) if line.left < other.left else (other, line)
            known = nearest.get(first.place)
            if second.left >= first.right - OVERLAP * height and (known is None or second.left < known.left):
                nearest[first.place], of[first.place] = second, first
        active.append(line)
    return [(of[index], beside) for index, beside in nearest.items()]


def shared(line: Line, other: Line) -> float:
    """The share of the lower line's height at which the other one stands too."""
    _, _, top, _, bottom, _ = line
    _, _, its_top, _, its_bottom, _ = other
    common = min(bottom, its_bottom) - max(top, its_top)
    return common / (min(bottom - top, its_bottom - its_top) or 1e-9)
