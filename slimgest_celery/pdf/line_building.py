"""Build lines from the spans of a page: by baseline, size and direction. Pure arithmetic. For pdf/ only.

A span is the text of one text object of the PDF, or a part of it without a wide gap. It has one baseline, one size and
one direction, so a line that is made of spans is not higher than its type.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from slimgest_celery.geometry import PdfRect
from slimgest_celery.models.page import BlockSource
from slimgest_celery.pdf.text_line import RIGHT_TO_LEFT

_WITHOUT_SPACES = re.compile("[\u0e00-\u0eff\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]")
CELL_GAP = 1.0  # heights of a line: a wider gap separates cells or columns
_LEADER = re.compile(r"[.\s]+$")  # dots that lead to a page number are one line, however far apart
_NO_SPACE = 0.85  # of the type size: a gap this wide is not a space
_MAX_TYPE = 1.5  # heights of a span: the type size counts for at most this, because some fonts have wrong sizes
# In heights of the tallest of several bounds: the height of all, the overlap of two, and the gap between them.
_MAX_RAGGED, _RUN_OVERLAP, _RUN_GAP = 1.35, 0.1, 0.95
# In type sizes:
_SAME_BASELINE = 0.15  # a larger distance is another line
_MAX_RISE = 0.6  # of a superscript or subscript
_SCRIPT_SIZE = 0.85  # of the text beside it, at most
_MAX_OVERLAP = 0.5  # of two spans of a line, which kerning, italics and accents cause
_SPACE = 0.12  # a gap this wide is a space
_SURE_GAP = 0.2  # between the letters themselves: a smaller gap is the side bearings of letters, or a space of PDFium's
_JOIN_GAP = 0.45  # between parts of a line that were not drawn one after the other
_VERTICAL = 2.0  # the height of characters that are below each other
_SAME_PLACE = 0.2  # the same text within this distance is fake bold type or a shadow


class Style(NamedTuple):
    """The size, direction and colour of a text object."""

    size: float  # in points
    quarter: int  # direction of reading in the PDF's user space, degrees clockwise: 0, 90, 180 or 270
    slope: float  # degrees clockwise in addition
    invisible: bool
    white: bool
    source: BlockSource = BlockSource.TEXT_LAYER
    bold: bool = False  # bold words do not end a line


class Span(NamedTuple):
    """Text of one text object, on one baseline. Distances are in points."""

    text: str  # may begin or end with spaces
    bounds: PdfRect
    start: float  # along the direction of reading
    end: float
    height: float  # across the direction of reading
    baseline: float  # across the direction of reading, from any origin
    style: Style
    first: int  # the index of its first character in PDFium's text page


Line = list[Span]


def make_span(text: str, bounds: PdfRect, baseline: float, style: Style, first: int) -> Span:
    """A span with these bounds on this baseline."""
    left, bottom, right, top = bounds
    if style.quarter == 0:
        return Span(text, bounds, left, right, top - bottom, baseline, style, first)
    if style.quarter == 90:
        return Span(text, bounds, -top, -bottom, right - left, baseline, style, first)
    if style.quarter == 180:
        return Span(text, bounds, -right, -left, top - bottom, baseline, style, first)
    return Span(text, bounds, bottom, top, right - left, baseline, style, first)


def edges(boxes: NDArray[np.float32], quarter: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The start and the end of each box (left, top, right, bottom) along the direction of reading."""
    left, top, right, bottom = boxes.T.astype(np.float64)
    return {0: (left, right), 90: (-top, -bottom), 180: (-right, -left), 270: (bottom, top)}[quarter]


def are_words_of_a_line(runs: Sequence[PdfRect]) -> bool:
    """Return True if these bounds, in the order of the PDF, surely belong to upright text on one baseline.

    Most lines are such, and need not be split by their text objects.
    """
    tallest = max(top - bottom for _, bottom, _, top in runs)
    if max(top for *_, top in runs) - min(bottom for _, bottom, _, _ in runs) > _MAX_RAGGED * tallest:
        return False
    return all(-_RUN_OVERLAP * tallest < after[0] - before[2] < _RUN_GAP * tallest for before, after in pairwise(runs))


def build_lines(spans: Sequence[Span]) -> list[Line]:
    """The lines that these spans make, in the order of their first spans. Text drawn twice is in them once."""
    lines: list[Line] = []
    for span in _without_repeats(spans):
        if lines and _continues(lines[-1], span):
            lines[-1].append(span)
        else:
            lines.append([span])
    return _join_parts(lines)


def join_text(line: Line, space_between: Callable[[Span, Span], bool]) -> str:
    """The text of a line. `space_between` returns True for a space between two spans that PDFium has not joined."""
    text = line[0].text
    for before, span in pairwise(line):
        # PDFium may have decided that there is no space, but it also misses wide ones.
        is_joined = before.first + len(before.text) == span.first and _gap(before, span) < _SURE_GAP * span.style.size
        if not is_joined and not (text[-1:].isspace() or span.text[:1].isspace()) and space_between(before, span):
            text += " "
        text += span.text
    return text


def join_adjacent(spans: Sequence[Span]) -> list[tuple[str, int]]:
    """The text of spans that follow each other in PDFium's text, each with its first index."""
    joined = [(spans[0].text, spans[0].first)]
    for span in spans[1:]:
        text, first = joined[-1]
        if first + len(text) == span.first:
            joined[-1] = text + span.text, first
        else:
            joined.append((span.text, span.first))
    return joined


def is_space(before: Span, after: Span, gap: float) -> bool:
    """Return True if there is a space between two spans with this gap, which is in points, between their advances."""
    without_spaces = _WITHOUT_SPACES.match(before.text[-1:]) and _WITHOUT_SPACES.match(after.text[:1])
    return gap > _SPACE * max(before.style.size, after.style.size) and not without_spaces


def least_gap(height: float, size: float) -> float:
    """The narrowest gap between two cells or columns, by the height and the type size of the line.

    Characters without descenders are lower than the type size, to which the width of a space is proportional.
    """
    return CELL_GAP * max(height, min(_NO_SPACE * size, _MAX_TYPE * height))


def _gap(before: Span, after: Span) -> float:
    """The distance between two spans along the line; negative if they overlap."""
    gap = after.start - before.end
    if gap < 0 and _is_right_to_left(before, after):
        return max(gap, before.start - after.end)
    return gap


def _continues(line: Line, span: Span) -> bool:
    """Return True if a span that is drawn after a line continues it."""
    last = line[-1]
    style, other = span.style, last.style
    size = max(style.size, other.size)
    if abs(span.baseline - last.baseline) > 2 * size or style.quarter != other.quarter:  # most spans begin a line
        return False
    if style[3:6] != other[3:6] or abs(style.slope - other.slope) > 1 or _is_vertical(span) or _is_vertical(last):
        return False
    height = max([span.height, *(part.height for part in line)])
    if _is_beside(last, span, height):
        return _is_on_line(last, span) or (len(line) > 1 and _is_on_line(line[-2], span))
    # A subscript below a superscript
    return len(line) > 1 and _is_script(line[-2], span) and _is_beside(line[-2], span, height)


def _is_beside(before: Span, span: Span, height: float) -> bool:
    """Return True if the gap between two spans is that of one line with this height."""
    gap, size = _gap(before, span), max(before.style.size, span.style.size)
    if gap < -_MAX_OVERLAP * size and gap < -_MAX_OVERLAP * max(_type(span), _type(before)):
        return False
    return gap < least_gap(height, size) or bool(_LEADER.match(before.text) and _LEADER.match(span.text))


def _is_vertical(span: Span) -> bool:
    """Return True if the characters of a span are below each other, as in Chinese and Japanese."""
    return len(span.text) > 1 and span.height > _VERTICAL * span.style.size


def _type(span: Span) -> float:
    """The type size of a span, or less if its font states a wrong one."""
    return min(span.style.size, max(_MAX_TYPE * 2 * span.height, span.end - span.start))


def _is_on_line(before: Span, span: Span) -> bool:
    """Return True if two spans share a baseline, or if one of them is a superscript or subscript of the other."""
    smaller = min(before.style.size, span.style.size)
    return abs(before.baseline - span.baseline) <= _SAME_BASELINE * smaller or _is_script(before, span)


def _is_script(before: Span, span: Span) -> bool:
    """Return True if one of two spans is a superscript or subscript of the other."""
    smaller, larger = sorted((before.style.size, span.style.size))
    return smaller <= _SCRIPT_SIZE * larger and abs(before.baseline - span.baseline) <= _MAX_RISE * larger


def _join_parts(lines: list[Line]) -> list[Line]:
    """Join lines that are parts of one, because they were not drawn one after the other."""
    order = sorted(range(len(lines)), key=lambda index: (lines[index][0].style.quarter, lines[index][0].baseline))
    joined = dict(enumerate(lines))
    row: list[int] = []
    for index in order:
        if row and not _share_row(lines[row[-1]][0], lines[index][0]):
            _join_row(joined, row)
            row = []
        row.append(index)
    _join_row(joined, row)
    return list(joined.values())


def _share_row(before: Span, span: Span) -> bool:
    size = min(before.style.size, span.style.size)
    return before.style.quarter == span.style.quarter and span.baseline - before.baseline <= _SAME_BASELINE * size


def _join_row(lines: dict[int, Line], row: list[int]) -> None:
    """Join the lines of a row that are as close as words. Each keeps the place of the part that is drawn first."""
    if len(row) < 2:
        return
    row.sort(key=lambda index: lines[index][0].start)
    left = row[0]
    for right in row[1:]:
        if _are_parts_of_a_line(lines[left][-1], lines[right][0]):
            first, second = min(left, right), max(left, right)
            lines[first] = lines[left] + lines[right]
            del lines[second]
            left = first
        else:
            left = right


def _are_parts_of_a_line(before: Span, after: Span) -> bool:
    """Return True if two spans of a row are as close as words."""
    if before.style[1:6] != after.style[1:6] or _is_vertical(before) or _is_vertical(after):
        return False
    size = min(before.style.size, after.style.size)
    is_close = -_MAX_OVERLAP / 2 * size < after.start - before.end < _JOIN_GAP * size
    return is_close and not _is_right_to_left(before, after)


def _is_right_to_left(before: Span, after: Span) -> bool:
    return bool(RIGHT_TO_LEFT.search(before.text) or RIGHT_TO_LEFT.search(after.text))


def _without_repeats(spans: Sequence[Span]) -> Sequence[Span]:
    """Keep the last of the same text at nearly the same place: fake bold type, or the shadow of the last."""
    by_text: dict[str, list[int]] = defaultdict(list)
    for index, span in enumerate(spans):
        by_text[span.text.strip()].append(index)
    if len(by_text) == len(spans):
        return spans
    repeats: set[int] = set()
    for indices in by_text.values():
        if len(indices) > 1:
            indices.sort(key=lambda index: _middle(spans[index]))
            repeats |= _repeats(spans, indices)
    return [span for index, span in enumerate(spans) if index not in repeats] if repeats else spans


def _middle(span: Span) -> float:
    return (span.start + span.end) / 2  # outlines are wider than the letters inside them


def _repeats(spans: Sequence[Span], indices: list[int]) -> set[int]:
    """The spans over which the same text is drawn at nearly the same place. `indices` are sorted by their middles."""
    found: set[int] = set()
    for place, index in enumerate(indices):
        span = spans[index]
        within = _SAME_PLACE * span.style.size
        for other_index in indices[place + 1 :]:
            other = spans[other_index]
            if _middle(other) - _middle(span) > within:
                break
            is_same_style = span.style.quarter == other.style.quarter and span.style.invisible == other.style.invisible
            if is_same_style and abs(other.baseline - span.baseline) <= within:
                found.add(min(index, other_index))
    return found
