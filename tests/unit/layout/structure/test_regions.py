"""The regions of a page."""

from __future__ import annotations

from slimgest_celery.layout.structure import regions
from slimgest_celery.layout.structure.elements import PageElement
from slimgest_celery.layout.structure.lines import LayoutLine
from slimgest_celery.layout.structure.roles import Role
from slimgest_celery.models.page import Block, Page, Paragraph, Region, RegionKind, TableCell


def _block(text: str, top: float, left: float = 0.1, right: float = 0.9) -> Block:
    return Block(text=text, confidence=1.0, box=(left, top, right, top + 0.02))


def _lines(blocks: list[Block], sizes: dict[int, float] | None = None, **roles: Role) -> list[LayoutLine]:
    """Lines with sizes by index, and roles by text."""
    sizes = sizes or {}
    return [
        LayoutLine(block.text, block.box, sizes.get(index, 0.0), roles.get(block.text))
        for index, block in enumerate(blocks)
    ]


def test_each_paragraph_becomes_a_region_around_its_blocks() -> None:
    blocks = [_block("Heading", 0.1), _block("one", 0.2, right=0.5), _block("two", 0.23), _block("cell", 0.4)]
    paragraphs = [
        Paragraph(kind="heading", level=1, first=0, last=0),
        Paragraph(first=1, last=2),
        Paragraph(kind="table", first=3, last=3, cells=[TableCell(row=0, column=0, blocks=[3])]),
    ]
    found = regions.from_paragraphs(blocks, paragraphs, _lines(blocks, {0: 18.0}))
    assert [region.kind for region in found] == [RegionKind.TITLE, RegionKind.TEXT, RegionKind.TABLE]
    assert [(region.first, region.last) for region in found] == [(0, 0), (1, 2), (3, 3)]
    assert [region.type_size for region in found] == [18.0, None, None]
    assert found[1].box == (0.1, 0.2, 0.9, 0.25)


def test_consecutive_items_are_one_list() -> None:
    blocks = [_block(text, 0.1 + n / 20) for n, text in enumerate(["• one", "• two", "text", "1. first", "2. second"])]
    paragraphs = [Paragraph(first=index, last=index) for index in range(5)]
    found = regions.from_paragraphs(blocks, paragraphs, _lines(blocks))
    assert [(region.kind.value, region.first, region.last) for region in found] == [
        ("list", 0, 1),
        ("text", 2, 2),
        ("list", 3, 4),
    ]


def test_the_labels_of_a_figure_are_one_region_with_the_figures_box() -> None:
    blocks = [_block("before", 0.1), _block("100", 0.3, right=0.2), _block("Cost", 0.5), _block("after", 0.8)]
    label = Role(RegionKind.FIGURE, 0.87654, 1)
    figure = PageElement(RegionKind.FIGURE, 0.87654, (0.05, 0.25, 0.95, 0.6))
    paragraphs = [Paragraph(first=index, last=index) for index in range(4)]
    lines = _lines(blocks, None, **{"100": label, "Cost": label})
    found = regions.from_paragraphs(blocks, paragraphs, lines, [figure])
    assert [region.kind.value for region in found] == ["text", "figure", "text"]
    assert found[1] == Region(kind=RegionKind.FIGURE, confidence=0.877, box=figure.box, first=1, last=2)


def test_a_figure_without_text_has_its_place_in_the_reading_order() -> None:
    blocks = [_block("above", 0.1), _block("below", 0.8)]
    figure = PageElement(RegionKind.FIGURE, 0.9, (0.1, 0.2, 0.9, 0.7))
    paragraphs = [Paragraph(first=0, last=0), Paragraph(first=1, last=1)]
    found = regions.from_paragraphs(blocks, paragraphs, _lines(blocks), [figure])
    assert [(region.kind.value, region.first) for region in found] == [("text", 0), ("figure", None), ("text", 1)]


def test_a_record_from_before_regions_is_still_readable() -> None:
    page = Page(page_number=1, status="ok", regions=[Region(kind=RegionKind.FIGURE, confidence=0.5, box=(0, 0, 1, 1))])
    stored = page.model_dump(mode="json")
    assert Page.model_validate(stored) == page
    del stored["regions"]
    assert Page.model_validate(stored).regions == []
