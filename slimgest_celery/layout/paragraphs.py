"""Paragraphs, headings and tables, made of lines in reading order. Pure; uses boxes, text and type sizes.

A line continues the paragraph of the line before it:
- if it is just below, in the same column and type, not indented and without a bullet;
- if it is at the head of the next column and continues a sentence;
- if it is beside that line in a row, and the rows are no table.

A heading has larger type than most of the page, or is bold, or has a number (structure/headings.py). Lines of a scan
have no type sizes; a layout model and the thickness of their strokes show their roles (structure/roles.py). Lines with
different roles are in different paragraphs.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median

from slimgest_celery.geometry import is_beside
from slimgest_celery.layout import table_cells
from slimgest_celery.layout.structure import headings
from slimgest_celery.layout.structure.lines import LayoutLine
from slimgest_celery.layout.table_cells import Cell
from slimgest_celery.models.page import Paragraph, RegionKind

# In heights of a line.
_PARAGRAPH_GAP = 0.6  # more than the usual gap between lines
_MAX_USUAL_GAP = 1.6  # the largest usual gap; on a page of few lines the median may be larger
_INDENT = (0.6, 5.0)  # of the first line of a paragraph
_CENTRED_TOLERANCE = 0.8  # difference between the left and right indents of a centred line
# Ratios of type sizes or heights.
_SAME_SIZE = (0.88, 1.14)
_SAME_ESTIMATE = (0.86, 1.17)  # of headings in a scan
_SAME_HEIGHT = (0.6, 1.6)  # heights of boxes depend on the letters in them
_HEADING_RATIO = 1.15
_LEVEL_RATIOS = (1.7, 1.35)  # of headings of the first and second level; smaller ones have the third
_MAX_HEADING_LENGTH = 200  # characters
_BULLET = re.compile(r"[•◦▪‣●○■□–—*·-]\s|\(?\d{1,3}[.)]\s|\(?[a-z]\)\s")
_SENTENCE_END = re.compile(r"[.!?:;。！？：；][\"'”’»)\]]*$")


_APART = (
    RegionKind.TITLE,
    RegionKind.FIGURE,
    RegionKind.TABLE,
    RegionKind.FOOTNOTE,
)  # never in one paragraph with other text


def find(lines: Sequence[LayoutLine], tables: Sequence[Sequence[Cell]] = ()) -> list[Paragraph]:
    """Return the paragraphs of lines in reading order. Each line is in one paragraph.

    `tables` are the cells of each table, with the indices of their lines, which are consecutive in each table.
    """
    if not lines:
        return []
    usual_gap = _usual_gap(lines)
    body = _body_size(lines)
    found: list[Paragraph] = []
    for start, end, cells in _split_at_tables(lines, tables):
        if cells is not None:
            records = [table_cells.to_record(cell) for cell in cells]
            found.append(Paragraph(kind="table", first=start, last=end - 1, cells=records))
            continue
        first = start
        for index in range(start + 1, end + 1):
            if index == end or not _continues(lines[index - 1], lines[index], usual_gap):
                found.append(_paragraph(lines, first, index - 1, body))
                first = index
    return headings.with_headings(found, lines)


def _paragraph(lines: Sequence[LayoutLine], first: int, last: int, body: float) -> Paragraph:
    own = lines[first : last + 1]
    if (role := own[0].role) and role.kind == RegionKind.TITLE:
        return Paragraph(kind="heading", level=_level_by_height(own, lines), first=first, last=last)
    ratio = min(line.size for line in own) / body if body else 0.0
    if ratio < _HEADING_RATIO:
        return Paragraph(first=first, last=last)
    length = sum(len(line.text) for line in own)
    if length > _MAX_HEADING_LENGTH or not any(c.isalpha() for line in own for c in line.text):
        return Paragraph(first=first, last=last)
    level = 1 + sum(ratio < least for least in _LEVEL_RATIOS)
    return Paragraph(kind="heading", level=level, first=first, last=last)


def _level_by_height(own: Sequence[LayoutLine], lines: Sequence[LayoutLine]) -> int:
    """Return the level of a heading by the height of its lines and of those of the text."""
    heights = [line.box[3] - line.box[1] for line in lines if line.role is None]
    usual = median(heights) if heights else 0.0
    ratio = median(line.box[3] - line.box[1] for line in own) / usual if usual else 1.0
    return 1 + sum(ratio < least for least in _LEVEL_RATIOS)


def _body_size(lines: Sequence[LayoutLine]) -> float:
    """Return the type size of most of the page's characters; 0 if unknown."""
    sizes: Counter[float] = Counter()
    for line in lines:
        sizes[line.size] += len(line.text)
    return sizes.most_common(1)[0][0]


def _usual_gap(lines: Sequence[LayoutLine]) -> float:
    gaps = [after.box[1] - before.box[3] for before, after in pairwise(lines) if after.box[1] > _middle(before)]
    return median(gaps) if gaps else 0.0


def _continues(before: LayoutLine, after: LayoutLine, usual_gap: float) -> bool:
    """Return True if a line continues the paragraph of the line before it."""
    if _is_role_end(before, after):
        return False
    if after.role and after.role.kind == RegionKind.FOOTNOTE:
        return True
    if is_beside(before.box, after.box):  # a row outside tables
        return True
    if before.bold != after.bold and not _is_sentence(before, after):
        return False
    if not _have_same_type(before, after) or _BULLET.match(after.text):
        return False
    left, top, right, bottom = before.box
    its_left, its_top, its_right, _ = after.box
    if its_top < top:  # the head of the next column
        apart = its_left >= right or its_right <= left
        return apart and after.text[:1].islower() and not _SENTENCE_END.search(before.text)
    height = bottom - top
    return (
        its_top > (top + bottom) / 2
        and its_top - bottom - min(max(usual_gap, 0.0), _MAX_USUAL_GAP * height) < _PARAGRAPH_GAP * height
        and left < its_right
        and its_left < right
        and not _is_indented(before, after, height)
    )


def _is_role_end(before: LayoutLine, after: LayoutLine) -> bool:
    """Return True if two lines have roles that are never in one paragraph."""
    if before.role is after.role:  # most lines have none
        return False
    kinds = {line.role.kind if line.role else RegionKind.TEXT for line in (before, after)}
    if not kinds.isdisjoint(_APART):
        one, other = (line.role.element if line.role else 0 for line in (before, after))
        return len(kinds) > 1 or one != other
    # A layout model may see only the first line of a caption.
    return len(kinds) > 1 and not _is_sentence(before, after)


def _is_sentence(before: LayoutLine, after: LayoutLine) -> bool:
    """Return True if a sentence goes on from one line to the next."""
    return after.text[:1].islower() and not _SENTENCE_END.search(before.text)


def _have_same_type(before: LayoutLine, after: LayoutLine) -> bool:
    """Return True if two lines have the same size of type; without sizes, about the same height."""
    if before.size and after.size:
        return _SAME_SIZE[0] < after.size / before.size < _SAME_SIZE[1]
    if before.role and after.role and before.role.size and after.role.size:
        return _SAME_ESTIMATE[0] < after.role.size / before.role.size < _SAME_ESTIMATE[1]
    heights = before.box[3] - before.box[1], after.box[3] - after.box[1]
    return _SAME_HEIGHT[0] < heights[1] / max(heights[0], 1e-9) < _SAME_HEIGHT[1]


def _is_indented(before: LayoutLine, after: LayoutLine, height: float) -> bool:
    """Return True if a line is indented like the first of a paragraph, and is neither centred nor after a bullet."""
    left, right = after.box[0] - before.box[0], before.box[2] - after.box[2]
    if not _INDENT[0] * height < left < _INDENT[1] * height or _BULLET.match(before.text):
        return False
    return abs(left - right) > _CENTRED_TOLERANCE * height


def _split_at_tables(
    lines: Sequence[LayoutLine], tables: Sequence[Sequence[Cell]]
) -> Iterator[tuple[int, int, Sequence[Cell] | None]]:
    """Yield tables and what is between them: first line, line after the last, cells of the table."""
    done = 0
    for table in tables:
        inside = [line for cell in table for line in cell.lines]
        if min(inside) > done:
            yield done, min(inside), None
        done = max(inside) + 1
        yield min(inside), done, table
    if done < len(lines):
        yield done, len(lines), None


def _middle(line: LayoutLine) -> float:
    return (line.box[1] + line.box[3]) / 2
