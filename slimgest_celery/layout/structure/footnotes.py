"""Footnotes: notes in small type at the foot of a page or column. Pure arithmetic on boxes.

A footnote is in smaller type than the text, and no line of the text is below it in its column. Further,
- a short rule is above the first note of the column, or
- the first line begins with a mark, such as 1, [1] or *, and the mark is also at the end of a word of the text.

A list begins with marks too, and so may a table's notes, references and code. They have neither of these signs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence, Set
from itertools import pairwise
from statistics import median

from slimgest_celery.geometry import Box, union
from slimgest_celery.layout.structure.lines import LayoutLine
from slimgest_celery.models.page import RegionKind

_MAX_SIZE = 0.93  # of the size of the text; its notes are smaller
_MIN_SMALL = 0.6  # of the lines of notes in a scan
_MEASURED = 25  # characters: the mean width of those of a longer line shows the size of its type
_HIGHEST = 0.35  # of the height of the page: no footnote begins above it
_FOOT = 0.88  # of the height of the page: a line below it and apart from others is a page number or footer
# In heights of a line.
_APART = 1.0  # between the notes and a page number
_MAX_RULE = 0.6  # of the width of the column: a longer rule is no sign of footnotes
_MIN_RULE = 4.0
_OVERLAP = 0.2  # of a rule and the lines above and below it
_INDENT = (-2.0, 5.0)  # of the notes, from the left edge of the text above
_AT_EDGE = 2.0  # the left end of the rule, from the left edge of the notes
_REACH = 2.5  # between the rule and the first note
_MAX_JUMP = 3.0  # up, from one line to the next: more is the start of the next column
_MAX_MARK_STEP = 3  # from the number of a note to that of the next
_MAX_LINES, _MAX_SHORT_RULES, _MAX_MARKS = 3000, 300, 50  # of a page; more are those of a drawing or of code
_MIN_WORDS = 3  # in a line without a mark: the labels of drawings are shorter
_START = r"""(?=[^\W\d_]|["“„'‘«(</\[])"""
_MARK = re.compile(rf"(?:(\d{{1,3}})[.)]?\s*{_START}|\[(\d{{1,3}})\]\s*\S|\((\d{{1,2}})\)\s*\S|([*∗†‡§¶]{{1,4}})\s*\S)")
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
_ALLOWED = (RegionKind.FOOTER, RegionKind.TEXT, RegionKind.FOOTNOTE)  # roles that a layout model may give to a note


def find_footnotes(
    lines: Sequence[LayoutLine], inside: Set[int], rules: Sequence[Box], page_height: float
) -> list[range]:
    """Return the lines of each footnote of a page whose lines are in reading order.

    `inside` are the lines of tables. `rules` are the lines drawn on the page.
    """
    small = _small_lines(lines, inside) if len(lines) <= _MAX_LINES else set()
    found: list[range] = []
    signs = _Signs(lines, rules)
    for column in _columns(lines) if small else ():
        begins = signs.find(column, small)
        end = _without_page_number(lines, column, begins, page_height) if begins else column.start
        low = (index for index in begins if index < end and lines[index].box[1] > _HIGHEST * page_height)
        notes = (range(index, end) for index in low if _are_small(lines, range(index, end), small))
        first = next(notes, None)
        if first and _has_text_above(lines, first, small, page_height):
            found += _split(lines, first)
    return found


def _small_lines(lines: Sequence[LayoutLine], inside: Set[int]) -> set[int]:
    """Return the lines in smaller type than the text, outside of tables and figures."""
    sizes = [line.size or _character_width(line) for line in lines]
    usual = _most_frequent_size(lines) or _usual_width(lines)
    return {
        index
        for index, line in enumerate(lines)
        if index not in inside
        and (line.role is None or line.role.kind in _ALLOWED)
        and sizes[index] < _MAX_SIZE * usual  # the size of a short line of a scan is unknown
    }


def _most_frequent_size(lines: Sequence[LayoutLine]) -> float:
    sizes: dict[float, int] = {}
    for line in lines:
        sizes[line.size] = sizes.get(line.size, 0) + len(line.text)
    return max(sizes, key=lambda size: sizes[size], default=0.0)


def _character_width(line: LayoutLine) -> float:
    """Return the mean width of the characters of a line of a scan; 0 if they are too few."""
    return (line.box[2] - line.box[0]) / len(line.text) if len(line.text) >= _MEASURED else 0.0


def _usual_width(lines: Sequence[LayoutLine]) -> float:
    """Return the usual mean width of characters; 0 if no line shows it."""
    widths = [width for line in lines if (width := _character_width(line))]
    return median(widths) if widths else 0.0


def _are_small(lines: Sequence[LayoutLine], notes: range, small: Set[int]) -> bool:
    """Return True if notes are in smaller type than the text; of a scan, most of them, as its sizes are estimates."""
    own = [lines[index] for index in notes]
    share = sum(index in small for index in notes) / len(notes)
    if own[0].size:
        return share == 1
    width = sum(line.box[2] - line.box[0] for line in own) / max(1, sum(len(line.text) for line in own))
    return share >= _MIN_SMALL and width < _MAX_SIZE * _usual_width(lines)


def _columns(lines: Sequence[LayoutLine]) -> Iterator[range]:
    """Yield the lines of each column of the page, in reading order."""
    start = 0
    for index, (before, after) in enumerate(pairwise(lines), 1):
        if after.box[1] < before.box[1] - _MAX_JUMP * _height(before):
            yield range(start, index)
            start = index
    yield range(start, len(lines))


def _without_page_number(lines: Sequence[LayoutLine], column: range, begins: Sequence[int], page_height: float) -> int:
    """Return the line after the last one of a column that is no page number or footer."""
    end = column.stop
    while end - 1 > column.start and lines[end - 1].box[1] > _FOOT * page_height and end - 1 not in begins:
        before, last = lines[end - 2], lines[end - 1]
        if last.box[1] - before.box[3] < _APART * _height(last) and last.box[1] > before.box[1] + _height(before) / 2:
            break
        end -= 1
    return end


def _has_text_above(lines: Sequence[LayoutLine], notes: range, small: Set[int], page_height: float) -> bool:
    """Return True if text is above the notes, and none but a footer below them, in their column."""
    left, top, right, _ = union([lines[index].box for index in notes])
    others = [
        line
        for index, line in enumerate(lines)
        if index not in small and index not in notes and line.box[0] < right and left < line.box[2]
    ]
    others = [line for line in others if any(map(str.isalpha, line.text))]
    above = [line for line in others if line.box[3] <= top + _height(line) / 2]
    if not above or any(top + _height(line) / 2 < line.box[1] < _FOOT * page_height for line in others):
        return False
    height = median(_height(line) for line in above)
    indent = left - min(line.box[0] for line in above)
    return _INDENT[0] * height < indent < _INDENT[1] * height


class _Signs:
    """The signs of footnotes on a page: short rules, and marks in the text."""

    def __init__(self, lines: Sequence[LayoutLine], rules: Sequence[Box]) -> None:
        self._lines = lines
        short = [rule for rule in rules if rule[2] - rule[0] > _MIN_RULE * (rule[3] - rule[1])]
        self._rules = short if len(short) <= _MAX_SHORT_RULES else []
        self._text = "\n".join(line.text for line in lines).translate(_SUPERSCRIPTS)
        self._known: dict[str, bool] = {}  # marks, and if they are in the text

    def find(self, column: range, small: Set[int]) -> list[int]:
        """Return the small lines of a column below a short rule, or with a mark that is also in the text."""
        own = [self._lines[index] for index in column]
        sides = min(line.box[0] for line in own), max(line.box[2] for line in own)
        return [index for index in column if index in small and self._begins_note(index, column, sides)]

    def _begins_note(self, index: int, column: range, sides: tuple[float, float]) -> bool:
        text = self._lines[index].text
        mark = mark_of(text)
        above = self._lines[index - 1] if index > column.start else None
        is_text = bool(mark) or (text[:1].isalpha() and len(text.split()) >= _MIN_WORDS)
        if is_text and _is_under_rule(self._lines[index], above, sides, self._rules):
            return True
        return bool(mark) and self._is_in_text(mark)

    def _is_in_text(self, mark: str) -> bool:
        """Return True if a mark is at the end of a word or sentence of the text, or in brackets."""
        if mark not in self._known and len(self._known) < _MAX_MARKS:
            if mark.isdigit():
                sign = rf"[^\W\d_][.,;:!?)\]\"'”’»]{{0,3}}{mark}(?!\w|[.,]\d)|(?<=\S)[ ]?[\[(]{mark}[\])]"
            else:
                sign = rf"(?<=[^\s{re.escape(mark[0])}]){re.escape(mark)}(?!{re.escape(mark[0])})"
            self._known[mark] = re.search(sign, self._text) is not None
        return self._known.get(mark, False)


def _split(lines: Sequence[LayoutLine], notes: range) -> list[range]:
    """Return each note: a line begins one if its mark may follow the one before."""
    starts, before = [notes.start], mark_of(lines[notes.start].text)
    for index in notes[1:]:
        mark = mark_of(lines[index].text)
        if mark and _follows(before, mark):
            starts.append(index)
            before = mark
    return [range(start, end) for start, end in pairwise([*starts, notes.stop])]


def _follows(before: str, mark: str) -> bool:
    if before.isdigit() and mark.isdigit():
        return 0 < int(mark) - int(before) <= _MAX_MARK_STEP
    return not before or (mark != before and (mark == "1" if mark.isdigit() else not before.isdigit()))


def mark_of(text: str) -> str:
    """Return the mark of a note, without brackets; an empty string if its first line has none."""
    match = _MARK.match(text.translate(_SUPERSCRIPTS))
    return next(filter(None, match.groups()), "") if match else ""


def _is_under_rule(
    first: LayoutLine, above: LayoutLine | None, sides: tuple[float, float], rules: Sequence[Box]
) -> bool:
    """Return True if a short rule is between a line and the one above, at the left edge of the column."""
    height = _height(first)
    left, right = sides
    overlap = _OVERLAP * height
    top = max(above.box[3] - overlap if above else 0.0, first.box[1] - _REACH * height)
    return any(
        top < (rule[1] + rule[3]) / 2 < first.box[1] + overlap
        and rule[3] - rule[1] < height / 2
        and _MIN_RULE * height < rule[2] - rule[0] < _MAX_RULE * (right - left)
        and min(abs(rule[0] - left), abs(rule[0] - first.box[0])) < _AT_EDGE * height
        for rule in rules
    )


def _height(line: LayoutLine) -> float:
    return line.box[3] - line.box[1]
