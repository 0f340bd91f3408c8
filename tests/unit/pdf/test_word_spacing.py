"""Spaces by the gaps between characters."""

from __future__ import annotations

import numpy as np
import pytest

from slimgest_celery.pdf.word_spacing import correct_spaces, may_be_wrong


def _correct(text: str, gaps: str, *, are_real: bool = False) -> str:
    """Correct a line of characters that are as wide as half their size.

    `gaps` has a digit after each character that is not a space: tenths of the type size.
    """
    starts, ends, at, rest = [], [], 0.0, iter(gaps)
    for character in text:
        starts.append(at)
        at += 0 if character == " " else 5
        ends.append(at)
        at += 0 if character == " " else int(next(rest))
    return correct_spaces(text, np.array(starts), np.array(ends), 10, lambda index: not are_real)


def test_a_narrow_gap_that_other_letters_do_not_have_is_a_space() -> None:
    assert _correct("thatis so now", "00010101000") == "that is so now"


def test_gaps_that_all_letters_have_are_not_spaces() -> None:
    assert _correct("h e r e i s i t", "22242420") == "here is it"


def test_numbers_in_a_row_stay_apart() -> None:
    assert _correct("4 5 6 7 8 9 10", "22222200") == "4 5 6 7 8 9 10"


def test_single_letters_far_apart_are_not_a_word() -> None:
    assert _correct("C C C C C C N", "5555550") == "C C C C C C N"


def test_spaces_of_the_pdf_are_kept() -> None:
    assert _correct("a b c d e f g", "3333333", are_real=True) == "a b c d e f g"


def test_a_space_that_a_ligature_covers_is_none() -> None:
    text = "a fl uid one"
    starts = np.array([0, 5, 8, 8, 12, 13, 18, 23, 28, 31, 36, 41], dtype=float)  # the letters f and l are one glyph
    ends = starts + np.array([5, 0, 5, 5, 0, 5, 5, 5, 0, 5, 5, 5])
    assert may_be_wrong(text) and correct_spaces(text, starts, ends, 10, lambda index: False) == "a fluid one"


def test_a_space_without_a_gap_is_kept() -> None:
    assert _correct("off the shelf", "00000000000", are_real=True) == "off the shelf"


@pytest.mark.parametrize("gaps", ["9090909090", "0000000000"])
def test_a_font_with_wrong_advances_changes_nothing(gaps: str) -> None:
    assert _correct("abcdefghij", gaps) == "abcdefghij"


def test_a_line_of_single_letters_may_be_wrong() -> None:
    assert may_be_wrong("T I T L E S")
    assert not may_be_wrong("Some usual words")
    assert not may_be_wrong("a b")
