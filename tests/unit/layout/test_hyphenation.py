"""Hyphens at line ends: removed if they cut a word, kept if they join two words."""

from __future__ import annotations

import pytest

from slimgest_celery.layout.hyphenation import hyphenated_words, join_cut_words, join_lines
from slimgest_celery.models.page import Page


@pytest.mark.parametrize(
    ("first", "second", "joined"),
    [
        ("an exam-", "ple of it", "an example of it"),
        ("the well-", "known thing", "the well-known thing"),
        ("a self-", "evident one", "a self-evident one"),
        ("an up-to-", "date list", "an up-to-date list"),
        ("pre-", "and post-war", "pre- and post-war"),
        ("Ein-", "und Ausgang", "Ein- und Ausgang"),
        ("the Anglo-", "Saxon word", "the Anglo-Saxon word"),
        ("from 1990-", "2000 on", "from 1990-2000 on"),
        ("a 3-", "month stay", "a 3-month stay"),
        ("A HEAD-", "LINE OF", "A HEADLINE OF"),
        ("a dash -", "and so on", "a dash - and so on"),
    ],
)
def test_a_hyphen_at_a_line_end_is_removed_only_if_it_cuts_a_word(first: str, second: str, joined: str) -> None:
    assert join_lines([first, second]) == joined
    assert " ".join(join_cut_words([first, second])) == joined


def test_a_word_that_is_known_with_a_hyphen_keeps_it() -> None:
    known = hyphenated_words(Page(page_number=1, status="ok", text="A Short-lived thing"))
    assert known == {"short-lived"}
    assert join_lines(["a short-", "lived one"], known) == "a short-lived one"


def test_the_second_half_of_a_cut_word_moves_up_and_the_line_breaks_stay() -> None:
    assert join_cut_words(["A para-", "graph of two", "lines"]) == ["A paragraph", "of two", "lines"]


def test_lines_of_scripts_without_spaces_are_joined_without_a_space() -> None:
    assert join_lines(["东北电气发展", "股份有限公司"]) == "东北电气发展股份有限公司"
