"""Footnotes among the lines of a page: small type at the foot of a column, under a short rule or with a known mark."""

from __future__ import annotations

import pytest

from slimgest_celery.geometry import Box
from slimgest_celery.layout.structure.footnotes import find_footnotes, mark_of
from slimgest_celery.layout.structure.lines import LayoutLine
from slimgest_celery.layout.structure.roles import Role
from slimgest_celery.models.page import RegionKind

PAGE = 800.0
TEXT = [
    "The owls of this region hunt at night.1",
    "They rest by day in old trees and",
    "teach their young to fly in summer.",
]
RULE: Box = (50, 704, 130, 704.5)


def _lines(texts: list[str], top: float, size: float, left: float = 50.0, known: bool = True) -> list[LayoutLine]:
    """Lines from this height down, with type sizes or, as in a scan, without them."""
    return [
        LayoutLine(text, (left, y := top + 1.3 * size * n, left + 0.48 * size * len(text), y + size), size * known)
        for n, text in enumerate(texts)
    ]


@pytest.mark.parametrize("known", [True, False], ids=["text layer", "scan"])
@pytest.mark.parametrize("rules", [[RULE], []], ids=["rule", "mark in the text"])
def test_notes_at_the_foot_of_a_page_begin_at_their_marks(known: bool, rules: list[Box]) -> None:
    notes = ["1 See the survey of 1990, which counted", "all nests.", "2 Not in winter."]
    lines = (
        _lines(TEXT, 600, 10, known=known) + _lines(notes, 710, 8, known=known) + _lines(["12"], 770, 10, known=known)
    )
    assert find_footnotes(lines, set(), rules, PAGE) == [range(3, 5), range(5, 6)]


def test_each_column_has_its_notes() -> None:
    first = _lines(TEXT, 600, 10) + _lines(["1 See the survey."], 710, 8)
    second = _lines(["In winter they sleep.2"], 600, 10, left=320) + _lines(["2 Or so."], 710, 8, left=320)
    assert find_footnotes([*first, *second], set(), [], PAGE) == [range(3, 4), range(5, 6)]


def test_a_note_that_began_on_the_page_before_is_under_the_rule() -> None:
    lines = _lines(TEXT, 600, 10) + _lines(["which counted all nests.", "1 See there."], 710, 8)
    assert find_footnotes(lines, set(), [RULE], PAGE) == [range(3, 4), range(4, 5)]
    assert find_footnotes(lines, set(), [], PAGE) == [range(4, 5)]


@pytest.mark.parametrize(
    ("texts", "size", "top"),
    [
        (["3 Owls eat mice.", "4 Mice eat corn."], 8, 710),  # items in small type: no mark in the text
        (["1 See the survey."], 10, 710),  # type of the text's size
        (["1 See the survey."], 8, 100),  # at the head of the page
        (["Source: the survey of 1990"], 8, 710),  # no mark
        (["12 of 30 nests were empty"], 8, 710),
    ],
)
def test_other_lines_in_small_type_or_with_numbers_are_no_notes(texts: list[str], size: float, top: float) -> None:
    assert find_footnotes(_lines(TEXT, 600, 10) + _lines(texts, top, size), set(), [], PAGE) == []


def test_text_below_them_a_table_or_a_figure_makes_them_no_notes() -> None:
    above, notes = _lines(TEXT, 400, 10), _lines(["1 See the survey."], 500, 8)
    assert find_footnotes([*above, *notes], set(), [], PAGE) == [range(3, 4)]
    assert find_footnotes([*above, *notes, *_lines(TEXT, 600, 10)], set(), [], PAGE) == []
    assert find_footnotes([*above, *notes], {3}, [], PAGE) == []
    labels = [line._replace(role=Role(RegionKind.FIGURE, 0.9, 1)) for line in notes]
    assert find_footnotes([*above, *labels], set(), [], PAGE) == []


def test_a_rule_as_wide_as_the_column_is_no_sign_of_notes() -> None:
    lines = _lines(TEXT, 600, 10) + _lines(["3 Owls eat mice."], 690, 8)
    assert find_footnotes(lines, set(), [(50, 684, 130, 684.5)], PAGE) == [range(3, 4)]
    assert find_footnotes(lines, set(), [(50, 684, 240, 684.5)], PAGE) == []


def test_code_beside_a_drawing_and_labels_under_a_line_are_no_notes() -> None:
    text, rule = _lines(TEXT, 600, 10), (200.0, 704.0, 260.0, 704.5)
    assert find_footnotes([*text, *_lines(["1 draw (0,0) to (1,1)"], 710, 8, left=200)], set(), [rule], PAGE) == []
    assert find_footnotes([*text, *_lines(["1 \\draw (0,0) to (1,1)"], 710, 8)], set(), [RULE], PAGE) == []
    assert find_footnotes([*text, *_lines(["input", "output"], 710, 8)], set(), [RULE], PAGE) == []


@pytest.mark.parametrize(
    ("text", "mark"),
    [("1 See", "1"), ("¹See", "1"), ("2. Voir", "2"), ("[3] See", "3"), ("(4) See", "4"), ("†† See", "††"),
     ("1990 was cold", ""), ("12 345", ""), ("See 1", ""), ("5", "")],
)  # fmt: skip
def test_the_mark_of_a_note_is_at_its_start(text: str, mark: str) -> None:
    assert mark_of(text) == mark
