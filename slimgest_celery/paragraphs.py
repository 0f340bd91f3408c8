"""Which lines, in reading order, make a paragraph, a heading or a table. Pure; works on boxes, text and type sizes.

A line goes on with the paragraph before it if it stands just below in the same column and type, and neither is set in
nor begins with a bullet; over the foot of a column, if the sentence goes on. What stands beside it in its row does so,
too, where rows make no certain table. A heading is set in larger type than most
of the page. Type sizes come from a text layer only, so pages that were read by OCR have no headings.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from . import tables
from .model import Paragraph

Box = tuple[float, float, float, float]  # left, top, right, bottom in one unit both ways; y grows downwards

# In heights of a line.
_PARAGRAPH_GAP = 0.6  # beyond the usual gap between lines
_MOST_GAP = 1.6  # between lines set wide apart: what is usual on a page of few lines is further
_INDENT = (0.6, 5.0)  # how far the first line of a paragraph is set in
_CENTRED = 0.8  # how unequally the ends of centred lines may be set in
# Ratios of type.
_SAME_SIZE = (0.88, 1.14)
_SAME_HEIGHT = (0.6, 1.6)  # heights of boxes depend on the letters in them
_HEADING = 1.15
_LEVELS = (1.7, 1.35)  # a heading this much larger than the text is of the first level, of the second; else the third
_HEADING_LENGTH = 200  # characters
_BULLET = re.compile(r"[•◦▪‣●○■□–—*·-]\s|\(?\d{1,3}[.)]\s|\(?[a-z]\)\s")
_ENDED = re.compile(r"[.!?:;。！？：；][\"'”’»)\]]*$")


Cells = list[list[int | None]]  # row by row, which line stands in each column


class Piece(NamedTuple):
    """A line as it is read: upright, in reading order."""

    text: str
    box: Box
    size: float = 0.0  # of the type in points; 0: not known


def find(pieces: Sequence[Piece], ruled: Sequence[tuple[int, Cells]] = ()) -> list[Paragraph]:
    """The paragraphs that these lines make, in order; together they hold each line once.

    `ruled` are tables known already: where their first cells stand, and which piece is in which cell.
    """
    if not pieces:
        return []
    usual_gap = _usual_gap(pieces)
    body = _body_size(pieces)
    found: list[Paragraph] = []
    for start, end, cells in _all_stretches(pieces, ruled):
        if cells is not None:
            found.append(Paragraph(kind="table", first=start, last=end - 1, cells=cells))
            continue
        begun = start
        for index in range(start + 1, end + 1):
            if index == end or not _follows(pieces[index - 1], pieces[index], usual_gap):
                found.append(_paragraph(pieces, begun, index - 1, body))
                begun = index
    return found


def beside(before: Box, after: Box) -> bool:
    """Whether a line stands to the right or left of another in its row, rather than below or above it."""
    middle = (after[1] + after[3]) / 2
    return before[1] < middle < before[3] and (after[0] >= before[2] or after[2] <= before[0])


def _paragraph(pieces: Sequence[Piece], first: int, last: int, body: float) -> Paragraph:
    lines = pieces[first : last + 1]
    ratio = min(line.size for line in lines) / body if body else 0.0
    if ratio < _HEADING:
        return Paragraph(first=first, last=last)
    length = sum(len(line.text) for line in lines)
    if length > _HEADING_LENGTH or not any(c.isalpha() for line in lines for c in line.text):
        return Paragraph(first=first, last=last)
    level = 1 + sum(ratio < least for least in _LEVELS)
    return Paragraph(kind="heading", level=level, first=first, last=last)


def _body_size(pieces: Sequence[Piece]) -> float:
    """The type size of most of the page's characters; 0: not known."""
    sizes: Counter[float] = Counter()
    for piece in pieces:
        sizes[piece.size] += len(piece.text)
    return sizes.most_common(1)[0][0]


def _usual_gap(pieces: Sequence[Piece]) -> float:
    gaps = [after.box[1] - before.box[3] for before, after in pairwise(pieces) if after.box[1] > _middle(before)]
    return median(gaps) if gaps else 0.0


def _follows(before: Piece, after: Piece, usual_gap: float) -> bool:
    """Whether a line goes on with the paragraph of the one before."""
    if beside(before.box, after.box):  # a row of what is no certain table
        return True
    if not _alike(before, after) or _BULLET.match(after.text):
        return False
    left, top, right, bottom = before.box
    its_left, its_top, its_right, _ = after.box
    if its_top < top:  # the head of the next column
        apart = its_left >= right or its_right <= left
        return apart and after.text[:1].islower() and not _ENDED.search(before.text)
    height = bottom - top
    return (
        its_top > (top + bottom) / 2
        and its_top - bottom - min(max(usual_gap, 0.0), _MOST_GAP * height) < _PARAGRAPH_GAP * height
        and left < its_right
        and its_left < right
        and not _is_set_in(before, after, height)
    )


def _alike(before: Piece, after: Piece) -> bool:
    """Whether two lines are set in one type."""
    if before.size and after.size:
        return _SAME_SIZE[0] < after.size / before.size < _SAME_SIZE[1]
    heights = before.box[3] - before.box[1], after.box[3] - after.box[1]
    return _SAME_HEIGHT[0] < heights[1] / max(heights[0], 1e-9) < _SAME_HEIGHT[1]


def _is_set_in(before: Piece, after: Piece, height: float) -> bool:
    """Whether a line is set in as the first of a paragraph is; one after a bullet and a centred one are not."""
    left, right = after.box[0] - before.box[0], before.box[2] - after.box[2]
    if not _INDENT[0] * height < left < _INDENT[1] * height or _BULLET.match(before.text):
        return False
    return abs(left - right) > _CENTRED * height


def _all_stretches(
    pieces: Sequence[Piece], ruled: Sequence[tuple[int, Cells]]
) -> Iterator[tuple[int, int, Cells | None]]:
    """Tables, those that are known among them, and what is between them."""
    begun = 0
    for first, table in [*ruled, (len(pieces), [])]:
        for start, end, cells in _stretches(pieces[begun:first]) if first > begun else ():
            shifted = cells and [[None if cell is None else cell + begun for cell in row] for row in cells]
            yield start + begun, end + begun, shifted
        begun = first
        if table:
            begun = 1 + max(cell for row in table for cell in row if cell is not None)
            yield first, begun, table


def _stretches(pieces: Sequence[Piece]) -> Iterator[tuple[int, int, tables.Grid | None]]:
    """Tables and what is between them: first line, line after the last, and the table's cells."""
    begun = 0
    if sum(beside(before.box, after.box) for before, after in pairwise(pieces)) < tables.LEAST_ROWS:
        yield begun, len(pieces), None
        return
    height = median(piece.box[3] - piece.box[1] for piece in pieces)
    for first, rows in _runs_of_rows(pieces):
        cells = tables.grid([[pieces[index].box for index in row] for row in rows], height)
        if cells is None:
            continue
        if begun < first:
            yield begun, first, None
        begun = rows[-1][-1] + 1
        yield first, begun, [[None if cell is None else cell + first for cell in row] for row in cells]
    if begun < len(pieces):
        yield begun, len(pieces), None


def _runs_of_rows(pieces: Sequence[Piece]) -> Iterator[tuple[int, list[list[int]]]]:
    """Rows of two cells or more that follow one another downwards: the first cell's index, and all cells' by row."""
    rows = [[0]]
    for index in range(1, len(pieces)):
        if beside(pieces[index - 1].box, pieces[index].box):
            rows[-1].append(index)
        else:
            rows.append([index])
    run: list[list[int]] = []
    for row in [*rows, []]:
        below = bool(run and row) and pieces[row[0]].box[1] > _middle(pieces[run[-1][0]])
        if len(row) > 1 and (below or not run):
            run.append(row)
            continue
        if run:
            yield run[0][0], run
        run = [row] if len(row) > 1 else []


def _middle(piece: Piece) -> float:
    return (piece.box[1] + piece.box[3]) / 2
