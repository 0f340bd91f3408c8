"""The words of a block and their boxes."""

from __future__ import annotations

import pytest

from slimgest_celery.layout.word_boxes import words
from slimgest_celery.models.page import Block


@pytest.mark.parametrize(
    ("turned", "first"),
    [(0, (0.1, 0.2, 0.5, 0.3)), (180, (0.5, 0.2, 0.9, 0.3)), (90, (0.1, 0.25, 0.9, 0.3)), (270, (0.1, 0.2, 0.9, 0.25))],
)
def test_the_first_word_is_at_the_start_of_the_line_in_reading_direction(turned: int, first: tuple[float, ...]) -> None:
    block = Block(text="ooo ooo", confidence=1, box=(0.1, 0.2, 0.9, 0.3))
    one, other = words(block, turned)
    assert (one.text, other.text) == ("ooo", "ooo")
    assert one.box == pytest.approx(first, abs=0.06)
    assert one.box[:2] != other.box[:2] or one.box[2:] != other.box[2:]


def test_hebrew_words_start_on_the_right() -> None:
    one, other = words(Block(text="שלום עולם", confidence=1, box=(0, 0, 1, 1)), 0)
    assert one.text == "שלום" and one.box[0] > other.box[2]
