"""Rows of blocks: table rows whose cells have several lines, labels beside their paragraphs, and cards in a grid.

White space across the whole region divides it into rows, as in the horizontal cuts of a recursive X-Y cut (Nagy & Seth,
ICPR 1984). Columns of text have such space by accident only: their paragraphs end at different heights.
"""

from __future__ import annotations

from itertools import pairwise
from operator import attrgetter

from slimgest_celery.layout.columns import MIN_GUTTER, Region, by_left, by_middle, by_top, split_rows
from slimgest_celery.layout.running_text import Side, continues

# In heights of a line.
_GAP = 0.3  # how much more than the usual gap between lines a gap between rows is
_GRID_GAP = 2.0  # the least gap between two rows of cards
_ALIGNED = 0.5  # the tops or the middles of the blocks of a row differ by less
# Shares.
_MIN_GAP_SHARE = 0.6  # of the largest gap: smaller ones are inside the blocks
_MIN_COMMON = 0.7  # of the gaps on the side with more lines: those over the whole width
_MIN_ALIGNED_ROWS = 0.8
_MIN_SEVERAL = 0.3  # of the rows: those with a block of running text, or with blocks of different heights
_MIN_ROWS = 3


def split_into_rows(left: Side, right: Side, height: float) -> list[Region] | None:
    """Return the rows of blocks on both sides of a gutter, or None if these are no rows but columns."""
    both = sorted((*left.lines, *right.lines), key=by_top)
    gaps = _gaps(both)
    least = _least_gap(gaps, height)
    starts = [start for start, gap in gaps if gap >= least]
    is_grid = len(starts) == 1 and max(gap for _, gap in gaps) > _GRID_GAP * height
    if len(starts) < _MIN_ROWS - 1 and not is_grid:
        return None
    own = max(sum(gap >= least for _, gap in _gaps(sorted(side.lines, key=by_top))) for side in (left, right))
    if len(starts) < _MIN_COMMON * own:
        return None
    rows = _split_at(both, starts)
    sides = [_split_at(sorted(side.lines, key=by_top), starts) for side in (left, right)]
    pairs = [(one, other) for one, other in zip(*sides, strict=True) if one and other]
    if len(pairs) < (2 if is_grid else _MIN_ROWS):
        return None
    if is_grid and not all(_is_text(block) for pair in pairs for block in pair):
        return None
    if sum(_are_aligned(*pair, height) for pair in pairs) < _MIN_ALIGNED_ROWS * len(pairs):
        return None
    if all(side.is_of_labels for side in (left, right)):
        return None
    several = sum(any(map(_is_text, pair)) or len(set(map(_count_rows, pair))) > 1 for pair in pairs)
    if several < _MIN_SEVERAL * len(pairs) or any(_is_continued(side) for side in sides):
        return None
    return rows


def parts_of(row: Region, height: float) -> list[Region]:
    """Return the cells of a row from left to right, or the row as one part if it is a table of several rows itself."""
    cells = _cells_of(row, height)
    several = [cell for cell in cells if len(cell) > 1]
    if len(several) == len(cells) and not any(map(_is_text, several)):
        return [_by_middle(row)]
    return cells


def _cells_of(row: Region, height: float) -> list[Region]:
    """Return the blocks of a row, divided by white space over its whole height."""
    cells: list[Region] = []
    edge = 0.0
    for line in sorted(row, key=by_left):
        if cells and line.left < edge + MIN_GUTTER * height:
            cells[-1].append(line)
            edge = max(edge, line.right)
        else:
            cells.append([line])
            edge = line.right
    return [_by_middle(cell) for cell in cells]


def _is_text(cell: Region) -> bool:
    return any(continues(above.text, below.text) for above, below in pairwise(cell))


def _gaps(lines: Region) -> list[tuple[float, float]]:
    """Return the white space between lines over their whole width: the top of the line below it, and its height."""
    found: list[tuple[float, float]] = []
    lowest = lines[0].bottom if lines else 0.0
    for line in lines[1:]:
        if line.top > lowest:
            found.append((line.top, line.top - lowest))
        lowest = max(lowest, line.bottom)
    return found


def _least_gap(gaps: list[tuple[float, float]], height: float) -> float:
    """Return the least gap between two rows; smaller ones are between the lines of a block."""
    sizes = sorted(size for _, size in gaps)
    if not sizes:
        return 0.0
    return max(sizes[0] + _GAP * height, _MIN_GAP_SHARE * sizes[-1])


def _split_at(lines: Region, starts: list[float]) -> list[Region]:
    """Return the lines above the first of these heights, between the first and the second, and so on."""
    found: list[Region] = [[] for _ in range(len(starts) + 1)]
    at = 0
    for line in lines:
        while at < len(starts) and line.top >= starts[at]:
            at += 1
        found[at].append(line)
    return found


def _are_aligned(one: Region, other: Region, height: float) -> bool:
    """Return True if two blocks of a row begin at one height, or have the same middle."""
    (top, bottom), (its_top, its_bottom) = (
        (min(line.top for line in block), max(line.bottom for line in block)) for block in (one, other)
    )
    return min(abs(top - its_top), abs(top + bottom - its_top - its_bottom) / 2) < _ALIGNED * height


def _is_continued(blocks: list[Region]) -> bool:
    """Return True if the text of one row goes on in the next, on this side of the gutter."""
    continued = sum(
        bool(above and below) and continues(max(above, key=attrgetter("bottom")).text, below[0].text)
        for above, below in pairwise(blocks)
    )
    return continued > (1 - _MIN_ALIGNED_ROWS) * len(blocks)


def _count_rows(block: Region) -> int:
    return len(split_rows(_by_middle(block)))


def _by_middle(lines: Region) -> Region:
    return sorted(lines, key=by_middle)
