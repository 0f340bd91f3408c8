"""Tables that are certain by the lines drawn between their cells, on pages drawn here."""

from __future__ import annotations

import io
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from reportlab.pdfgen.canvas import Canvas

from slimgest_celery import ruling
from slimgest_celery.pdf import open_pdf
from slimgest_celery.transcript import Transcript, of_text_layer

X, Y = (60, 160, 400, 500), (700, 680, 640, 610)  # edges of three columns and three rows, in points from below
ROWS = [
    [["Name"], ["What it is"], ["Sum"]],
    [["Alpha"], ["The first of them, of which more is", "said than fits on a line, so it is bro-", "ken"], ["10"]],
    [["Beta"], [], ["200"]],
]
CELLS = [
    ["Name", "What it is", "Sum"],
    ["Alpha", "The first of them, of which more is said than fits on a line, so it is broken", "10"],
    ["Beta", None, "200"],
]


def _text(canvas: Canvas) -> None:
    canvas.setFont("Helvetica", 10)
    canvas.drawString(60, 740, "What stands above the table is no part of it.")
    for row, top in zip(ROWS, Y[:-1], strict=True):
        for cell, left in zip(row, X[:-1], strict=True):
            for number, line in enumerate(cell):
                canvas.drawString(left + 4, top - 12 - 11 * number, line)
    canvas.drawString(60, 580, "Nor is what stands below it.")


def _rectangles(canvas: Canvas) -> None:
    for top, bottom in pairwise(Y):
        for left, right in pairwise(X):
            canvas.rect(left, bottom, right - left, top - bottom)


def _lines(canvas: Canvas) -> None:
    for x in X:
        canvas.line(x, Y[0], x, Y[-1])
    for y in Y:
        canvas.line(X[0], y, X[-1], y)


def _thin_boxes(canvas: Canvas) -> None:
    for x in X:
        canvas.rect(x, Y[-1], 0.5, Y[0] - Y[-1], stroke=0, fill=1)
    for y in Y:
        canvas.rect(X[0], y, X[-1] - X[0], 0.5, stroke=0, fill=1)


def _read(tmp_path: Path, *drawers: Callable[[Canvas], None]) -> Transcript:
    stored = io.BytesIO()
    canvas = Canvas(stored, pagesize=(600, 800))
    for draw in drawers:
        draw(canvas)
    canvas.save()
    path = tmp_path / "a.pdf"
    path.write_bytes(stored.getvalue())
    pdf = open_pdf(path)
    with pdf.page(1) as page:
        read = of_text_layer(page.text_lines(), page.width_pt, page.height_pt, page.rules())
    pdf.close()
    return read


def _tables(read: Transcript) -> list[list[list[str | None]]]:
    blocks = read.layout.blocks
    return [
        [[None if cell is None else blocks[cell].text for cell in row] for row in paragraph.cells]
        for paragraph in read.layout.paragraphs
        if paragraph.cells is not None
    ]


@pytest.mark.parametrize("rule", [_rectangles, _lines, _thin_boxes, lambda canvas: canvas.grid(X, Y)])
def test_cells_between_ruled_lines_are_a_table_with_all_their_lines(
    tmp_path: Path, rule: Callable[[Canvas], None]
) -> None:
    read = _read(tmp_path, rule, _text)
    assert _tables(read) == [CELLS]
    rows = ["\t".join(cell for cell in row if cell) for row in CELLS]
    above, below = "What stands above the table is no part of it.", "Nor is what stands below it."
    assert read.layout.text.split("\n") == [above, *rows, below]
    assert [paragraph.kind for paragraph in read.layout.paragraphs] == ["text", "table", "text"]
    covered = [n for p in read.layout.paragraphs for n in range(p.first, p.last + 1)]
    assert covered == list(range(len(read.layout.blocks)))
    block = next(block for block in read.layout.blocks if block.text.startswith("The first"))
    assert block.box == pytest.approx((164 / 600, 126 / 800, 0.525, 155 / 800), abs=0.02)


def test_the_same_text_without_rules_is_no_certain_table(tmp_path: Path) -> None:
    assert _tables(_read(tmp_path, _text)) == []


def test_a_frame_around_text_is_no_table(tmp_path: Path) -> None:
    def frames(canvas: Canvas) -> None:
        canvas.rect(50, 560, 500, 200)
        canvas.rect(52, 562, 496, 196)

    assert _tables(_read(tmp_path, frames, _text)) == []


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


def test_text_over_a_rule_makes_a_table_uncertain(tmp_path: Path) -> None:
    def over(canvas: Canvas) -> None:
        canvas.setFont("Helvetica", 10)
        canvas.drawString(164, 615, "A line that is much too long for its cell and runs on over the next column")

    assert _tables(_read(tmp_path, _lines, _text, over)) == []


def test_two_ruled_tables_are_two(tmp_path: Path) -> None:
    def second(canvas: Canvas) -> None:
        canvas.grid((60, 160, 260), (400, 380, 360))
        for n, text in enumerate("pqrs"):
            canvas.drawString(70 + 100 * (n % 2), 386 - 20 * (n // 2), text * 3)

    assert _tables(_read(tmp_path, _lines, _text, second)) == [CELLS, [["ppp", "qqq"], ["rrr", "sss"]]]


def test_rules_of_a_drawing_are_too_many_to_be_looked_at() -> None:
    rules = [(0.0, float(n), 100.0, float(n)) for n in range(700)]
    assert ruling.tables(rules, [(0, 0, 1, 1)], 10) == []
