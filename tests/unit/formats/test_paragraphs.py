"""The paragraphs of a page record, and their rows."""

from __future__ import annotations

from slimgest_celery.formats.paragraphs import blocks_of, paragraphs_of, rows_of
from slimgest_celery.models.page import Block, Page, Paragraph


def _block(text: str, left: float, top: float) -> Block:
    return Block(text=text, confidence=1, box=(left, top, left + 0.1, top + 0.1))


def test_blocks_side_by_side_are_one_row_separated_by_tabs() -> None:
    blocks = [_block("a", 0.1, 0.1), _block("b", 0.5, 0.1), _block("c", 0.1, 0.3)]
    page = Page(page_number=1, status="ok", blocks=blocks, paragraphs=[Paragraph(first=0, last=2)])
    assert rows_of(page, page.paragraphs[0]) == ["a\tb", "c"]


def test_on_a_page_turned_sideways_rows_run_from_top_to_bottom() -> None:
    blocks = [_block("a", 0.1, 0.1), _block("c", 0.1, 0.3), _block("b", 0.5, 0.1)]
    page = Page(page_number=1, status="ok", turned=90, blocks=blocks, paragraphs=[Paragraph(first=0, last=2)])
    assert rows_of(page, page.paragraphs[0]) == ["a\tc", "b"]


def test_in_a_record_without_paragraphs_each_block_is_one() -> None:
    page = Page(page_number=1, status="ok", blocks=[_block("a", 0.1, 0.1), _block("b", 0.1, 0.3)])
    assert [blocks_of(page, paragraph) for paragraph in paragraphs_of(page)] == [[block] for block in page.blocks]
