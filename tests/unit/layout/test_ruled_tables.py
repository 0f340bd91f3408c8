"""Tables with ruled lines between their cells, on pages drawn by the tests."""

from __future__ import annotations

import io
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from reportlab.pdfgen.canvas import Canvas

from slimgest_celery.formats.tables import table_of, to_rows
from slimgest_celery.layout import ruled_tables
from slimgest_celery.models.page import Page
from slimgest_celery.pdf.document import open_pdf
from slimgest_celery.reading.page_text import PageText

X, Y = (
    (60, 160, 400, 500),
    (700, 680, 640, 610),
)  # edges of three columns and three rows, in points from the lower left corner
ROWS = [
    [["Name"], ["Description"], ["Sum"]],
    [["Alpha"], ["The first of them, with more text than", "fits on one line, so the text is bro-", "ken"], ["10"]],
    [["Beta"], [], ["200"]],
]
CELLS = [
    ["Name", "Description", "Sum"],
    ["Alpha", "The first of them, with more text than fits on one line, so the text is broken", "10"],
    ["Beta", "", "200"],
]


def _draw_text(canvas: Canvas) -> None:
    canvas.setFont("Helvetica", 10)
    canvas.drawString(60, 740, "The line above the table is not part of it.")
    for row, top in zip(ROWS, Y[:-1], strict=True):
        for cell, left in zip(row, X[:-1], strict=True):
            for number, line in enumerate(cell):
                canvas.drawString(left + 4, top - 12 - 11 * number, line)
    canvas.drawString(60, 580, "Nor is the line below it.")


def _draw_rectangles(canvas: Canvas) -> None:
    for top, bottom in pairwise(Y):
        for left, right in pairwise(X):
            canvas.rect(left, bottom, right - left, top - bottom)


def _draw_lines(canvas: Canvas) -> None:
    for x in X:
        canvas.line(x, Y[0], x, Y[-1])
    for y in Y:
        canvas.line(X[0], y, X[-1], y)


def _draw_thin_boxes(canvas: Canvas) -> None:
    for x in X:
        canvas.rect(x, Y[-1], 0.5, Y[0] - Y[-1], stroke=0, fill=1)
    for y in Y:
        canvas.rect(X[0], y, X[-1] - X[0], 0.5, stroke=0, fill=1)


def _read(tmp_path: Path, *drawers: Callable[[Canvas], None]) -> PageText:
    stored = io.BytesIO()
    canvas = Canvas(stored, pagesize=(600, 800))
    for draw in drawers:
        draw(canvas)
    canvas.save()
    path = tmp_path / "a.pdf"
    path.write_bytes(stored.getvalue())
    pdf = open_pdf(path)
    with pdf.page(1) as page:
        read = PageText.from_text_layer(page.text_lines(), page.width_pt, page.height_pt, page.rules())
    pdf.close()
    return read


def _tables(read: PageText) -> list[list[list[str]]]:
    page = Page(page_number=1, status="ok", blocks=read.layout.blocks, paragraphs=read.layout.paragraphs)
    return [to_rows(table_of(page, paragraph)) for paragraph in page.paragraphs if paragraph.cells is not None]


@pytest.mark.parametrize("rule", [_draw_rectangles, _draw_lines, _draw_thin_boxes, lambda canvas: canvas.grid(X, Y)])
def test_cells_between_ruled_lines_are_a_table_and_keep_all_their_lines(
    tmp_path: Path, rule: Callable[[Canvas], None]
) -> None:
    read = _read(tmp_path, rule, _draw_text)
    assert _tables(read) == [CELLS]
    rows = ["\t".join(cell for cell in row if cell) for row in CELLS]
    above, below = "The line above the table is not part of it.", "Nor is the line below it."
    assert read.layout.text.split("\n") == [above, *rows, below]
    assert [paragraph.kind for paragraph in read.layout.paragraphs] == ["text", "table", "text"]
    covered = [n for p in read.layout.paragraphs for n in range(p.first, p.last + 1)]
    assert covered == list(range(len(read.layout.blocks)))
    block = next(block for block in read.layout.blocks if block.text.startswith("The first"))
    assert block.box == pytest.approx((164 / 600, 123 / 800, 0.543, 134 / 800), abs=0.01), "the first of its lines"


def test_the_same_text_without_rules_is_a_table_by_its_alignment(tmp_path: Path) -> None:
    assert _tables(_read(tmp_path, _draw_text)) == [CELLS]


def test_a_frame_around_text_makes_no_cells(tmp_path: Path) -> None:
    def frames(canvas: Canvas) -> None:
        canvas.rect(50, 560, 500, 200)
        canvas.rect(52, 562, 496, 196)

    assert _tables(_read(tmp_path, frames, _draw_text)) == [CELLS]


def test_columns_of_text_between_rules_are_no_table(tmp_path: Path) -> None:
    def page(canvas: Canvas) -> None:
        canvas.grid((50, 300, 550), (780, 400, 50))
        for n in range(4):
            for row in range(20):
                canvas.drawString(
                    60 + 250 * (n % 2), 760 - 380 * (n // 2) - 14 * row, f"Line {row} of the text in box {n}"
                )

    read = _read(tmp_path, page)
    assert _tables(read) == [] and len(read.layout.blocks) == 80


def test_text_over_a_rule_makes_no_table(tmp_path: Path) -> None:
    def over(canvas: Canvas) -> None:
        canvas.setFont("Helvetica", 10)
        canvas.drawString(164, 615, "A line that is much too long for its cell and runs on over the next column")

    read = _read(tmp_path, _draw_lines, _draw_text, over)
    assert _tables(read) == [] and read.layout.has_uncertain_table
    assert not _read(tmp_path, _draw_lines, _draw_text).layout.has_uncertain_table


def test_two_ruled_tables_on_a_page_are_two_tables(tmp_path: Path) -> None:
    def second(canvas: Canvas) -> None:
        canvas.grid((60, 160, 260), (400, 380, 360))
        for n, text in enumerate("pqrs"):
            canvas.drawString(70 + 100 * (n % 2), 386 - 20 * (n // 2), text * 3)

    assert _tables(_read(tmp_path, _draw_lines, _draw_text, second)) == [CELLS, [["ppp", "qqq"], ["rrr", "sss"]]]


def test_a_page_with_as_many_rules_as_a_drawing_has_no_tables() -> None:
    rules = [(0.0, float(n), 100.0, float(n)) for n in range(1600)]
    assert ruled_tables.find_tables(rules, [(0, 0, 1, 1)], 10) == []


# Edges and rules of a table whose cells are merged: over two rows on the left, and over two columns at the top.
_XS, _YS = (60, 140, 240, 340), (700, 670, 640, 610)


def _draw_merged(canvas: Canvas) -> None:
    canvas.setFont("Helvetica", 10)
    for (x1, y1), (x2, y2) in [
        ((0, 0), (3, 0)), ((1, 1), (3, 1)), ((1, 2), (3, 2)), ((0, 3), (3, 3)),
        ((0, 0), (0, 3)), ((1, 0), (1, 3)), ((2, 1), (2, 3)), ((3, 0), (3, 3)),
    ]:  # fmt: skip
        canvas.line(_XS[x1], _YS[y1], _XS[x2], _YS[y2])
    for text, x, y in [
        ("Category", 64, 648), ("Results", 230, 680), ("Accuracy", 150, 655), ("of all", 150, 644),
        ("Time", 250, 650), ("98 %", 150, 620), ("1199 s", 250, 620),
    ]:  # fmt: skip
        canvas.drawString(x, y, text)


def test_merged_cells_are_in_their_first_row_and_column(tmp_path: Path) -> None:
    read = _read(tmp_path, _draw_merged)
    rows = [["Category", "Results", ""], ["", "Accuracy of all", "Time"], ["", "98 %", "1199 s"]]
    assert _tables(read) == [rows]
    (table,) = read.layout.paragraphs
    spans = [(cell.row, cell.column, cell.row_span, cell.col_span) for cell in table.cells or ()]
    assert spans[:2] == [(0, 0, 3, 1), (0, 1, 1, 2)] and all(span[2:] == (1, 1) for span in spans[2:])
    assert read.layout.text == "Category\tResults\nAccuracy of all\tTime\n98 %\t1199 s"


def test_the_sides_of_coloured_cells_beside_the_rules_make_no_columns(tmp_path: Path) -> None:
    def colours(canvas: Canvas) -> None:
        canvas.setFillColorRGB(1, 1, 0.8)
        for top, bottom in pairwise(Y):
            for left, right in pairwise(X):
                canvas.rect(left + 5, bottom + 5, right - left - 10, top - bottom - 10, stroke=0, fill=1)
        canvas.setFillColorRGB(0, 0, 0)

    assert _tables(_read(tmp_path, colours, _draw_lines, _draw_text)) == [CELLS]


def test_rows_without_rules_between_them_stay_rows(tmp_path: Path) -> None:
    def page(canvas: Canvas) -> None:
        canvas.setFont("Helvetica", 10)
        canvas.grid((60, 160, 260, 360), (700, 680, 600))
        for row, texts in enumerate(["Name Age Sum", "Ada 36 1", "Bo 41 22", "Cy 9 333", "Di 77 4444"]):
            for column, text in enumerate(texts.split()):
                canvas.drawString(64 + 100 * column, 686 - 18 * row - 2 * (row > 0), text)

    rows = [["Name", "Age", "Sum"], ["Ada", "36", "1"], ["Bo", "41", "22"], ["Cy", "9", "333"], ["Di", "77", "4444"]]
    assert _tables(_read(tmp_path, page)) == [rows]


def _cells(*columns: list[str]) -> tuple[list[tuple[float, float, float, float]], list[str]]:
    """Return lines in the second row of a table with columns of 100 points and rules at 0, 20 and 100."""
    boxes = [(5.0 + 100 * n, 5.0, 60.0 + 100 * n, 15.0) for n in range(len(columns))]
    texts = ["Head"] * len(columns)
    for n, column in enumerate(columns):
        for row, text in enumerate(column):
            boxes.append((5.0 + 100 * n, 25.0 + 12 * row, 5.0 + 100 * n + 5 * len(text), 35.0 + 12 * row))
            texts.append(text)
    return boxes, texts


@pytest.mark.parametrize(("values", "rows"), [(["12", "7", "9"], 4), (["n=12", "n=7", "n=9"], 2)])
def test_amounts_below_one_another_are_rows_and_other_lines_of_a_cell_are_one_row(values: list[str], rows: int) -> None:
    boxes, texts = _cells(["Oats", "Rye", "Peas"], values, values)
    boxes += [(left, 105.0 + 20 * n, left + 50, 115.0 + 20 * n) for n in range(9) for left in (5.0, 105.0)]
    texts += ["Sum"] * 18
    levels = [0, 20, 100, *(120 + 20 * n for n in range(9))]
    rules = [(0.0, y, 300.0, y) for y in levels] + [(100.0 * n, 0.0, 100.0 * n, 280.0) for n in range(4)]
    (table,) = ruled_tables.find_tables(rules, boxes, 10, texts)
    assert max(cell.end_row for cell in table) == rows + 9


def test_columns_of_text_in_a_cell_without_a_rule_between_them_are_no_table() -> None:
    boxes, _ = _cells(["Oats", "Rye", "Peas"], ["1", "2", "3"])
    boxes += [(70.0, 25.0 + 12 * row, 95.0, 35.0 + 12 * row) for row in range(3)]
    rules = [(0.0, y, 200.0, y) for y in (0.0, 20.0, 100.0)] + [(100.0 * n, 0.0, 100.0 * n, 100.0) for n in range(3)]
    assert ruled_tables.find_tables(rules, boxes, 10) == []
