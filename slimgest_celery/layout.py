"""A page's lines, wherever they came from, as its blocks in reading order, its paragraphs and its text."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

from . import paragraphs, reading_order, ruling
from .formats import flow
from .model import Block, Paragraph
from .paragraphs import Piece

Box = tuple[float, float, float, float]  # left, top, right, bottom

_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]")
_LETTER = re.compile(r"[^\W\d_]")
# In heights of a line: pieces of one row this close are one line, cut by a change of font or by a raised sign.
_JOIN_GAP = (-0.3, 0.6)
_SPACE_GAP = 0.15
_LINE_HEIGHT = 1.1  # of type, in its size: what an OCR engine's boxes come to
# Alone, a bullet or the number of an item belongs to the text beside it.
_BULLET = re.compile(r"(?:[•◦▪‣●○■□·–—-]|\(?(?:\d{1,3}|[A-Za-z]|[ivxIVX]{2,5})[.)])$")
_BULLET_GAP = 4.0
_INITIAL, _INITIAL_GAP = 1.8, 0.6  # of the lines beside an initial it is as high; of its own height they are away
_MOST_LETTERS = 20  # looked at: more of them alone are the labels of a drawing


class Found(NamedTuple):
    """A line as it was found, with its box in 0-1 of the upright page."""

    text: str
    confidence: float
    box: Box
    size: float = 0.0  # of the type in points; 0: not known


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What a page says, in order."""

    blocks: list[Block]  # lines and cells, boxes in 0-1 of the page as displayed
    paragraphs: list[Paragraph]
    text: str


def arrange(
    found: Sequence[Found],
    *,
    width: float,
    height: float,
    place: Callable[[Box], Box] | None = None,
    rules: Sequence[Box] = (),
) -> Layout:
    """The lines of a page in reading order.

    `width` and `height` are those of the upright page, in points where lines have type sizes, else in any unit. `place`
    turns a box of it (0-1) into one of the page as displayed (0-1), where that lies otherwise. `rules` (0-1 of it) are
    lines drawn on it, which may make tables.
    """
    squares = [
        (left * width, top * height, right * width, bottom * height) for _, _, (left, top, right, bottom), _ in found
    ]
    found, squares = _with_initials(found, squares)
    right_to_left = reads_right_to_left(found)
    ruled = _ruled(found, squares, [(x1 * width, y1 * height, x2 * width, y2 * height) for x1, y1, x2, y2 in rules])
    if right_to_left:
        ruled = [[row[::-1] for row in table] for table in ruled]
    lines, tables = _in_order(found, squares, ruled, right_to_left)
    blocks = [
        Block(text=line.text, confidence=line.confidence, box=place(line.box) if place else line.box)
        for line, _ in lines
    ]
    pieces = [Piece(line.text, box, line.size) for line, box in lines]
    return Layout(blocks=blocks, paragraphs=paragraphs.find(pieces, tables), text=_text(lines))


def _in_order(
    found: Sequence[Found], squares: Sequence[Box], ruled: Sequence[ruling.Cells], right_to_left: bool
) -> tuple[list[tuple[Found, Box]], list[tuple[int, paragraphs.Cells]]]:
    """The lines as they are read, joined where they are one; and of each ruled table, where it begins among them."""
    inside = {index for table in ruled for row in table for cell in row for index in cell}
    # A ruled table is one thing to read, after which its cells come row by row.
    single = [index for index in range(len(found)) if index not in inside] if inside else range(len(found))
    around = [_around(squares, [index for row in table for cell in row for index in cell]) for table in ruled]
    boxes = [*(squares[index] for index in single), *around] if inside else squares
    lines: list[tuple[Found, Box]] = []
    tables: list[tuple[int, paragraphs.Cells]] = []
    behind_table = -1
    for index in reading_order.order(boxes, right_to_left=right_to_left, least_height=_least_height(found)):
        if index >= len(single):
            tables.append((len(lines), _add_table(lines, found, squares, ruled[index - len(single)])))
            behind_table = len(lines)
        else:
            _add(lines, found[single[index]], squares[single[index]], apart=len(lines) == behind_table)
    return lines, tables


def _add(lines: list[tuple[Found, Box]], line: Found, square: Box, apart: bool) -> None:
    """Adds a line, to the one before where they are one; not to a table's last cell."""
    if lines and (space := _joint(lines[-1][0].text, lines[-1][1], square)) is not None and not apart:
        lines[-1] = _joined(lines[-1], (line, square), space)
    else:
        lines.append((line, square))


def _add_table(
    lines: list[tuple[Found, Box]], found: Sequence[Found], squares: Sequence[Box], table: ruling.Cells
) -> paragraphs.Cells:
    """Adds a table's cells, each as high as its row; returns where each stands."""
    grid: paragraphs.Cells = []
    for row in table:
        _, top, _, bottom = _around(squares, [index for cell in row for index in cell])
        grid.append([])
        for cell in row:
            grid[-1].append(len(lines) if cell else None)
            if cell:
                left, _, right, _ = _around(squares, cell)
                order = reading_order.order([squares[index] for index in cell])
                lines.append((_one(found, [cell[at] for at in order]), (left, top, right, bottom)))
    return grid


def _one(found: Sequence[Found], cell: Sequence[int]) -> Found:
    """The lines of a cell as one."""
    lines = [found[index] for index in cell]
    length = sum(len(line.text) for line in lines)
    return lines[0]._replace(
        text=flow.one_line([line.text for line in lines]),
        confidence=sum(line.confidence * len(line.text) for line in lines) / max(1, length),
        box=_around([line.box for line in found], cell),
    )


def _ruled(found: Sequence[Found], squares: Sequence[Box], rules: Sequence[Box]) -> list[ruling.Cells]:
    if not rules or not found:
        return []
    height = max(median(bottom - top for _, top, _, bottom in squares), _least_height(found))
    return ruling.tables(rules, squares, height)


def _least_height(found: Sequence[Found]) -> float:
    sizes = [line.size for line in found if line.size]
    return _LINE_HEIGHT * median(sizes) if sizes else 0.0


def _around(boxes: Sequence[Box], indices: Sequence[int]) -> Box:
    lefts, tops, rights, bottoms = zip(*(boxes[index] for index in indices), strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def _with_initials(found: Sequence[Found], squares: list[Box]) -> tuple[Sequence[Found], list[Box]]:
    """Letters as high as several lines, at the beginning of the first of these."""
    letters = [index for index, line in enumerate(found) if len(line.text) == 1 and line.text.isalpha()]
    joined, gone = list(found), set()
    for letter in letters[:_MOST_LETTERS]:
        beside = [index for index, square in enumerate(squares) if _is_at(squares[letter], square)]
        if len(beside) > 1:
            first = min(beside, key=lambda index: squares[index][1])
            text, box = found[letter].text + found[first].text, _union(found[letter].box, found[first].box)
            joined[first] = found[first]._replace(text=text, box=box)
            gone.add(letter)
    if not gone:
        return found, squares
    rest = [index for index in range(len(found)) if index not in gone]
    return [joined[index] for index in rest], [squares[index] for index in rest]


def _is_at(initial: Box, line: Box) -> bool:
    """Whether a line stands to the right of a letter that is several lines high."""
    tall, height = initial[3] - initial[1], line[3] - line[1]
    middle = (line[1] + line[3]) / 2
    near = -0.2 * tall < line[0] - initial[2] < _INITIAL_GAP * tall
    return tall > _INITIAL * height and near and initial[1] - 0.5 * height < middle < initial[3]


def _text(lines: Sequence[tuple[Found, Box]]) -> str:
    """Lines on lines of their own; the cells of one row on one, divided by tabs."""
    parts: list[str] = []
    for index, (line, box) in enumerate(lines):
        if index:
            parts.append("\t" if paragraphs.beside(lines[index - 1][1], box) else "\n")
        parts.append(line.text)
    return "".join(parts)


def _joint(text: str, before: Box, after: Box) -> str | None:
    """What stands between two pieces of one line, or None where they are not."""
    if after[1] >= before[3]:  # the usual case: the next line stands below
        return None
    heights = before[3] - before[1], after[3] - after[1]
    gap = after[0] - before[2]
    widest = _BULLET_GAP * max(heights) if _BULLET.match(text) else _JOIN_GAP[1] * min(heights)
    if not _JOIN_GAP[0] * max(heights) <= gap <= widest:
        return None
    if min(before[3], after[3]) - max(before[1], after[1]) < 0.5 * min(heights):
        return None
    return " " if gap > _SPACE_GAP * min(heights) else ""


def _joined(before: tuple[Found, Box], after: tuple[Found, Box], space: str) -> tuple[Found, Box]:
    (one, square), (two, other) = before, after
    share = len(one.text) / max(1, len(one.text) + len(two.text))
    line = Found(
        text=one.text + space + two.text,
        confidence=one.confidence * share + two.confidence * (1 - share),
        box=_union(one.box, two.box),
        size=one.size if len(one.text) > len(two.text) else two.size,
    )
    return line, _union(square, other)


def _union(one: Box, two: Box) -> Box:
    return min(one[0], two[0]), min(one[1], two[1]), max(one[2], two[2]), max(one[3], two[3])


def reads_right_to_left(found: Sequence[Found]) -> bool:
    """Whether most letters are Hebrew or Arabic."""
    if not any(_RIGHT_TO_LEFT.search(line.text) for line in found if not line.text.isascii()):
        return False
    text = "".join(line.text for line in found)
    return 2 * len(_RIGHT_TO_LEFT.findall(text)) > len(_LETTER.findall(text))
