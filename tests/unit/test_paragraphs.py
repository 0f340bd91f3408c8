"""Which lines make a paragraph."""

from __future__ import annotations

from slimgest_celery import paragraphs
from slimgest_celery.paragraphs import Piece


def _text(*lines: tuple[str, float, float], right: float = 300) -> list[Piece]:
    """Lines ten high, each its text, left and top."""
    return [Piece(text=text, box=(left, top, right, top + 10)) for text, left, top in lines]


def _found(pieces: list[Piece]) -> list[list[str]]:
    return [[piece.text for piece in pieces[p.first : p.last + 1]] for p in paragraphs.find(pieces)]


def test_a_gap_begins_a_paragraph() -> None:
    pieces = _text(("one", 50, 0), ("two", 50, 12), ("three", 50, 24), ("four", 50, 50), ("five", 50, 62))
    assert _found(pieces) == [["one", "two", "three"], ["four", "five"]]


def test_a_line_set_in_begins_a_paragraph() -> None:
    pieces = _text(("  one", 65, 0), ("two", 50, 12), ("  three", 65, 24), ("four", 50, 36))
    assert _found(pieces) == [["  one", "two"], ["  three", "four"]]


def test_a_bullet_begins_a_paragraph_and_what_hangs_below_it_belongs_to_it() -> None:
    pieces = _text(("• one", 50, 0), ("hanging", 62, 12), ("• two", 50, 24), ("1. three", 50, 36))
    assert _found(pieces) == [["• one", "hanging"], ["• two"], ["1. three"]]


def test_centred_lines_stay_together() -> None:
    pieces = [
        Piece(text="a centred line", box=(100, 0, 300, 10)),
        Piece(text="and a shorter", box=(130, 12, 270, 22)),
        Piece(text="one", box=(180, 24, 220, 34)),
    ]
    assert len(_found(pieces)) == 1


def test_a_sentence_goes_on_in_the_next_column_and_an_ended_one_does_not() -> None:
    left = _text(("so this line", 50, 700))
    right = [Piece(text="goes on here", box=(350, 50, 600, 60))]
    assert len(_found(left + right)) == 1
    ended = _text(("This line ended.", 50, 700))
    assert len(_found(ended + right)) == 2


def test_other_type_begins_a_paragraph() -> None:
    small = Piece(text="small print", box=(50, 12, 300, 20), size=7)
    assert len(_found([Piece(text="text", box=(50, 0, 300, 10), size=10), small])) == 2


def test_every_line_is_in_one_paragraph() -> None:
    pieces = _text(*((f"{n}", 50.0 + 20 * (n % 3), 15.0 * n) for n in range(40)))
    covered = [index for p in paragraphs.find(pieces) for index in range(p.first, p.last + 1)]
    assert covered == list(range(40)) and paragraphs.find([]) == []
