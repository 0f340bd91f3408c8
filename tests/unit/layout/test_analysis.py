"""The layout of a page, made of its lines."""

from __future__ import annotations

import pytest

from slimgest_celery.geometry import PageBox
from slimgest_celery.layout.analysis import DetectedLine, Layout, arrange, reads_right_to_left
from slimgest_celery.models.page import BlockSource

WIDTH, HEIGHT = 600.0, 800.0


def _line(text: str, left: float, top: float, right: float, *, high: float = 12, confidence: float = 1) -> DetectedLine:
    """Return a line by its edges in points."""
    box = (left / WIDTH, top / HEIGHT, right / WIDTH, (top + high) / HEIGHT)
    return DetectedLine(text=text, confidence=confidence, box=box)


def _arrange(*lines: DetectedLine, rules: list[PageBox] | None = None) -> Layout:
    return arrange(lines, width=WIDTH, height=HEIGHT, rules=rules or [])


def test_a_page_without_lines_is_empty() -> None:
    assert _arrange() == Layout(blocks=[], paragraphs=[], regions=[], text="")


def test_lines_are_blocks_in_reading_order() -> None:
    layout = _arrange(_line("below", 60, 120, 300), _line("above", 60, 100, 300))
    assert layout.text == "above\nbelow" and [block.text for block in layout.blocks] == ["above", "below"]
    assert [(p.first, p.last) for p in layout.paragraphs] == [(0, 1)]


def test_boxes_of_blocks_are_those_of_the_page_as_displayed() -> None:
    line = _line("text", 60, 100, 300)
    layout = arrange([line], width=WIDTH, height=HEIGHT, to_page=lambda box: tuple(1 - edge for edge in box))  # type: ignore[arg-type,return-value]
    assert layout.blocks[0].box == tuple(1 - edge for edge in line.box)


def test_joined_parts_keep_their_source() -> None:
    parts = [_line("part", 60, 100, 120), _line("whole", 121, 100, 200)]
    layout = _arrange(*(part._replace(source=BlockSource.OCR) for part in parts))
    assert [(block.text, block.source) for block in layout.blocks] == [("partwhole", BlockSource.OCR)]


def test_the_lines_of_a_picture_stay_together() -> None:
    """Its labels are at the height of the lines of a column to its left."""
    column = [_line(f"line {row} of a column of text", 60, 100 + 16 * row, 280) for row in range(8)]
    labels = [_line(f"label {row}", 330, 104 + 40 * row, 400)._replace(picture=1) for row in range(3)]
    text = _arrange(*column, *labels).text.split("\n")
    assert [line for line in text if line.startswith("line")] == [line.text for line in column]
    first = text.index("label 0")
    assert text[first : first + 3] == ["label 0", "label 1", "label 2"]


def test_the_lines_of_a_background_are_ordered_with_those_over_it() -> None:
    typed = [_line(f"typed {row}", 60, 140 + 40 * row, 280) for row in range(3)]
    behind = [_line(f"behind {row}", 60, 120 + 40 * row, 280)._replace(picture=1) for row in range(4)]
    expected = ["behind 0", "typed 0", "behind 1", "typed 1", "behind 2", "typed 2", "behind 3"]
    assert _arrange(*typed, *behind).text.split("\n") == expected


@pytest.mark.parametrize(("gap", "text"), [(1, "partwhole"), (4, "part whole"), (40, "part\twhole")])
def test_parts_of_one_row_are_joined_if_the_gap_is_small(gap: float, text: str) -> None:
    layout = _arrange(_line("part", 60, 100, 120), _line("whole", 120 + gap, 100, 200))
    assert layout.text == text and len(layout.blocks) == (2 if "\t" in text else 1)


def test_the_confidence_of_joined_parts_is_the_mean_of_their_characters() -> None:
    layout = _arrange(_line("abc", 60, 100, 120, confidence=1.0), _line("d", 124, 100, 130, confidence=0.6))
    assert layout.blocks[0].confidence == pytest.approx(0.9)


def test_a_bullet_belongs_to_the_text_beside_it() -> None:
    assert _arrange(_line("•", 60, 100, 66), _line("An item", 90, 100, 200)).text == "• An item"


def test_a_drop_cap_belongs_to_the_first_line_beside_it() -> None:
    lines = [_line("nce upon a time", 105, 100, 300), _line("there was a page", 105, 116, 300)]
    layout = _arrange(_line("O", 60, 98, 100, high=32), *lines)
    assert layout.text == "Once upon a time\nthere was a page"


def test_a_ruled_table_is_read_row_by_row_with_the_lines_of_a_cell_joined() -> None:
    xs, ys = (50, 200, 400), (90, 130, 170)
    rules = [(x, ys[0], x, ys[-1]) for x in xs] + [(xs[0], y, xs[-1], y) for y in ys]
    layout = _arrange(
        _line("Name", 60, 95, 120),
        _line("A long de-", 210, 95, 300),
        _line("scription", 210, 110, 300),
        _line("Ada", 60, 135, 120),
        _line("7", 210, 135, 220),
        rules=[(x1 / WIDTH, y1 / HEIGHT, x2 / WIDTH, y2 / HEIGHT) for x1, y1, x2, y2 in rules],
    )
    assert layout.text == "Name\tA long description\nAda\t7"
    (table,) = layout.paragraphs
    assert table.kind == "table" and table.cells
    assert [(cell.row, cell.column, cell.blocks) for cell in table.cells] == [
        (0, 0, [0]),
        (0, 1, [1, 2]),
        (1, 0, [3]),
        (1, 1, [4]),
    ]


def test_the_columns_of_a_page_in_hebrew_are_read_from_the_right() -> None:
    right = [_line("אחת שתיים שלוש", 320, 100 + 16 * n, 560) for n in range(4)]
    left = [_line("ארבע חמש שש", 40, 100 + 16 * n, 280) for n in range(4)]
    layout = _arrange(*left, *right)
    assert layout.text.split("\n") == [line.text for line in [*right, *left]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("Latin", False), ("אחת שתיים", True), ("ثجح", True), ("Mostly Latin אחת", False), ("", False)],
)
def test_most_letters_decide_the_direction_of_a_page(text: str, expected: bool) -> None:
    assert reads_right_to_left([_line(text, 0, 0, 100)]) == expected


def test_two_columns_with_bullets_are_read_one_after_the_other() -> None:
    """The bullets are lines of their own, and in both columns on one level."""
    items = [
        ["Which kinds of product are there", "and who is it for?", "Who should lead the work", "on each of them?"],
        ["How should a team be made", "up of people?", "Which risks does a plan", "have to name?"],
    ]
    lines, expected = [], []
    for column, texts in enumerate(items):
        left = 50 + 260.0 * column
        for row, text in enumerate(texts * 2):
            bullet = [_line("•", left, 100 + 16 * row, left + 5)] if row % 2 == 0 else []
            lines += [*bullet, _line(text, left + 18, 100 + 16 * row, left + 18 + 6 * len(text))]
            expected.append(f"• {text}" if bullet else text)
    assert _arrange(*lines).text.split("\n") == expected
