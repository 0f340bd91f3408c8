"""The elements of a page: its paragraphs and figures, each with its role in the document."""

from __future__ import annotations

import re
from collections.abc import Iterator, Set
from dataclasses import dataclass
from typing import Literal

from slimgest_celery.formats.paragraphs import paragraphs_of
from slimgest_celery.models.page import Page, Paragraph, Region, RegionKind

ElementKind = Literal[
    "text", "heading", "list", "table", "figure", "caption", "footnote", "formula", "header", "footer"
]
RUNNING = ("header", "footer")
_KINDS: dict[RegionKind, ElementKind] = {
    RegionKind.TITLE: "heading",
    RegionKind.LIST: "list",
    RegionKind.FIGURE: "figure",
    RegionKind.CAPTION: "caption",
    RegionKind.FOOTNOTE: "footnote",
    RegionKind.FORMULA: "formula",
    RegionKind.HEADER: "header",
    RegionKind.FOOTER: "footer",
}
_ITEM = re.compile(r"[•◦▪‣●○■□·]\s|\d{1,3}[.)]\s+\S")
_AT_THE_END = {"footnote": 1, "footer": 2}
_LAST_LEVEL = 6  # of a title whose level is not known


@dataclass(frozen=True, kw_only=True)
class Element:
    """A paragraph of a page, or a figure without text, and its role."""

    kind: ElementKind
    level: int = 0  # of a heading
    paragraph: Paragraph | None  # None: a figure without text
    region: Region | None = None


def is_item(text: str) -> bool:
    """Return True if a paragraph begins as an item of a list does."""
    return _ITEM.match(text) is not None


def elements_of(page: Page, running: Set[int], *, keep_running: bool) -> tuple[Element, ...]:
    """Return the elements of a page in reading order, its footnotes last.

    `running` are the blocks of running headers, footers and page numbers, in paragraphs of their own. They are left out
    unless `keep_running`.
    """
    found = [element for element in _in_order(page, running) if keep_running or element.kind not in RUNNING]
    return tuple(sorted(found, key=lambda element: _AT_THE_END.get(element.kind, 0)))


def _in_order(page: Page, running: Set[int]) -> Iterator[Element]:
    """Yield the paragraphs with their regions, and the figures without text where they are among the regions."""
    regions = list(page.regions)
    for paragraph in paragraphs_of(page):
        while regions and (regions[0].last is None or regions[0].last < paragraph.first):
            yield from _figure_without_text(regions.pop(0))
        if paragraph.first in running:  # also in a record without regions
            is_above = page.blocks[paragraph.first].box[1] < 0.5
            yield Element(kind="header" if is_above else "footer", paragraph=paragraph)
        else:
            yield _element(paragraph, regions[0] if regions else None)
    for region in regions:
        yield from _figure_without_text(region)


def _figure_without_text(region: Region) -> Iterator[Element]:
    if region.first is None and region.kind == RegionKind.FIGURE:
        yield Element(kind="figure", paragraph=None, region=region)


def _element(paragraph: Paragraph, region: Region | None) -> Element:
    if paragraph.cells is not None:
        return Element(kind="table", paragraph=paragraph)
    if region is None or region.first is None or region.first > paragraph.first:
        region = None
    kind: ElementKind = _KINDS.get(region.kind, "text") if region else "text"
    if paragraph.kind == "heading" and kind not in RUNNING:
        kind = "heading"
    level = min(paragraph.level or _LAST_LEVEL, _LAST_LEVEL) if kind == "heading" else 0
    return Element(kind=kind, level=level, paragraph=paragraph, region=region)
