"""The difference between running text and cells: its lines continue, and cells do not.

A line continues the one above if a sentence goes on from one to the other: the line above does not end with a full
stop, and the next begins with a small letter. Scripts without small letters have only the evidence of the boxes: most
lines of running text are long and end near the edge of their column.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from itertools import pairwise

from slimgest_celery.layout.columns import LONG_LINE, LineBox, Region, split_rows

# In heights of a line.
RAGGED_EDGE = 3.0  # a line of running text ends at most this far from the column's edge
_EDGE = 0.4  # accuracy of the places where lines begin
_LABEL_WIDTH = 2.0  # of a label such as 12 or 4a
_AMOUNT = re.compile(r"[\d\s.,:/%()$€£¥+–-]*\d[\d\s.,:/%()$€£¥+–-]*")
# Shares.
_MIN_LABELS = 0.6
_MIN_AT_EDGE = 0.6  # of the rows of a column: those that begin at its edge or at an indent
_MIN_SAME_EDGE, _MIN_SAME_EDGE_SHARE = 3, 0.15  # lines, and share of the rows, that begin at one place
_SEVERAL_COLUMNS = 1.5  # lines in a row
_MIN_FULL_LINES = 0.5  # of the lines of a column of running text: those that end near its edge
_MIN_CONTINUED = 0.25  # of the lines of running text, but the first: those that continue the one above
_MOSTLY_CONTINUED = 0.5
_MIN_CONTINUED_PARTS = 0.3  # of parts of lines
_MIN_COVERED = 0.6  # of the width of a row of words
_MIN_TEXT_ROWS = 0.25  # of the rows of running text: the others may be formulas
_MIN_ROWS = 3
_MIN_WORDS = 3  # of both lines: cells of one word are often in small letters
_MIN_WORDS_PER_PART = 1.5  # of a row in several parts: single words with wide spaces between them are one line
_OPENING = "\"'“‘„«([*"


class Side:
    """The lines on one side of a gutter, and what kind of text they are. Each property is computed once."""

    def __init__(self, lines: Region, height: float) -> None:
        """Take lines from top to bottom, and the height of a usual line."""
        self.lines = lines
        self._height = height

    @cached_property
    def rows(self) -> list[Region]:
        return split_rows(self.lines)

    @cached_property
    def left(self) -> float:
        return min(line.left for line in self.lines)

    @cached_property
    def right(self) -> float:
        return max(line.right for line in self.lines)

    @cached_property
    def is_running_text(self) -> bool:
        """True if most lines are running text."""
        return self.has_full_lines or (
            len(self.lines) >= _MIN_ROWS and self.continued_share >= _MIN_CONTINUED and self.has_left_edge
        )

    @cached_property
    def has_full_lines(self) -> bool:
        """True if most lines are long, begin at the edge of a column and end near its other edge."""
        if len(self.lines) < _MIN_ROWS:
            return False
        edge, length = self.right - RAGGED_EDGE * self._height, LONG_LINE * self._height
        full = sum(line.right > edge and line.right - line.left >= length for line in self.lines)
        return full >= _MIN_FULL_LINES * len(self.lines) and self.has_left_edge

    @cached_property
    def has_left_edge(self) -> bool:
        """True if most lines of text begin where several others do: at the edge of a column, or at an indent.

        The parts of one column to the right of wide spaces between its words do not.
        """
        rows = [row for row, is_text in zip(self.rows, self._are_text, strict=True) if is_text]
        rows = rows if len(rows) >= _MIN_ROWS else self.rows
        places = self._count_places([row[0].left for row in rows])
        usual = sum(places.pop(at + step, 0) for at in _two_most(places) for step in (-1, 0, 1))
        if usual >= _MIN_AT_EDGE * len(rows):
            return True
        # With several columns, each has an edge.
        texts = [line.left for row in rows for line in row if line.text.count(" ") >= _MIN_WORDS - 1]
        places = self._count_places(texts)
        least = max(_MIN_SAME_EDGE, _MIN_SAME_EDGE_SHARE * len(rows))
        found = sum(n for at, n in places.items() if sum(places[at + step] for step in (-1, 0, 1)) >= least)
        return len(texts) > len(rows) and found >= _MIN_AT_EDGE * len(texts)

    def _count_places(self, lefts: list[float]) -> Counter[int]:
        return Counter(round(left / (_EDGE * self._height)) for left in lefts)

    @cached_property
    def is_mostly_continued(self) -> bool:
        """True if many rows of text continue the row above: more than wrapped labels of a form do."""
        return self.continued_share >= _MOSTLY_CONTINUED

    @cached_property
    def continued_share(self) -> float:
        """The share of the rows of text below others that continue them; 0 if too few rows are text.

        If the side has several columns, the lines of each continue.
        """
        rows = self.rows
        pairs = [index for index, both in enumerate(pairwise(self._are_text)) if all(both)]
        if len(pairs) < max(_MIN_ROWS - 1, _MIN_TEXT_ROWS * len(rows)):
            return 0.0
        by_row = sum(continues(rows[index][-1].text, rows[index + 1][0].text) for index in pairs) / len(pairs)
        if sum(map(len, rows)) < _SEVERAL_COLUMNS * len(rows):
            return by_row
        found = [
            continues(above.text, below.text)
            for index in pairs
            for below in rows[index + 1]
            for above in rows[index]
            if abs(above.left - below.left) < RAGGED_EDGE * self._height and below.text.count(" ") >= _MIN_WORDS - 1
        ]
        return max(by_row, sum(found) / len(found)) if len(found) >= _MIN_ROWS else by_row

    @cached_property
    def _are_text(self) -> list[bool]:
        return list(map(_is_text, self.rows))

    @cached_property
    def is_of_amounts(self) -> bool:
        """True if most rows are numbers or amounts: these belong to the text beside them."""
        amounts = sum(all(_AMOUNT.fullmatch(line.text) for line in row) for row in self.rows)
        return amounts > _MIN_LABELS * len(self.rows)

    @cached_property
    def is_of_labels(self) -> bool:
        """True if most rows are amounts or very short, such as the numbers of a form's lines."""
        short = _LABEL_WIDTH * self._height
        labels = sum(
            all(line.right - line.left < short or _AMOUNT.fullmatch(line.text) for line in row) for row in self.rows
        )
        return labels > _MIN_LABELS * len(self.rows)

    @cached_property
    def is_tabular(self) -> bool:
        """True if most rows are several short cells."""
        long = LONG_LINE * self._height
        cells = sum(len(row) > 1 and all(cell.right - cell.left < long for cell in row) for row in self.rows)
        return 2 * cells >= len(self.rows)


def _two_most(places: Counter[int]) -> Iterator[int]:
    """Yield the place where most lines begin, and the most frequent other one that is not beside it."""
    (first, _), *others = places.most_common()
    yield first
    yield from [at for at, _ in others if abs(at - first) > 1][:1]


def is_wrapped_text(rows: list[Region]) -> bool:
    """Return True if many parts of these rows continue a part in the row above: they are lines of several columns."""
    parts = [(above, part) for above, row in pairwise(rows) for part in row if " " in part.text]
    if 2 * len(parts) < sum(map(len, rows[1:])):  # words of one column, with wide spaces between them
        return False
    continued = sum(
        part.text[:1].islower() and any(_overlap(other, part) and continues(other.text, part.text) for other in above)
        for above, part in parts
    )
    return continued >= _MIN_CONTINUED_PARTS * len(parts) > 0


def is_amount(text: str) -> bool:
    """Return True if a text is a number, an amount or a date in digits."""
    return _AMOUNT.fullmatch(text) is not None


def continues(above: str, below: str) -> bool:
    """Return True if a sentence goes on from one line to the next."""
    return below.lstrip(_OPENING)[:1].islower() and (above[-1:].isalpha() or above[-1:] in ",-‐")


def _is_text(row: Region) -> bool:
    """Return True if a row has several words, close together; the cells of a table are apart."""
    if len(row) == 1:
        return row[0].text.count(" ") >= _MIN_WORDS - 1
    words = sum(line.text.count(" ") + 1 for line in row)
    if words < max(_MIN_WORDS, _MIN_WORDS_PER_PART * len(row)):
        return False
    return sum(line.right - line.left for line in row) >= _MIN_COVERED * (row[-1].right - row[0].left)


def _overlap(line: LineBox, other: LineBox) -> bool:
    return line.left < other.right and other.left < line.right
