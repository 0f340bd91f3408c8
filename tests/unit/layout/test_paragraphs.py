"""Lines that make a paragraph."""

from __future__ import annotations

from slimgest_celery.layout import paragraphs
from slimgest_celery.layout.structure.lines import LayoutLine
from slimgest_celery.layout.structure.roles import Role
from slimgest_celery.models.page import RegionKind


def _text(*lines: tuple[str, float, float], right: float = 300) -> list[LayoutLine]:
    """Return lines of height 10; each is given by its text, left and top."""
    return [LayoutLine(text=text, box=(left, top, right, top + 10)) for text, left, top in lines]


def _found(pieces: list[LayoutLine]) -> list[list[str]]:
    return [[piece.text for piece in pieces[p.first : p.last + 1]] for p in paragraphs.find(pieces)]


def test_a_gap_begins_a_paragraph() -> None:
    pieces = _text(("one", 50, 0), ("two", 50, 12), ("three", 50, 24), ("four", 50, 50), ("five", 50, 62))
    assert _found(pieces) == [["one", "two", "three"], ["four", "five"]]


def test_an_indented_line_begins_a_paragraph() -> None:
    pieces = _text(("  one", 65, 0), ("two", 50, 12), ("  three", 65, 24), ("four", 50, 36))
    assert _found(pieces) == [["  one", "two"], ["  three", "four"]]


def test_a_bullet_begins_a_paragraph_and_its_hanging_lines_continue_it() -> None:
    pieces = _text(("• one", 50, 0), ("hanging", 62, 12), ("• two", 50, 24), ("1. three", 50, 36))
    assert _found(pieces) == [["• one", "hanging"], ["• two"], ["1. three"]]


def test_centred_lines_stay_together() -> None:
    pieces = [
        LayoutLine(text="a centred line", box=(100, 0, 300, 10)),
        LayoutLine(text="and a shorter", box=(130, 12, 270, 22)),
        LayoutLine(text="one", box=(180, 24, 220, 34)),
    ]
    assert len(_found(pieces)) == 1


def test_a_paragraph_continues_in_the_next_column_only_if_its_sentence_has_not_ended() -> None:
    left = _text(("so this line", 50, 700))
    right = [LayoutLine(text="goes on here", box=(350, 50, 600, 60))]
    assert len(_found(left + right)) == 1
    ended = _text(("This line ended.", 50, 700))
    assert len(_found(ended + right)) == 2


def test_another_type_size_begins_a_paragraph() -> None:
    small = LayoutLine(text="small print", box=(50, 12, 300, 20), size=7)
    assert len(_found([LayoutLine(text="text", box=(50, 0, 300, 10), size=10), small])) == 2


def test_every_line_is_in_one_paragraph() -> None:
    pieces = _text(*((f"{n}", 50.0 + 20 * (n % 3), 15.0 * n) for n in range(40)))
    covered = [index for p in paragraphs.find(pieces) for index in range(p.first, p.last + 1)]
    assert covered == list(range(40)) and paragraphs.find([]) == []


def test_headings_of_a_scan_in_two_sizes_are_two() -> None:
    texts, sizes = ["Habitats and", "Ranges", "Feeding"], [20.1, 19.6, 16.2]
    pieces = [
        LayoutLine(text, (50, 22 * n, 300, 22 * n + size), role=Role(RegionKind.TITLE, 0.9, size=size))
        for n, (text, size) in enumerate(zip(texts, sizes, strict=True))
    ]
    assert _found(pieces) == [["Habitats and", "Ranges"], ["Feeding"]]
