"""The order in which a person would read boxes: top to bottom, columns one after the other.

Method: recursive X-Y cut (Nagy & Seth, "Hierarchical representation of optically scanned documents", ICPR 1984).
A region is cut at every horizontal gap that runs through it and each strip at every vertical one, again and again.
The widest gap decides which way to cut first, so that the gutter between two columns wins over the space between
paragraphs, and a headline across both columns is cut off before them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from .model import Block

# Gaps count in heights of a line. A gutter is wider than the space between two words or table cells of one line.
_GUTTER = 1.0
_STRIP = 0.15
# A gutter this wide, against the column before it, divides the cells of a table rather than columns of text.
_GUTTER_SHARE = 0.6


def sort(blocks: Sequence[Block]) -> list[Block]:
    """The blocks in reading order. Works on boxes alone."""
    if not blocks:
        return []
    line_height = median(_height(block) for block in blocks) or 0.01
    return _read(list(blocks), line_height)


def _read(region: list[Block], line_height: float) -> list[Block]:
    if len(region) < 2:
        return region
    columns = _cut(region, axis=0, least=_GUTTER * line_height)
    if len(columns) > 1 and _are_columns(columns, line_height):
        return [block for column in columns for block in _read(column, line_height)]
    strips = _cut(region, axis=1, least=_STRIP * line_height)
    if len(strips) > 1:
        return [block for run in _runs(strips, line_height) for block in _read_run(run, line_height)]
    return _rows(region)


def _read_run(run: list[Block], line_height: float) -> list[Block]:
    """A run of strips: read column by column if it has columns, else strip by strip."""
    columns = _cut(run, axis=0, least=_GUTTER * line_height)
    if len(columns) > 1 and _are_columns(columns, line_height):
        return [block for column in columns for block in _read(column, line_height)]
    strips = _cut(run, axis=1, least=_STRIP * line_height)
    return [block for strip in strips for block in (_read(strip, line_height) if len(strips) > 1 else _rows(strip))]


def _runs(strips: list[list[Block]], line_height: float) -> list[list[Block]]:
    """Neighbouring strips that a common gutter divides, together; every other strip alone."""
    runs: list[list[Block]] = []
    for strip in strips:
        joined = [*runs[-1], *strip] if runs else strip
        if runs and len(_cut(joined, axis=0, least=_GUTTER * line_height)) > 1:
            runs[-1] = joined
        else:
            runs.append(strip)
    return runs


def _are_columns(columns: list[list[Block]], line_height: float) -> bool:
    """Columns of text hold several lines and stand close; cells of a table, or a number beside a heading, do not."""
    tall = sum(_span(column) > 2.5 * line_height for column in columns) > 1
    return tall and all(_gutter(left, right) < _GUTTER_SHARE * _width(left) for left, right in pairwise(columns))


def _cut(region: list[Block], *, axis: int, least: float) -> list[list[Block]]:
    """The region's parts along an axis (0: left to right, 1: top to bottom), where a gap of `least` divides them."""
    parts: list[list[Block]] = []
    reach = 0.0
    for block in sorted(region, key=lambda block: block.box[axis]):
        if not parts or block.box[axis] - reach >= least:
            parts.append([])
            reach = block.box[axis + 2]
        parts[-1].append(block)
        reach = max(reach, block.box[axis + 2])
    return parts


def _rows(region: list[Block]) -> list[Block]:
    """Blocks that overlap in height by half are one row, read from left to right."""
    rows: list[list[Block]] = []
    for block in sorted(region, key=_middle):
        if rows and _middle(block) < rows[-1][0].box[3] and _middle(rows[-1][0]) > block.box[1]:
            rows[-1].append(block)
        else:
            rows.append([block])
    return [block for row in rows for block in sorted(row, key=lambda block: block.box[0])]


def _height(block: Block) -> float:
    return block.box[3] - block.box[1]


def _middle(block: Block) -> float:
    return (block.box[1] + block.box[3]) / 2


def _width(column: list[Block]) -> float:
    return max(block.box[2] for block in column) - min(block.box[0] for block in column)


def _gutter(left: list[Block], right: list[Block]) -> float:
    return min(block.box[0] for block in right) - max(block.box[2] for block in left)


def _span(column: list[Block]) -> float:
    return max(block.box[3] for block in column) - min(block.box[1] for block in column)
