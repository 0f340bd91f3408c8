"""The roles of the lines of a page: which are headings, captions or parts of a figure. Pure.

On a scan, a layout model has found elements, whose boxes are inexact and overlap. A line has the role of the element
that covers it with the most confidence, with these exceptions:
- a figure or table whose lines are running text or items is none; one whose lines are cells is a table;
- a line in bolder or larger type than the text is a heading, even if the model sees text; one in smaller type is none;
- a header or footer is at the edge of the page.

On a text layer, the elements are the pictures and drawings of the page. Headings then follow from type: paragraphs.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from statistics import median
from typing import NamedTuple

from slimgest_celery.geometry import Box, is_beside
from slimgest_celery.layout import open_tables
from slimgest_celery.layout.columns import LineBox, split_rows
from slimgest_celery.layout.running_text import Side
from slimgest_celery.layout.structure.elements import PageElement
from slimgest_celery.models.page import RegionKind

ITEM = re.compile(r"[•◦▪‣●○■□*·]\s?|[–—-]\s|\(?\d{1,3}[.)]\s|\(?[a-z]\)\s")
_MIN_GRAPHIC = 0.4  # confidence of a figure or table
_MIN_COVERED = 0.5  # of the width and of the height of a line
_MIN_TITLE, _SURE_TITLE = 0.3, 0.5  # confidence
_OFF_CENTRE, _MAX_LABEL = 0.1, 0.6  # of the width of a figure: of its own title at its edge
_BEYOND = 0.8  # of the height of that title: from its middle to the figure's box
_SMALLER = 0.85  # of the height of the text's lines: a heading is not smaller
_SURE, _LIKELY, _POSSIBLE = 0.7, 0.5, 0.3  # confidence of a title
# The thickness of its strokes by that of the text, for a possible, a likely and a sure title, and for any line.
_STROKES = ((_SURE, 0.9), (_LIKELY, 1.08), (_POSSIBLE, 1.15), (0.0, 1.25))
_MAX_TITLE = 120  # characters of one line
_MAX_UNSEEN_TITLE = 60  # of one that the model does not see
_MAX_TITLE_LINES = 3
_TEXT_SAMPLE = 8  # lines whose strokes show those of the text
_MIN_ITEMS = 0.3  # of the rows of a list
_EDGE = 0.12  # of the height of the page
_LETTERS = re.compile(r"[^\W\d_]{2}")
_SENTENCE_END = re.compile(r"[.,;]$")
_GRAPHIC = (RegionKind.FIGURE, RegionKind.TABLE)
_RUNNING = (RegionKind.HEADER, RegionKind.FOOTER)

TypeOf = Callable[[int], "tuple[float, float] | None"]  # by the index of a line: thickness of strokes, type size


class Role(NamedTuple):
    """The role of a line. Lines with one role and one element are together."""

    kind: RegionKind
    confidence: float
    element: int = 0  # the number of a figure or table on the page, from 1; 0 for other roles
    size: float = 0.0  # the type size of a title; 0 if unknown


class PageRoles(NamedTuple):
    """The roles on a page."""

    lines: list[Role | None]  # of each line; None for text without any other role
    graphics: list[PageElement]  # the figures and tables; the role of a line in the first has the element 1


class Line(NamedTuple):
    """A line of the upright page, with its box in the unit of the elements' boxes."""

    text: str
    box: Box


def no_type(_index: int) -> None:
    """Measure nothing."""


def find_roles(
    lines: Sequence[Line], elements: Sequence[PageElement], height: float, type_of: TypeOf = no_type
) -> PageRoles:
    """Return the roles of lines.

    `height` is that of the page. `type_of` returns the thickness of the strokes of a line, and its type size.
    """
    roles: list[Role | None] = [None] * len(lines)
    graphics = find_graphics(lines, elements)
    for number, (element, inside) in enumerate(graphics, 1):
        for index in inside:
            roles[index] = Role(element.kind, element.confidence, number)
    outside = [index for index, role in enumerate(roles) if role is None]
    text = _Text.of([lines[index] for index in outside], lambda at: type_of(outside[at]))
    others = [element for element in elements if element.kind not in _GRAPHIC]
    for index in outside:
        confidences = _confidences(lines[index], others)
        title = confidences.pop(RegionKind.TITLE, 0.0)
        is_alone = not any(is_beside(lines[index].box, lines[other].box) for other in outside if other != index)
        strokes = type_of(index) if _may_be_title(lines[index], title, is_alone, text) else None
        if strokes and _is_title(title, strokes[0] / text.stroke if text.stroke else 1.0):
            roles[index] = Role(RegionKind.TITLE, title or 1.0, size=strokes[1])
        else:
            roles[index] = _other_role(lines[index], confidences, height)
    return PageRoles(roles, [element for element, _ in graphics])


class _Text(NamedTuple):
    """The usual line of a page."""

    height: float
    stroke: float

    @classmethod
    def of(cls, lines: Sequence[Line], type_of: TypeOf) -> _Text:
        """Measure some of the longest lines."""
        longest = sorted(range(len(lines)), key=lambda index: -len(lines[index].text))[:_TEXT_SAMPLE]
        strokes = [measured[0] for index in longest if (measured := type_of(index))]
        return cls(usual_height(lines), median(strokes) if strokes else 0.0)


def usual_height(lines: Sequence[Line]) -> float:
    """Return the height of a line of most of the text; 0 if there is none."""
    heights = sorted((line.box[3] - line.box[1], len(line.text)) for line in lines)
    half = sum(length for _, length in heights) / 2
    for height, length in heights:
        half -= length
        if half <= 0:
            return height
    return 0.0


def find_graphics(lines: Sequence[Line], elements: Sequence[PageElement]) -> list[tuple[PageElement, list[int]]]:
    """Return the figures and tables with their lines; of those that overlap, the most confident one."""
    found: list[tuple[PageElement, list[int]]] = []
    taken: set[int] = set()
    graphics = [one for one in elements if one.kind in _GRAPHIC and one.confidence >= _MIN_GRAPHIC]
    for element in sorted(graphics, key=lambda one: -one.confidence):
        if any(_overlaps(element.box, other.box) for other, _ in found):
            continue
        inside = [index for index, line in enumerate(lines) if index not in taken and _is_inside(line, element.box)]
        kind = _kind_of_graphic(element, [lines[index] for index in inside])
        if kind is not None:
            found.append((element._replace(kind=kind), inside))
            taken.update(inside)
    return found


def _kind_of_graphic(element: PageElement, lines: Sequence[Line]) -> RegionKind | None:
    """Return `FIGURE` or `TABLE`, or None for text that the model took for one."""
    if not lines:
        return RegionKind.FIGURE if element.kind == RegionKind.FIGURE else None
    height = median(line.box[3] - line.box[1] for line in lines)
    boxes = [LineBox(n, *line.box, (line.box[1] + line.box[3]) / 2, line.text) for n, line in enumerate(lines)]
    boxes.sort(key=lambda box: box.middle)
    rows = split_rows(boxes)
    items = sum(bool(ITEM.match(min(row, key=lambda box: box.left).text)) for row in rows)
    side = Side(boxes, height)
    if items >= _MIN_ITEMS * len(rows) and len(rows) > 1 and not side.is_tabular:
        return None
    if side.is_running_text and not side.is_tabular:
        return None
    by_row = [lines[box.box_index] for row in rows for box in sorted(row, key=lambda box: box.left)]
    tables = open_tables.find_tables([line.box for line in by_row], [line.text for line in by_row])
    return RegionKind.TABLE if 2 * sum(one.end - one.start for one in tables) > len(lines) else element.kind


def _is_inside(line: Line, box: Box) -> bool:
    """Return True for a line inside the box of a figure or table, or for a title of it that is centred at its edge."""
    left, top, right, bottom = line.box
    wide = box[2] - box[0]
    is_centred = abs(left + right - box[0] - box[2]) < 2 * _OFF_CENTRE * wide and right - left < _MAX_LABEL * wide
    beyond = _BEYOND * (bottom - top) if is_centred else 0.0
    is_level = box[1] - beyond < (top + bottom) / 2 < box[3] + beyond
    return is_level and _shared(left, right, box[0], box[2]) >= _MIN_COVERED


def _overlaps(box: Box, other: Box) -> bool:
    """Return True if two boxes share half of the smaller one."""
    wide, high = min(box[2], other[2]) - max(box[0], other[0]), min(box[3], other[3]) - max(box[1], other[1])
    smaller = min((one[2] - one[0]) * (one[3] - one[1]) for one in (box, other))
    return wide > 0 and high > 0 and 2 * wide * high > smaller


def _shared(start: float, end: float, other_start: float, other_end: float) -> float:
    """Return the share of one extent that is in another one."""
    return (min(end, other_end) - max(start, other_start)) / max(end - start, 1e-9)


def _confidences(line: Line, elements: Sequence[PageElement]) -> dict[RegionKind, float]:
    """Return the kinds of the elements that cover a line, with their confidence."""
    found: dict[RegionKind, float] = {}
    for element in elements:
        if _is_covered(line, element.box):
            found[element.kind] = max(found.get(element.kind, 0.0), element.confidence)
    return found


def _other_role(line: Line, confidences: dict[RegionKind, float], page_height: float) -> Role | None:
    """Return the role of a line that is no heading and outside of figures and tables."""
    is_at_edge = not _EDGE * page_height < line.box[1] < (1 - _EDGE) * page_height
    running = RegionKind.HEADER if line.box[1] < page_height / 2 else RegionKind.FOOTER
    possible = [kind for kind in confidences if kind not in _RUNNING or (is_at_edge and kind == running)]
    kind = max(possible, key=lambda one: confidences[one], default=RegionKind.TEXT)
    return None if kind == RegionKind.TEXT else Role(kind, confidences[kind])


def _is_covered(line: Line, box: Box) -> bool:
    left, top, right, bottom = line.box
    wide = _shared(left, right, box[0], box[2])
    return wide >= _MIN_COVERED and _shared(top, bottom, box[1], box[3]) >= _MIN_COVERED


def _may_be_title(line: Line, confidence: float, is_alone: bool, text: _Text) -> bool:
    """Return True if the strokes of a line decide if it is a heading."""
    if not _LETTERS.search(line.text) or line.box[3] - line.box[1] < _SMALLER * text.height:
        return False
    longest = _MAX_TITLE if confidence else _MAX_UNSEEN_TITLE
    return len(line.text) <= longest and (confidence > 0 or (is_alone and not _SENTENCE_END.search(line.text)))


def _is_title(confidence: float, stroke: float) -> bool:
    return any(confidence >= least and stroke >= needed for least, needed in _STROKES)
