"""Tables that continue on the next page are one table in every format for readers."""

from __future__ import annotations

import io
import zipfile
from xml.etree.ElementTree import Element

import html5lib
import pytest

from slimgest_celery.models.page import Page, Paragraph
from slimgest_celery.models.problem import Problem
from slimgest_celery.models.results import Chunk
from tests.support.drawn_documents import document, drawn_page, write, write_bytes

HEAD = ["Name", "Count"]
FIRST = drawn_page(1, ("text", "Before."), [HEAD, ["a", "1"]])
ROWS = "| Name | Count |\n|---|---|\n| a | 1 |\n"


def html(*pages: Page) -> Element:
    found: Element = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(
        write("html", document(*pages))
    )
    return found


def tables(*pages: Page) -> list[list[str]]:
    """The rows of each table in HTML."""
    return [["|".join(row.itertext()) for row in table.iter("tr")] for table in html(*pages).iter("table")]


def chunk_texts(*pages: Page) -> list[str]:
    return [Chunk.model_validate_json(line).text for line in write("chunks", document(*pages)).splitlines()]


def csv(*pages: Page) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(write_bytes("csv", document(*pages)))) as archive:
        return {name: archive.read(name).decode("utf-8-sig") for name in archive.namelist()}


def unmarked(page: Page) -> Page:
    """The page with tables whose header is not marked."""

    def plain(paragraph: Paragraph) -> Paragraph:
        cells = paragraph.cells and [cell.model_copy(update={"header": False}) for cell in paragraph.cells]
        return paragraph.model_copy(update={"cells": cells})

    return page.model_copy(update={"paragraphs": [plain(paragraph) for paragraph in page.paragraphs]})


def test_a_table_over_three_pages_is_one_and_drops_its_repeated_header() -> None:
    pages = FIRST, drawn_page(2, [HEAD, ["b", "2"]]), drawn_page(3, [HEAD, ["c", "3"]], ("text", "After."))
    assert write("md", document(*pages)) == (
        f"<!-- page 1 -->\n\nBefore.\n\n{ROWS}| b | 2 |\n| c | 3 |\n\n<!-- page 2 -->\n\n<!-- page 3 -->\n\nAfter.\n"
    )
    assert write("md-plain", document(*pages)) == f"Before.\n\n{ROWS}| b | 2 |\n| c | 3 |\n\nAfter.\n"
    assert tables(*pages) == [["Name|Count", "a|1", "b|2", "c|3"]]
    assert chunk_texts(*pages) == ["Before.", f"{ROWS}| b | 2 |\n| c | 3 |", "After."]
    assert csv(*pages) == {
        "page-0001-table-1.csv": "Name,Count\r\na,1\r\nb,2\r\nc,3\r\n",
        "tables.csv": "file,first_page,last_page,rows,columns\r\npage-0001-table-1.csv,1,3,4,2\r\n",
    }


def test_each_page_has_its_anchor_even_if_it_begins_within_a_table() -> None:
    root = html(FIRST, drawn_page(2, [HEAD, ["b", "2"]]), drawn_page(3, [HEAD, ["c", "3"]], ("text", "After.")))
    assert [(e.tag, e.get("id")) for e in root.iter() if e.get("id")] == [
        ("section", "page-1"), ("tbody", "page-2"), ("tbody", "page-3")
    ]  # fmt: skip
    assert ["".join(section.itertext()).split()[-1] for section in root.iter("section")] == ["c3", "After."]


@pytest.mark.parametrize("repeated", [[HEAD], []], ids=["repeated header", "no header"])
def test_a_header_need_not_be_marked_or_repeated(repeated: list[list[str]]) -> None:
    pages = unmarked(FIRST), unmarked(drawn_page(2, [*repeated, ["b", "2"], ["c", "3"]]))
    assert tables(*pages) == [["Name|Count", "a|1", "b|2", "c|3"]]


OTHER = {
    "text before it": drawn_page(2, ("text", "Between."), [HEAD, ["b", "2"]]),
    "another header": drawn_page(2, [["Name", "Price"], ["b", "2"]]),
    "more columns": drawn_page(2, [[*HEAD, "Price"], ["b", "2", "3"]]),
    "a failed page": Page(page_number=2, status="failed", error=Problem(code="page.timeout", message="Too long.")),
    "an empty page": Page(page_number=2, status="ok"),
}


@pytest.mark.parametrize("second", OTHER.values(), ids=OTHER)
def test_another_table_stays_another_one(second: Page) -> None:
    third = drawn_page(3, ("text", "Next."), [HEAD, ["c", "3"]])
    assert len(tables(FIRST, second, third)) == 2 + bool(second.paragraphs)
    assert len([name for name in csv(FIRST, second, third) if name.startswith("page")]) == 2 + bool(second.paragraphs)


def test_columns_in_other_places_make_another_table() -> None:
    page = drawn_page(2, [HEAD, ["b", "2"]])
    moved = [
        block.model_copy(update={"box": (block.box[0] * 0.7, block.box[1], block.box[2] * 0.8, block.box[3])})
        for block in page.blocks
    ]
    assert len(tables(FIRST, page.model_copy(update={"blocks": moved}))) == 2


def _with_span(page: Page) -> Page:
    """The page with a table whose last row is one merged cell."""
    table = page.paragraphs[-1]
    assert table.cells is not None
    merged = table.cells[-2].model_copy(
        update={"col_span": 2, "blocks": [b for c in table.cells[-2:] for b in c.blocks]}
    )
    return page.model_copy(
        update={"paragraphs": [*page.paragraphs[:-1], table.model_copy(update={"cells": [*table.cells[:-2], merged]})]}
    )


def test_a_table_with_merged_cells_is_joined_as_html_in_markdown() -> None:
    pages = _with_span(FIRST), drawn_page(2, [HEAD, ["b", "2"]], ("text", "After."))
    assert write("md", document(*pages)) == (
        "<!-- page 1 -->\n\nBefore.\n\n<table>\n<thead>\n<tr><th>Name</th><th>Count</th></tr>\n</thead>\n"
        '<tbody>\n<tr><td colspan="2">a 1</td></tr>\n</tbody>\n<tbody>\n<tr><td>b</td><td>2</td></tr>\n</tbody>\n'
        "</table>\n\n<!-- page 2 -->\n\nAfter.\n"
    )


def test_rows_with_merged_cells_do_not_continue_a_markdown_table() -> None:
    assert len(tables(FIRST, _with_span(drawn_page(2, [HEAD, ["b", "2"]])))) == 2
