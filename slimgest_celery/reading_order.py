"""The order in which a person would read boxes: top to bottom, columns one after the other, tables row by row.

Method: a recursive X-Y cut (Nagy & Seth, "Hierarchical representation of optically scanned documents", ICPR 1984) whose
vertical cuts may be crossed, as in Breuel, "High performance document layout analysis", SDIUT 2003.

1. Lines that stand side by side leave a gap between them. The gutter is the x that lies in most of these gaps.
2. Lines across the gutter that stand alone at their height (headings, full-width paragraphs) divide the region into
   parts, read one after the other. Lines across it with others beside them (a caption between two columns) are an
   inset, and read after its part.
   What stands beside a line across on one side only belongs to its row.
3. What is left and right of the gutter is read one after the other where it is columns of text. Where it is cells of a
   table, or a number beside a heading, it is read row by row.

Distances count in heights of a line, so the unit of the boxes does not matter as long as it is square, or nearly so.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from math import inf
from statistics import median

from . import gutters
from .gutters import OVERLAP, Box, Line, Region, by_left, by_middle, by_top, shared

# In heights of a line.
_WIDE = 8.0  # a line of running text is at least this long; most cells of tables are shorter
_LEVEL = 0.3  # lines whose middles differ by less stand on one level
_REACH = 3.0  # a line of running text ends at most this far from the column's edge
_TALL = 4.0  # a line this high runs up or down
_MARGIN = 1.0  # a running head stands at least this far from the text
# Shares.
_RUNNING = 0.5  # of a column's lines that must end near its edge
_ALIGNED = 0.6  # of a side's lines that have one on their level on the other side, where the two are a table
_GUTTER_SHARE = 0.6  # widest gutter, as a share of the narrower column beside it
_INSET_SHARE = 0.3  # of a region's lines that may be insets


def order(boxes: Sequence[Box], *, right_to_left: bool = False, least_height: float = 0.0) -> list[int]:
    """The indices of the boxes in reading order; `right_to_left` mirrors columns and rows, as in Arabic.

    `least_height` is the height of a line, in the boxes' unit, where boxes hug their letters and are lower than that.
    """
    if _descend(boxes):
        return list(range(len(boxes)))
    if right_to_left:
        boxes = [(-right, top, -left, bottom) for left, top, right, bottom in boxes]
    lines = [Line(index, *box, (box[1] + box[3]) / 2) for index, box in enumerate(boxes)]
    lines.sort(key=by_middle)
    height = max(median(line.bottom - line.top for line in lines), least_height) or 1e-9
    flat = [line for line in lines if not _stands(line, height)]
    standing = [line for line in lines if _stands(line, height)] if len(flat) < len(lines) else []
    return [line.place for line in (*_read(flat, height), *standing)]


def _descend(boxes: Sequence[Box]) -> bool:
    """Whether each lies wholly below those before it, as on a page of prose, where nothing is left to be ordered."""
    lowest = -inf
    for left, top, right, bottom in boxes:
        if top < lowest or bottom - top > 2 * (right - left):  # what stands is read last
            return False
        lowest = bottom
    return True


def _stands(line: Line, height: float) -> bool:
    """Whether a line runs up or down the page, as a stamp in the margin does; such lines are read last."""
    tall = line.bottom - line.top
    return tall > _TALL * height and tall > 2 * (line.right - line.left)


def _read(region: Region, height: float) -> Region:
    if len(region) < 2:
        return region
    found = rows(region)
    if not gutters.have_columns(region):
        return _by_rows(found)
    bands = _bands(found, height)
    if len(bands) > 1:
        return [line for band in bands for line in _read(band, height)]
    for gutter in gutters.find(region, height):
        cut = _cut(region, gutter, height)
        if cut is not None:
            return [line for part in cut for line in _read(part, height)]
    return _by_rows(found)


def _by_rows(found: list[Region]) -> Region:
    return [line for row in found for line in row]


def rows(region: Region) -> list[Region]:
    """Lines that overlap in height by half are one row, from left to right."""
    found: list[Region] = []
    for line in region:
        if found and line.middle < found[-1][0].bottom and found[-1][0].middle > line.top:
            found[-1].append(line)
        else:
            found.append([line])
    for row in found:
        row.sort(key=by_left)
    return found


def _bands(found: list[Region], height: float) -> list[Region]:
    """A region, given by its rows, divided into tables over its whole width and what is between them."""
    bands: list[Region] = []
    in_table = False
    for of_table, row in _marked(found, height):
        if not bands or of_table != in_table:
            bands.append([])
            in_table = of_table
        bands[-1] += row
    return [sorted(band, key=by_middle) for band in bands]


def _marked(found: list[Region], height: float) -> list[tuple[bool, Region]]:
    """Each row with whether it is one of a table: of several rows of short cells, some of which have three or more."""
    marked: list[tuple[bool, Region]] = []
    run: list[Region] = []
    for row in [*found, []]:
        if len(row) > 1 and all(cell.right - cell.left < _WIDE * height for cell in row):
            run.append(row)
            continue
        table = sum(len(cells) > 2 for cells in run) > 1
        marked += [(table, cells) for cells in run]
        marked += [(False, row)] if row else []
        run = []
    return marked


# --- Cuts -------------------------------------------------------------------------------------------------------------


def _cut(region: Region, x: float, height: float) -> list[Region] | None:
    """The region's parts in order, cut at this gutter; None where it is none."""
    tolerance = OVERLAP * height
    left = [line for line in region if line.right <= x + tolerance]
    right = [line for line in region if line.left >= x - tolerance and line.right > x + tolerance]
    sided = {line.place for line in (*left, *right)}
    across = [line for line in region if line.place not in sided]
    beside_left, beside_right = _beside(across, left), _beside(across, right)
    insets = [line for line in across if line.place in beside_left and line.place in beside_right]
    set_in = {line.place for line in insets}
    insets += _set_below(insets, [line for line in across if line.place not in set_in], height)
    insets.sort(key=by_middle)
    if len(insets) > _INSET_SHARE * len(region):
        return None
    set_in = {line.place for line in insets}
    dividers = [line for line in across if line.place not in set_in]
    # What stands beside a divider on one side only is of its row.
    in_rows = _beside(left + right, dividers)
    dividers += [line for line in left + right if line.place in in_rows]
    left, right = ([line for line in side if line.place not in in_rows] for side in (left, right))
    dividers += _margins(left + right, dividers, height)
    divided = {line.place for line in dividers}
    left, right = ([line for line in side if line.place not in divided] for side in (left, right))
    if not _are_columns(left, right, height):
        return None
    return _parts(dividers, left, right, insets)


def _set_below(insets: Region, lines: Region, height: float) -> Region:
    """Which short lines go on with an inset: close above or below a line of it, and not wider than all of it."""
    if not insets:
        return []
    left = min(line.left for line in insets) - _REACH * height
    right = max(line.right for line in insets) + _REACH * height
    found: Region = []
    for line in lines:
        within = left <= line.left and line.right <= right and line.right - line.left < _WIDE * height
        gaps = (max(line.top - other.bottom, other.top - line.bottom) for other in (*insets, *found))
        if within and min(gaps) < height:
            found.append(line)
    return found


def _beside(lines: Region, others: Region) -> set[int]:
    """Which lines have one of the others at their height."""
    sides = sorted(others, key=by_top)
    tops = [line.top for line in sides]
    tallest = max((line.bottom - line.top for line in sides), default=0.0)
    found = set()
    for line in lines:
        near = sides[bisect_left(tops, line.top - tallest) : bisect_left(tops, line.bottom)]
        if any(shared(line, other) > OVERLAP for other in near):
            found.add(line.place)
    return found


def _margins(sides: Region, dividers: Region, height: float) -> Region:
    """Running heads and feet: one row at the very top or bottom, clear of the rest."""
    everything = rows(sorted((*sides, *dividers), key=by_middle))
    if len(everything) < 4:
        return []
    found: Region = []
    if min(line.top for line in everything[1]) - max(line.bottom for line in everything[0]) >= _MARGIN * height:
        found += everything[0]
    if min(line.top for line in everything[-1]) - max(line.bottom for line in everything[-2]) >= _MARGIN * height:
        found += everything[-1]
    known = {line.place for line in dividers}
    return [line for line in found if line.place not in known]


def _parts(dividers: Region, left: Region, right: Region, insets: Region) -> list[Region]:
    """Dividers, and between them what is left, what is right, and what is set in."""
    edges = sorted(line.middle for line in dividers)
    parts: list[Region] = []
    sides = [[[] for _ in range(len(edges) + 1)] for _ in range(3)]  # type: list[list[Region]]
    for side, lines in zip(sides, (left, right, insets), strict=True):
        for line in lines:
            side[bisect_left(edges, line.middle)].append(line)
    dividers = sorted(dividers, key=by_middle)
    alone: Region = []
    for strip in range(len(edges) + 1):
        filled = [side[strip] for side in sides if side[strip]]
        if len(filled) > 1 and max(map(len, filled)) == 1:  # one row, not columns
            filled = [sorted((line for side in filled for line in side), key=by_middle)]
        if filled:
            parts += [alone] if alone else []
            parts += filled
            alone = []
        if strip < len(edges):
            alone = [*alone, dividers[strip]]
    return [*parts, alone] if alone else parts


# --- Columns or cells -------------------------------------------------------------------------------------------------


def _are_columns(left: Region, right: Region, height: float) -> bool:
    """Whether two sides of a gutter are columns of text rather than cells of a table."""
    if len(left) < 2 or len(right) < 2:
        return False
    fewer, more = sorted((left, right), key=len)
    running = _is_running(left, height), _is_running(right, height)
    if _aligned(fewer, more, height) < _ALIGNED:
        # The labels of a table's rows may run over several lines, and then stand on no level with its cells.
        return any(running) or not (_is_tabular(left, height) or _is_tabular(right, height))
    if not any(running):
        return False
    gutter = min(line.left for line in right) - max(line.right for line in left)
    return all(running) or gutter < _GUTTER_SHARE * min(_width(left), _width(right))


def _aligned(fewer: Region, more: Region, height: float) -> float:
    """The share of lines that have one on their level on the other side."""
    middles = [line.middle for line in more]
    matched = 0
    for line in fewer:
        at = bisect_left(middles, line.middle - _LEVEL * height)
        matched += at < len(middles) and middles[at] <= line.middle + _LEVEL * height
    return matched / len(fewer)


def _is_running(side: Region, height: float) -> bool:
    """Whether most lines of a side are long and end near its edge, as lines of text do and names in a table do not."""
    edge = max(line.right for line in side)
    full = sum(line.right > edge - _REACH * height and line.right - line.left >= _WIDE * height for line in side)
    return len(side) > 2 and full >= _RUNNING * len(side)


def _is_tabular(side: Region, height: float) -> bool:
    """Whether most rows of a side are several short cells."""
    found = rows(side)
    cells = sum(len(row) > 1 and all(cell.right - cell.left < _WIDE * height for cell in row) for row in found)
    return 2 * cells >= len(found)


def _width(side: Region) -> float:
    return max(line.right for line in side) - min(line.left for line in side)
