"""The regions of a page."""

from __future__ import annotations

from slimgest_celery.layout.structure import regions
from slimgest_celery.models.page import Block, Page, Paragraph, Region, RegionKind


def _block(text: str, top: float, left: float = 0.1, right: float = 0.9) -> Block:
    return Block(text=text, confidence=1.0, box=(left, top, right, top + 0.02))


def test_each_paragraph_becomes_a_region_around_its_blocks() -> None:
    blocks = [_block("Heading", 0.1), _block("one", 0.2, right=0.5), _block("two", 0.23), _block("cell", 0.4)]
    paragraphs = [
        Paragraph(kind="heading", level=1, first=0, last=0),
        Paragraph(first=1, last=2),
        Paragraph(kind="table", first=3, last=3, cells=[[3]]),
    ]
    found = regions.from_paragraphs(blocks, paragraphs, [18.0, 10.0, 10.0, 10.0])
    assert [region.kind for region in found] == [RegionKind.TITLE, RegionKind.TEXT, RegionKind.TABLE]
    assert [(region.first, region.last) for region in found] == [(0, 0), (1, 2), (3, 3)]
    assert [region.type_size for region in found] == [18.0, None, None]
    assert found[1].box == (0.1, 0.2, 0.9, 0.25)


def test_a_record_from_before_regions_is_still_readable() -> None:
    page = Page(page_number=1, status="ok", regions=[Region(kind=RegionKind.FIGURE, confidence=0.5, box=(0, 0, 1, 1))])
    stored = page.model_dump(mode="json")
    assert Page.model_validate(stored) == page
    del stored["regions"]
    assert Page.model_validate(stored).regions == []
