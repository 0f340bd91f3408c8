"""Tables as rows, Markdown and HTML."""

from __future__ import annotations

from slimgest_celery.formats.tables import Table, TextCell, table_of, to_html, to_markdown, to_rows
from slimgest_celery.models.page import Block, Page, Paragraph, TableCell

SPANNED = Table(
    cells=[
        TextCell(row=0, column=0, row_span=2, header=True, text="Name"),
        TextCell(row=0, column=1, col_span=2, header=True, text="Sum <€>"),
        TextCell(row=1, column=1, header=True, text="2025"),
        TextCell(row=1, column=2, header=True, text="2026"),
        TextCell(row=2, column=0, text="Ada"),
        TextCell(row=2, column=1, text="1"),
        TextCell(row=2, column=2),
    ]
)


def test_the_lines_of_a_cell_are_joined() -> None:
    blocks = [Block(text=text, confidence=1, box=(0, 0, 1, 1)) for text in ("A de-", "scription", "7")]
    cells = [TableCell(row=0, column=0, blocks=[0, 1]), TableCell(row=0, column=1, header=True, blocks=[2])]
    page = Page(page_number=1, status="ok", blocks=blocks)
    table = table_of(page, Paragraph(kind="table", first=0, last=2, cells=cells))
    assert to_rows(table) == [["A description", "7"]]
    assert (table.row_count, table.column_count, table.header_rows, table.has_spans) == (1, 2, 1, False)


def test_the_text_of_a_merged_cell_is_in_its_first_row_and_column() -> None:
    assert to_rows(SPANNED) == [["Name", "Sum <€>", ""], ["", "2025", "2026"], ["Ada", "1", ""]]
    assert (SPANNED.row_count, SPANNED.column_count, SPANNED.header_rows) == (3, 3, 2)


def test_a_table_with_spans_is_html_in_markdown_too() -> None:
    assert to_html(SPANNED) == (
        '<table>\n<thead>\n<tr><th rowspan="2">Name</th><th colspan="2">Sum &lt;€&gt;</th></tr>\n'
        "<tr><th>2025</th><th>2026</th></tr>\n</thead>\n"
        "<tbody>\n<tr><td>Ada</td><td>1</td><td></td></tr>\n</tbody>\n</table>"
    )
    assert to_markdown(SPANNED, str) == to_html(SPANNED)


def test_a_row_that_cells_above_fill_is_an_empty_row_of_html() -> None:
    cells = [TextCell(row=0, column=0, row_span=2, text="a"), TextCell(row=0, column=1, row_span=2, text="b")]
    assert to_html(Table(cells=cells)).count("<tr>") == 2


def test_a_table_without_spans_is_markdown() -> None:
    cells = [TextCell(row=n // 2, column=n % 2, text=text) for n, text in enumerate("abcd")]
    assert to_markdown(Table(cells=cells), str.upper) == "| A | B |\n|---|---|\n| C | D |"
