"""The regions of a page: its titles, texts, lists, tables and figures, made of its paragraphs. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from statistics import median
from typing import NamedTuple

from slimgest_celery.geometry import PageBox, has_middle_in, union
from slimgest_celery.layout.structure.elements import PageElement
from slimgest_celery.layout.structure.lines import LayoutLine
from slimgest_celery.layout.structure.roles import ITEM, Role
from slimgest_celery.models.page import Block, Paragraph, Region, RegionKind

_KINDS = {"heading": RegionKind.TITLE, "table": RegionKind.TABLE}
_MAX_CAPTION_LINES = 6
_CAPTION = re.compile(
    r"(?:figure|fig\.?|table|tab\.?|chart|exhibit|scheme|plate|abbildung|abb\.?|tabelle|tableau|figura|tabla|tabella)"
    r"\s+(?:\d+(?:[.\d]*\d)?[a-z]?|[IVX]+)\s*(?:[.:–—-]|$)",
    re.IGNORECASE,
)
_JOINED = (RegionKind.LIST, RegionKind.FIGURE, RegionKind.TABLE)  # several paragraphs may be one region


class _Part(NamedTuple):
    """The region to which a paragraph belongs. Consecutive paragraphs with equal parts are one region."""

    kind: RegionKind
    confidence: float
    element: int  # the number of the figure or table, from 1; 0: none
    number: int  # of the paragraph, if it is a region of its own


def from_paragraphs(
    blocks: Sequence[Block],
    paragraphs: Sequence[Paragraph],
    lines: Sequence[LayoutLine],
    graphics: Sequence[PageElement] = (),
) -> list[Region]:
    """Return the regions of a page in reading order: each block is in one of them.

    `lines` are those of the blocks. `graphics` are the figures and tables to whose numbers the roles of lines refer,
    with boxes of the page as displayed. A figure without lines is before the first region below it.
    """
    parts = [_part_of(number, paragraph, lines) for number, paragraph in enumerate(paragraphs, 1)]
    regions = [
        _region(blocks, lines, part, [paragraph for _, paragraph in group], graphics)
        for part, group in groupby(zip(parts, paragraphs, strict=True), key=lambda pair: pair[0])
    ]
    return _with_empty_figures(regions, [one for one in graphics if one.kind == RegionKind.FIGURE])


def _part_of(number: int, paragraph: Paragraph, lines: Sequence[LayoutLine]) -> _Part:
    first = lines[paragraph.first]
    role = first.role or Role(RegionKind.TEXT, 1.0)
    if paragraph.kind != "text":
        kind = _KINDS[paragraph.kind]
        return _Part(kind, role.confidence if role.kind == kind else 1.0, 0, number)
    kind = role.kind
    if kind == RegionKind.TEXT:
        kind = _kind_of_text(paragraph, lines)
    element = 0 if kind == RegionKind.FOOTNOTE else role.element
    return _Part(kind, role.confidence, element, 0 if kind in _JOINED else number)


def _kind_of_text(paragraph: Paragraph, lines: Sequence[LayoutLine]) -> RegionKind:
    """Return `LIST` for an item, `CAPTION` for one that names a figure or table, else `TEXT`."""
    first = lines[paragraph.first]
    if ITEM.match(first.text):
        return RegionKind.LIST
    is_short = paragraph.last - paragraph.first < _MAX_CAPTION_LINES
    return RegionKind.CAPTION if is_short and _CAPTION.match(first.text) else RegionKind.TEXT


def _region(
    blocks: Sequence[Block],
    lines: Sequence[LayoutLine],
    part: _Part,
    paragraphs: Sequence[Paragraph],
    graphics: Sequence[PageElement],
) -> Region:
    first, last = paragraphs[0].first, paragraphs[-1].last
    boxes: list[PageBox] = [block.box for block in blocks[first : last + 1]]
    if part.element and part.element <= len(graphics):
        boxes.append(graphics[part.element - 1].box)
    return Region(
        kind=part.kind,
        confidence=round(part.confidence, 3),
        box=union(boxes),
        first=first,
        last=last,
        type_size=_type_size(lines[first : last + 1]) if part.kind == RegionKind.TITLE else None,
        bold=part.kind == RegionKind.TITLE and all(line.bold for line in lines[first : last + 1]),
    )


def _type_size(lines: Sequence[LayoutLine]) -> float | None:
    """Return the type size of a heading."""
    sizes = [line.size or (line.role.size if line.role else 0.0) for line in lines]
    return round(median(sizes), 1) or None


def _with_empty_figures(regions: list[Region], figures: Sequence[PageElement]) -> list[Region]:
    """Return the regions, with those figures that have no lines."""
    found = list(regions)
    for figure in figures:
        if not any(region.kind == figure.kind and has_middle_in(figure.box, region.box) for region in found):
            place = next(_places_below(found, figure.box), len(found))
            found.insert(place, Region(kind=figure.kind, confidence=round(figure.confidence, 3), box=figure.box))
    return found


def _places_below(regions: Sequence[Region], box: PageBox) -> Iterator[int]:
    """Yield the places of the regions below a box, and in its column."""
    for place, region in enumerate(regions):
        left, top, right, bottom = region.box
        if (top + bottom) / 2 > box[3] and left < box[2] and box[0] < right:
            yield place
