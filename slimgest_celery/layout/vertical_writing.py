"""Vertical lines of a text layer: Chinese and Japanese characters below each other, in columns from right to left."""

from __future__ import annotations

import re
from collections.abc import Sequence

from slimgest_celery.geometry import union
from slimgest_celery.layout.analysis import DetectedLine

_IDEOGRAPHIC = re.compile("[\u3041-\u30ff\u3400-\u9fff]")
_MAX_WIDTH = 1.5  # of a column, in type sizes
_TALL = 1.6  # the least height of characters below each other, in widths of the line
# Two characters of one column, in type sizes: the distance of their middles across it, and the gap between their boxes
_MAX_SIDE, _MIN_GAP, _MAX_GAP = 0.5, -0.5, 0.9


def join_columns(lines: Sequence[DetectedLine], width: float, height: float) -> list[DetectedLine] | None:
    """Return the lines with the characters of each column joined; None if the page is not written vertically.

    `width` and `height` are those of the page, in points.
    """
    if not any(_IDEOGRAPHIC.search(line.text) for line in lines):
        return None
    joined: list[DetectedLine] = []
    for line in lines:
        if joined and _is_below(joined[-1], line, width, height):
            joined[-1] = joined[-1]._replace(text=joined[-1].text + line.text, box=union((joined[-1].box, line.box)))
        else:
            joined.append(line)
    vertical = sum(len(line.text) for line in joined if _is_column(line, width, height))
    return joined if 2 * vertical > sum(len(line.text) for line in joined) else None


def _is_below(before: DetectedLine, line: DetectedLine, width: float, height: float) -> bool:
    """Return True if a line, which the PDF draws after another, is the next of its column."""
    if before.size != line.size or before.source != line.source or before.picture != line.picture:
        return False
    if (line.box[2] - line.box[0]) * width > _MAX_WIDTH * line.size:
        return False
    side = abs(before.box[0] + before.box[2] - line.box[0] - line.box[2]) / 2 * width
    gap = (line.box[1] - before.box[3]) * height
    return side <= _MAX_SIDE * line.size and _MIN_GAP * line.size <= gap <= _MAX_GAP * line.size


def _is_column(line: DetectedLine, width: float, height: float) -> bool:
    left, top, right, bottom = line.box
    is_tall = (bottom - top) * height > _TALL * (right - left) * width
    return len(line.text) > 1 and is_tall and bool(_IDEOGRAPHIC.search(line.text))
