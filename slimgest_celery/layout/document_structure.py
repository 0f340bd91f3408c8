"""The structure that only all pages of a document show: running headers and footers, and the levels of headings.

    structure = find_structure(pages)       # a first pass over the pages; keeps a few lines of each
    page = structure.apply(page)            # page by page, while a format is written

In a page that `apply` returns,
- lines that repeat at the top or bottom of the pages, and page numbers, are regions of the kind `header` or `footer`,
  and paragraphs of their own. All other regions have other kinds. Document formats leave these lines out;
- the level of a heading follows from its type size among the headings of the document, and from its number ("2.3").

A record itself is not changed: it is published before the other pages are read.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from itertools import groupby
from typing import NamedTuple

from slimgest_celery.geometry import PageBox, union
from slimgest_celery.layout.structure.heading_levels import Title, find_levels
from slimgest_celery.models.page import Page, Paragraph, Region, RegionKind, Source

_RUNNING = (RegionKind.HEADER, RegionKind.FOOTER)
_EDGE = 0.15  # of the height of a page, at its top and at its bottom: where running lines are
_MAX_ROWS = 3  # of running lines at one edge; if more rows repeat, the pages are copies of a form
_REACH = 4  # pages before and after a page, or more on one side: left and right pages have headers of their own
_MIN_NUMBERED = 3  # other pages that have their number in this place, but another text
_SAME_PLACE = 0.015  # of the height of a page
_SIMILAR = 0.85  # of two texts that OCR has read
_MAX_LENGTH = 120  # characters of a row; longer rows are text
_NUMBER = re.compile(r"\d+|\b[ivxlc]+\b")
_INTEGER = re.compile(r"\d{1,5}")
_LETTERS = re.compile(r"[^\W\d_]{2,}")


class EdgeRow(NamedTuple):
    """A row of blocks at the top or bottom of a page."""

    blocks: tuple[int, ...]  # their indexes
    y: float  # its middle, in 0-1 of the height of the upright page
    text: str  # in lower case, with # for each number
    offsets: frozenset[int]  # of its first and last number from the number of the page
    by_ocr: bool  # if so, its text may have errors


class PageOutline(NamedTuple):
    """The rows at the edges of a page, and its headings."""

    page_number: int
    top: Sequence[EdgeRow]  # from the top edge inwards
    bottom: Sequence[EdgeRow]  # from the bottom edge inwards
    titles: Sequence[Title]


@dataclass(frozen=True, kw_only=True)
class DocumentStructure:
    """The running lines and the levels of headings, by page number."""

    running: Mapping[int, frozenset[int]] = field(default_factory=dict)  # indexes of blocks
    levels: Mapping[int, Mapping[int, int]] = field(default_factory=dict)  # by the index of a heading's first block

    def apply(self, page: Page) -> Page:
        """Return the page with its running lines as headers and footers, and with the document's heading levels."""
        running = self.running.get(page.page_number, frozenset())
        levels = self.levels.get(page.page_number, {})
        has_running = bool(running) or any(region.kind in _RUNNING for region in page.regions)
        if not has_running and not levels:
            return page
        paragraphs = [part for paragraph in page.paragraphs for part in _split(paragraph, running)]
        regions = [part for region in page.regions for part in _split_region(page, region, running)]
        return page.model_copy(
            update={"paragraphs": [_with_level(one, levels) for one in paragraphs], "regions": regions}
        )


def find_structure(pages: Iterable[Page]) -> DocumentStructure:
    """Return the structure of a document with these pages, in ascending order."""
    outlines = [outline(page) for page in pages]
    running = {
        one.page_number: found
        for index, one in enumerate(outlines)
        if (found := _running_blocks(one, _near(outlines, index)))
    }
    titles = [
        title._replace(page_number=one.page_number)
        for one in outlines
        for title in one.titles
        if title.first not in running.get(one.page_number, ())
    ]
    levels: defaultdict[int, dict[int, int]] = defaultdict(dict)
    for title, level in zip(titles, find_levels(titles), strict=True):
        levels[title.page_number][title.first] = level
    return DocumentStructure(running=running, levels=dict(levels))


def outline(page: Page) -> PageOutline:
    """Return the rows at the edges of a page, and its headings."""
    rows = list(_edge_rows(page))
    top = [row for row in rows if row.y < _EDGE][: _MAX_ROWS + 1]
    bottom = [row for row in reversed(rows) if row.y > 1 - _EDGE][: _MAX_ROWS + 1]
    return PageOutline(page.page_number, top, bottom, list(_titles(page)))


def _titles(page: Page) -> Iterator[Title]:
    sizes = {region.first: region for region in page.regions if region.kind == RegionKind.TITLE}
    for paragraph in page.paragraphs:
        if paragraph.kind == "heading":
            region = sizes.get(paragraph.first)
            text = page.blocks[paragraph.first].text
            size, bold = (region.type_size or 0.0, region.bold) if region else (0.0, False)
            yield Title(page.page_number, paragraph.first, text, size, bold, page.source == Source.OCR, paragraph.level)


def _edge_rows(page: Page) -> Iterator[EdgeRow]:
    """Yield the rows near the edges of a page, from top to bottom."""
    in_tables = {index for one in page.paragraphs if one.cells is not None for index in range(one.first, one.last + 1)}
    boxes = [
        (index, box)
        for index, block in enumerate(page.blocks)
        if not _EDGE < _middle(box := _upright(block.box, page.turned)) < 1 - _EDGE
    ]
    row: list[tuple[int, PageBox]] = []
    for index, box in sorted(boxes, key=lambda one: _middle(one[1])):
        if row and _middle(box) > row[0][1][3]:
            yield from _edge_row(page, row, in_tables)
            row = []
        row.append((index, box))
    yield from _edge_row(page, row, in_tables)


def _edge_row(page: Page, row: Sequence[tuple[int, PageBox]], in_tables: set[int]) -> Iterator[EdgeRow]:
    indexes = tuple(index for index, _ in sorted(row, key=lambda one: one[1][0]))
    text = " ".join(page.blocks[index].text for index in indexes)
    if row and len(text) <= _MAX_LENGTH and in_tables.isdisjoint(indexes):
        numbers = _INTEGER.findall(text)
        offsets = frozenset(int(number) - page.page_number for number in (*numbers[:1], *numbers[-1:]))
        text = _NUMBER.sub("#", text.lower())
        yield EdgeRow(indexes, _middle(union([box for _, box in row])), text, offsets, page.source == Source.OCR)
    elif row:  # a table, or running text: no row behind it is at the edge
        yield EdgeRow(indexes, _middle(union([box for _, box in row])), "", frozenset(), False)


def _running_blocks(page: PageOutline, near: Sequence[PageOutline]) -> frozenset[int]:
    """Return the blocks of a page that repeat on the pages near it."""
    found: set[int] = set()
    for rows, others in ((page.top, [one.top for one in near]), (page.bottom, [one.bottom for one in near])):
        repeated = 0
        while repeated < len(rows) and _is_running(rows[repeated], others):
            repeated += 1
        if repeated <= _MAX_ROWS:
            found.update(index for row in rows[:repeated] for index in row.blocks)
    return frozenset(found)


def _is_running(row: EdgeRow, pages: Sequence[Sequence[EdgeRow]]) -> bool:
    """Return True if enough other pages have the row's text at its place, or the number of the page in another text.

    One page shows little: headings at the top of two pages may have the numbers of these pages.
    """
    near = [[other for other in rows if abs(row.y - other.y) < _SAME_PLACE] for rows in pages]
    same = sum(any(_has_same_text(row, other) for other in rows) for rows in near)
    numbered = sum(any(row.offsets & other.offsets for other in rows) for rows in near)
    return same >= (2 if len(pages) >= _REACH else 1) or numbered >= _MIN_NUMBERED


def _has_same_text(row: EdgeRow, other: EdgeRow) -> bool:
    if not _LETTERS.search(row.text):  # only a number, or one between dashes
        return row.text == other.text and bool(row.offsets & other.offsets)
    if row.text == other.text or not row.by_ocr:
        return row.text == other.text
    matcher = SequenceMatcher(None, row.text, other.text, autojunk=False)
    return matcher.real_quick_ratio() >= _SIMILAR and matcher.quick_ratio() >= _SIMILAR <= matcher.ratio()


def _near(outlines: Sequence[PageOutline], index: int) -> list[PageOutline]:
    """Return the pages around a page."""
    start = max(0, min(index - _REACH, len(outlines) - 2 * _REACH - 1))
    return [one for one in outlines[start : start + 2 * _REACH + 1] if one is not outlines[index]]


def _split(paragraph: Paragraph, running: frozenset[int]) -> Iterator[Paragraph]:
    """Yield a paragraph, in parts if some of its blocks are running lines."""
    indexes = range(paragraph.first, paragraph.last + 1)
    if running.isdisjoint(indexes):
        yield paragraph
        return
    for is_running, group in groupby(indexes, running.__contains__):
        part = list(group)
        if is_running:
            yield Paragraph(first=part[0], last=part[-1])
        else:
            yield paragraph.model_copy(update={"first": part[0], "last": part[-1]})


def _split_region(page: Page, region: Region, running: frozenset[int]) -> Iterator[Region]:
    """Yield a region, in parts if some of its blocks are running lines."""
    if region.first is None or region.last is None:
        yield region
        return
    for is_running, group in groupby(range(region.first, region.last + 1), running.__contains__):
        part = list(group)
        boxes = [page.blocks[index].box for index in part]
        kind = RegionKind.TEXT if region.kind in _RUNNING else region.kind
        if is_running:
            is_above = _middle(_upright(boxes[0], page.turned)) < 0.5
            kind = RegionKind.HEADER if is_above else RegionKind.FOOTER
        box = region.box if len(part) == region.last - region.first + 1 else union(boxes)
        yield region.model_copy(update={"kind": kind, "box": box, "first": part[0], "last": part[-1]})


def _with_level(paragraph: Paragraph, levels: Mapping[int, int]) -> Paragraph:
    level = levels.get(paragraph.first, paragraph.level)
    return paragraph if level == paragraph.level else paragraph.model_copy(update={"level": level})


def _upright(box: PageBox, turned: int) -> PageBox:
    """Return a box in 0-1 of the page after it was turned clockwise by so many degrees."""
    left, top, right, bottom = box
    for _ in range(turned // 90):
        left, top, right, bottom = 1 - bottom, left, 1 - top, right
    return left, top, right, bottom


def _middle(box: PageBox) -> float:
    return (box[1] + box[3]) / 2
