"""Accents and letters that make one character."""

from __future__ import annotations

import pytest

from slimgest_celery.pdf.accents import FILLER, compose, compose_marks


@pytest.mark.parametrize(
    ("drawn", "read"),
    [
        ("Jos\u00b4e", "Jos\u00e9"),
        ("Garc\u00b4\u0131a", "Garc\u00eda"),
        ("M\u00a8uller", "M\u00fcller"),
        ("c\u00b8", "\u00e7"),
    ],
)
def test_an_accent_over_a_letter_is_composed_with_it(drawn: str, read: str) -> None:
    composed = compose(drawn, lambda accent, letter: True)
    assert composed.replace(FILLER, "") == read and len(composed) == len(drawn)


def test_an_accent_goes_with_the_letter_that_it_is_drawn_over() -> None:
    assert compose("e\u00b4a", lambda accent, letter: letter < accent) == "\u00e9" + FILLER + "a"


def test_an_accent_beside_a_letter_stays() -> None:
    assert compose("`code` a^b", lambda accent, letter: False) == "`code` a^b"


def test_an_accent_that_no_letter_has_stays() -> None:
    assert compose("x\u00b4q", lambda accent, letter: True) == "x\u00b4q"


def test_combining_marks_follow_their_letter() -> None:
    assert compose_marks("cafe\u0301") == "caf\u00e9" and compose_marks("x\u0302") == "x\u0302"
