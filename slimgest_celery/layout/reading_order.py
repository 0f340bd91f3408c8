"""The order in which a person would read boxes: top to bottom, columns one after the other, tables row by row.

Method: a recursive X-Y cut (Nagy & Seth, "Hierarchical representation of optically scanned documents", ICPR 1984) whose
vertical cuts may be crossed, as in Breuel, "High performance document layout analysis", SDIUT 2003.

1. There is a gap between two lines that are side by side. The gutter is the x inside the most of these gaps.
2. A line across the gutter and alone at its height (a heading, a full-width paragraph) is a divider: it divides the
   region into parts, which are read one after the other. A line across the gutter with lines on both sides (a caption
   between two columns) is an inset, and is read after its part. A line beside a divider on one side only belongs to
   the divider's row.
3. Between two dividers, the two sides of the gutter are columns of text (read one after the other), rows of blocks
   (row_blocks.py: cell by cell), or cells of a table or a number beside a heading (row by row). Columns are of running
   text (running_text.py), or their lines are not on one level.
4. Before that, rows of three or more short cells on one level are cut off as a table.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from math import inf
from statistics import median

from slimgest_celery.geometry import Box
from slimgest_celery.layout import columns, row_blocks
from slimgest_celery.layout.columns import (
    LONG_LINE,
    OVERLAP,
    LineBox,
    Region,
    by_bottom,
    by_middle,
    by_top,
    split_rows,
    vertical_overlap,
)
from slimgest_celery.layout.running_text import RAGGED_EDGE, Side, is_wrapped_text

# In heights of a line.
_SAME_LEVEL = 0.3  # lines are on one level if their middles differ by less
_MIN_VERTICAL_HEIGHT = 4.0  # a higher line may be vertical
_MAX_OVERHANG = 0.8  # of a long line over a gutter
_HEAD_GAP = 1.0  # a running head is at least this far from the text
# Shares.
_OVERHANG_SHARE = 0.05  # of a line, over a gutter
_MIN_TABLE_ROWS = 4  # between two dividers; of fewer rows all of the region decides
_MIN_LEVEL_ROWS = 0.7  # of the rows of a table
_MIN_ALIGNED = 0.6  # of the lines on one side of a table: those with a line on their level on the other side
_MIN_IN_COLUMNS = 0.3  # of the lines on both sides of a gutter: the others are in tables
_EQUAL_WIDTHS = 0.85  # the columns of a page have the same width
_MAX_GUTTER_SHARE = 0.6  # of the width of the narrower column
_MAX_INSET_SHARE = 0.3  # of the lines of a region


def order(
    boxes: Sequence[Box],
    texts: Sequence[str] = (),
    *,
    right_to_left: bool = False,
    min_line_height: float = 0.0,
    areas: int = 0,
) -> list[int]:
    """Return the indices of the boxes in reading order; `right_to_left` mirrors columns and rows, as in Arabic.

    `texts` are those of the boxes, if known: lines of running text continue sentences. `min_line_height` is in the
    boxes' unit. It is for boxes that are only as high as their letters. The last boxes, `areas` of them, are tables and
    pictures.
    """
    if _are_in_order(boxes):
        return list(range(len(boxes)))
    if right_to_left:
        boxes = [(-right, top, -left, bottom) for left, top, right, bottom in boxes]
    lines = [
        LineBox(index, left, top, right, bottom, (top + bottom) / 2, text)
        for index, ((left, top, right, bottom), text) in enumerate(zip(boxes, texts or [""] * len(boxes), strict=True))
    ]
    lines.sort(key=by_middle)
    height = max(median(line.bottom - line.top for line in lines), min_line_height) or 1e-9
    vertical = [line for line in lines if _is_vertical(line, height)]
    if areas and vertical:  # a table or picture beside text is read after it, else in its place
        text = [line for line in lines if line.box_index < len(boxes) - areas]
        beside = _indices_beside(vertical, text)
        vertical = [line for line in vertical if line in text or line.box_index in beside]
    horizontal = [line for line in lines if line not in vertical] if vertical else lines
    return [line.box_index for line in (*_read(horizontal, height), *vertical)]


def _are_in_order(boxes: Sequence[Box]) -> bool:
    """Return True if each box is wholly below those before it, as on most pages of prose: they are in order already."""
    lowest = -inf
    for left, top, right, bottom in boxes:
        if top < lowest or bottom - top > 2 * (right - left):  # a vertical line is read last
            return False
        lowest = bottom
    return True


def _is_vertical(line: LineBox, height: float) -> bool:
    """Return True if a line runs up or down the page, as a stamp in the margin does. Vertical lines are read last."""
    tall = line.bottom - line.top
    return tall > _MIN_VERTICAL_HEIGHT * height and tall > 2 * (line.right - line.left)


def _read(region: Region, height: float) -> Region:
    if len(region) < 2:
        return region
    found = split_rows(region)
    if not columns.may_have_columns([line[1:5] for line in region]):
        return _by_rows(found)
    bands = _split_at_tables(found, height)
    if len(bands) > 1:
        return [line for band in bands for line in _read(band, height)]
    for gutter in columns.find_gutters(region, height):
        cut = _cut_at_gutter(region, gutter, height)
        if cut is not None:
            return [line for part in cut for line in _read(part, height)]
    return _by_rows(found)


def _by_rows(found: list[Region]) -> Region:
    return [line for row in found for line in row]


def _split_at_tables(found: list[Region], height: float) -> list[Region]:
    """Return a region, given by its rows, in bands: each table over the whole width, and the lines between tables."""
    bands: list[Region] = []
    in_table = False
    for is_table_row, row in _mark_table_rows(found, height):
        if not bands or is_table_row != in_table:
            bands.append([])
            in_table = is_table_row
        bands[-1] += row
    return [sorted(band, key=by_middle) for band in bands]


def _mark_table_rows(found: list[Region], height: float) -> list[tuple[bool, Region]]:
    """Return pairs: True if the row is in a table, and the row.

    A table is a run of rows of short cells. At least two of the rows have three cells or more.
    """
    marked: list[tuple[bool, Region]] = []
    run: list[Region] = []
    for row in [*found, []]:
        if len(row) > 1 and all(cell.right - cell.left < LONG_LINE * height for cell in row):
            run.append(row)
            continue
        is_table = sum(len(cells) > 2 for cells in run) > 1 and _is_level(run, height) and not is_wrapped_text(run)
        marked += [(is_table, cells) for cells in run]
        marked += [(False, row)] if row else []
        run = []
    return marked


def _is_level(run: list[Region], height: float) -> bool:
    """Return True if in most rows all cells are on one level; lines of columns side by side are not."""
    level = sum(min(_spread(row, by_middle), _spread(row, by_bottom)) < _SAME_LEVEL * height for row in run)
    return level >= _MIN_LEVEL_ROWS * len(run)


def _spread(row: Region, edge: Callable[[LineBox], float]) -> float:
    edges = [edge(cell) for cell in row]
    return max(edges) - min(edges)


# --- Cuts -------------------------------------------------------------------------------------------------------------


def _cut_at_gutter(region: Region, x: float, height: float) -> list[Region] | None:
    """Return the parts of a region, cut at the gutter at `x`, in reading order. Return None if that is no gutter."""
    left, right, across = _split_at_x(region, x, height)
    beside_left, beside_right = _indices_beside(across, left), _indices_beside(across, right)
    insets = [line for line in across if line.box_index in beside_left and line.box_index in beside_right]
    inset_indices = {line.box_index for line in insets}
    insets += _continue_insets(insets, [line for line in across if line.box_index not in inset_indices], height)
    insets.sort(key=by_middle)
    if len(insets) > _MAX_INSET_SHARE * len(region):
        return None
    inset_indices = {line.box_index for line in insets}
    dividers = [line for line in across if line.box_index not in inset_indices]
    # A line beside a divider on one side only belongs to the divider's row.
    in_rows = _indices_beside(left + right, dividers)
    dividers += [line for line in left + right if line.box_index in in_rows]
    left, right = ([line for line in side if line.box_index not in in_rows] for side in (left, right))
    dividers += _running_heads_and_feet(left + right, dividers, height)
    divider_indices = {line.box_index for line in dividers}
    left, right = ([line for line in side if line.box_index not in divider_indices] for side in (left, right))
    return _order_parts(dividers, left, right, insets, height)


def _split_at_x(region: Region, x: float, height: float) -> tuple[Region, Region, Region]:
    """Return the lines to the left, to the right and across."""
    tolerance = OVERLAP * height
    left = [line for line in region if line.right <= x + tolerance]
    right = [line for line in region if line.left >= x - tolerance and line.right > x + tolerance]
    if len(left) + len(right) == len(region):
        return left, right, []
    on_one_side = {line.box_index for line in (*left, *right)}
    across = [line for line in region if line.box_index not in on_one_side]
    # The box of a long line of a scan may be larger than its letters. Then there is a line beside it.
    over_right = [line for line in across if line.right - x < _overhang(line, height)]
    over_left = [line for line in across if x - line.left < _overhang(line, height)]
    beside_right, beside_left = _indices_beside(over_right, right), _indices_beside(over_left, left)
    if not beside_left and not beside_right:
        return left, right, across
    left = [*left, *(line for line in over_right if line.box_index in beside_right)]
    right = [*right, *(line for line in over_left if line.box_index in beside_left)]
    rest = [line for line in across if line.box_index not in beside_left | beside_right]
    return sorted(left, key=by_middle), sorted(right, key=by_middle), rest


def _overhang(line: LineBox, height: float) -> float:
    """Return how far the box of a line may reach over a gutter."""
    return min(_MAX_OVERHANG * height, _OVERHANG_SHARE * (line.right - line.left))


def _continue_insets(insets: Region, lines: Region, height: float) -> Region:
    """Return the short lines that belong to an inset too: close above or below its lines, and not wider than it."""
    if not insets:
        return []
    left = min(line.left for line in insets) - RAGGED_EDGE * height
    right = max(line.right for line in insets) + RAGGED_EDGE * height
    found: Region = []
    for line in lines:
        within = left <= line.left and line.right <= right and line.right - line.left < LONG_LINE * height
        gaps = (max(line.top - other.bottom, other.top - line.bottom) for other in (*insets, *found))
        if within and min(gaps) < height:
            found.append(line)
    return found


def _indices_beside(lines: Region, others: Region) -> set[int]:
    """Return the indices of those lines that have one of the others at their height."""
    if not lines or not others:
        return set()
    sides = sorted(others, key=by_top)
    tops = [line.top for line in sides]
    tallest = max((line.bottom - line.top for line in sides), default=0.0)
    found = set()
    for line in lines:
        near = sides[bisect_left(tops, line.top - tallest) : bisect_left(tops, line.bottom)]
        if any(vertical_overlap(line, other) > OVERLAP for other in near):
            found.add(line.box_index)
    return found


def _running_heads_and_feet(sides: Region, dividers: Region, height: float) -> Region:
    """Return the lines of a running head and foot: the first or last row, with a gap between it and the rest."""
    everything = split_rows(sorted((*sides, *dividers), key=by_middle))
    if len(everything) < 4:
        return []
    found: Region = []
    if min(line.top for line in everything[1]) - max(line.bottom for line in everything[0]) >= _HEAD_GAP * height:
        found += everything[0]
    if min(line.top for line in everything[-1]) - max(line.bottom for line in everything[-2]) >= _HEAD_GAP * height:
        found += everything[-1]
    known = {line.box_index for line in dividers}
    return [line for line in found if line.box_index not in known]


def _order_parts(dividers: Region, left: Region, right: Region, insets: Region, height: float) -> list[Region] | None:
    """Return the dividers, and between them the left side, the right side and the insets.

    Between two dividers there may also be a table, or rows of blocks. Return None if there are no columns at all.
    """
    if min(len(left), len(right)) < 2:
        return None
    edges = sorted(line.middle for line in dividers)
    strips = list(zip(*(_split_at(side, edges) for side in (left, right, insets)), strict=True))
    ordered = [
        _order_table(left, right, height) if min(len(left), len(right)) > 1 and not inside else None
        for left, right, inside in strips
    ]
    columns_left, columns_right = (
        [line for strip, parts in zip(strips, ordered, strict=True) if parts is None for line in strip[side]]
        for side in (0, 1)
    )
    has_blocks = any(parts is not None and len(parts) > 1 for parts in ordered)
    in_columns = len(columns_left) + len(columns_right)
    is_known = len(strips) == 1 and not insets and min(len(columns_left), len(columns_right)) >= _MIN_TABLE_ROWS
    if not is_known and not _are_columns(Side(columns_left, height), Side(columns_right, height), height):
        if not has_blocks or (columns_left and columns_right):
            return None
    elif not has_blocks and in_columns < _MIN_IN_COLUMNS * (len(left) + len(right)):
        return None
    dividers = sorted(dividers, key=by_middle)
    parts: list[Region] = []
    between: Region = []  # dividers in sequence, without lines between them
    for index, strip in enumerate(strips):
        if filled := ordered[index] or _order_columns(strip):
            parts += [between] if between else []
            parts += filled
            between = []
        if index < len(edges):
            between = [*between, dividers[index]]
    return [*parts, between] if between else parts


def _order_table(left: Region, right: Region, height: float) -> list[Region] | None:
    """Return the parts of what is between two dividers if it is a table or rows of blocks, else None."""
    sides = Side(left, height), Side(right, height)
    if rows := row_blocks.split_into_rows(*sides, height):
        return [part for row in rows for part in row_blocks.parts_of(row, height)]
    if min(len(left), len(right)) >= _MIN_TABLE_ROWS and not _are_columns(*sides, height):
        return [sorted((*left, *right), key=by_middle)]
    return None


def _order_columns(strip: tuple[Region, Region, Region]) -> list[Region]:
    """Return the parts of what is between two dividers: left side, right side and insets."""
    filled = [side for side in strip if side]
    if len(filled) > 1 and max(map(len, filled)) == 1:  # one row, not columns
        return [sorted((line for side in filled for line in side), key=by_middle)]
    return filled


def _split_at(side: Region, edges: list[float]) -> list[Region]:
    """Return the lines above the first of these edges, between the first and the second, and so on."""
    found: list[Region] = [[] for _ in range(len(edges) + 1)]
    for line in side:
        found[bisect_left(edges, line.middle)].append(line)
    return found


# --- Columns or cells -------------------------------------------------------------------------------------------------


def _are_columns(left: Side, right: Side, height: float) -> bool:
    """Return True if the two sides of a gutter are columns of text, not cells of a table."""
    sides = left, right
    if any(len(side.lines) < 2 for side in sides):
        return False
    running = [side.is_running_text for side in sides]
    if all(running):
        return True
    if any(side.is_of_amounts for side in sides):
        return False
    fewer, more = sorted((left.lines, right.lines), key=len)
    if _aligned_share(fewer, more, height) < _MIN_ALIGNED:
        # The labels of a table's rows may have several lines, which are then not on one level with the cells.
        return any(running) or not any(side.is_tabular for side in sides)
    if not any(running) or not all(side.has_left_edge and not side.is_of_labels for side in sides):
        return False
    # One side is a column of text. The other may be a column of lists, headings or formulas.
    narrower, wider = sorted(side.right - side.left for side in sides)
    has_full = any(side.has_full_lines for side in sides)
    is_like_it = narrower > _EQUAL_WIDTHS * wider and any(side.is_mostly_continued for side in sides)
    return (has_full or is_like_it) and right.left - left.right < _MAX_GUTTER_SHARE * narrower


def _aligned_share(fewer: Region, more: Region, height: float) -> float:
    """Return the share of the lines of one side that have a line on their level on the other side.

    It is 1 if no line has others beside it on another level: in a list of terms, a long term has a row of its own.
    """
    middles = [line.middle for line in more]
    matched = 0
    for line in fewer:
        at = bisect_left(middles, line.middle - _SAME_LEVEL * height)
        matched += at < len(middles) and middles[at] <= line.middle + _SAME_LEVEL * height
    share = matched / len(fewer)
    return 1.0 if share < _MIN_ALIGNED and 1 < matched == len(_indices_beside(fewer, more)) else share
