"""Running text is recognised because its lines continue; cells do not."""

from __future__ import annotations

import pytest

from slimgest_celery.layout.columns import LineBox
from slimgest_celery.layout.running_text import Side, continues, is_amount, is_wrapped_text
from tests.support.pdfs import PROSE

HEIGHT = 10.0


def _side(texts: list[str], *, left: float = 0.0, character: float = 5.0) -> Side:
    return Side([_line(text, left, 12.0 * row, character) for row, text in enumerate(texts)], HEIGHT)


def _line(text: str, left: float, top: float, character: float = 5.0) -> LineBox:
    return LineBox(0, left, top, left + character * len(text), top + HEIGHT, top + HEIGHT / 2, text)


def _wrapped(width: int) -> list[str]:
    """Return prose in lines of this many characters."""
    lines = [""]
    for word in " ".join(PROSE).split():
        if len(lines[-1]) + len(word) > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


@pytest.mark.parametrize(
    ("above", "below", "expected"),
    [
        ("the boats came", "in, and nobody", True),
        ("a hyphen-", "ated word", True),
        ("came in.", "and nobody", False),
        ("came in", "Nobody", False),
        ("Sum 12", "tons", False),
        ("said", "“nobody” came", True),
    ],
)
def test_a_line_continues_another_if_its_sentence_goes_on(above: str, below: str, expected: bool) -> None:
    assert continues(above, below) == expected


@pytest.mark.parametrize(("text", "expected"), [("1,250.00", True), ("$ 12", True), ("10/11/13", True), ("4a", False)])
def test_amounts_have_digits_and_no_letters(text: str, expected: bool) -> None:
    assert is_amount(text) == expected


def test_narrow_lines_of_prose_are_running_text_and_names_are_not() -> None:
    prose = _side(_wrapped(15))
    assert prose.is_running_text and not prose.has_full_lines, "the lines are short"
    assert not _side(["Ada Lovelace", "Grace Hopper", "Alan Turing", "Kurt Gödel"]).is_running_text
    assert not _side(["yes", "no", "no", "yes"]).is_running_text, "one word in small letters"


def test_long_lines_without_small_letters_are_running_text() -> None:
    assert _side(["东北电气发展股份有限公司年度报告"] * 5, character=10).is_running_text


def test_the_right_half_of_a_column_with_wide_spaces_is_no_column() -> None:
    lines = [_line(text, 90 + 17.0 * (7 * row % 5), 12.0 * row) for row, text in enumerate(_wrapped(20))]
    assert not Side(lines, HEIGHT).is_running_text
    assert _side(_wrapped(20), left=90).is_running_text


def test_two_columns_are_running_text_too() -> None:
    rows = [_wrapped(16)[:8], _wrapped(18)[:8]]
    lines = [_line(text, 120.0 * n, 12.0 * row) for n, texts in enumerate(rows) for row, text in enumerate(texts)]
    assert Side(sorted(lines, key=lambda line: line.middle), HEIGHT).is_running_text


def test_formulas_between_lines_of_prose_are_part_of_running_text() -> None:
    lines = [_line(text, 0, 12.0 * (row + row // 2)) for row, text in enumerate(_wrapped(24)[:12])]
    lines += [_line("x", 33 + 19.0 * (row % 3), 36.0 * row + 24) for row in range(6)]
    assert Side(sorted(lines, key=lambda line: line.middle), HEIGHT).is_running_text


def test_numbers_of_lines_are_labels_and_sums_are_amounts() -> None:
    numbers = _side(["1a", "1b", "2", "3"])
    assert numbers.is_of_labels and not numbers.is_of_amounts
    sums = _side(["1,250.00", "$ 300,000.50", "12", "900"])
    assert sums.is_of_labels and sums.is_of_amounts
    assert not _side(_wrapped(20)).is_of_labels


def test_parts_of_prose_in_rows_are_wrapped_text_and_cells_are_not() -> None:
    prose = _wrapped(12)
    rows = [[_line(prose[3 * row + n], 80.0 * n, 12.0 * row) for n in range(3)] for row in range(6)]
    columns = [[_line(prose[row + 6 * n], 80.0 * n, 12.0 * row) for n in range(3)] for row in range(6)]
    assert is_wrapped_text(columns)
    assert is_wrapped_text(rows), "words of one column with wide spaces continue too"
    cells = [[_line(f"{name} {n}", 80.0 * n, 12.0 * row) for n in range(3)] for row, name in enumerate(["Oats", "Rye"])]
    assert not is_wrapped_text(cells)
