"""Lines built from spans: by baseline, size and direction."""

from __future__ import annotations

import itertools

import pytest

from slimgest_celery.pdf.line_building import Span, Style, build_lines, is_space, join_text, make_span

_INDICES = itertools.count(0, 1000)  # no two spans follow each other in PDFium's text
_STYLE = Style(size=10, quarter=0, slope=0, invisible=False, white=False)


def _span(text: str, left: float, baseline: float, *, width: float | None = None, **style: object) -> Span:
    """A span of characters that are half as wide as the type size."""
    drawn = _STYLE._replace(**style)
    right = left + (0.5 * drawn.size * len(text) if width is None else width)
    bounds = (left, baseline - 0.2 * drawn.size, right, baseline + 0.7 * drawn.size)
    return make_span(text, bounds, -baseline, drawn, next(_INDICES))


def _texts(*spans: Span) -> list[str]:
    return [join_text(line, _is_apart) for line in build_lines(spans)]


def _is_apart(before: Span, after: Span) -> bool:
    return is_space(before, after, after.start - before.end)


def test_a_change_of_font_within_a_line_does_not_split_it() -> None:
    assert _texts(_span("a bold ", 0, 700), _span("word", 35, 700), _span(" here", 55, 700)) == ["a bold word here"]


def test_text_on_another_baseline_is_another_line() -> None:
    assert _texts(_span("first", 0, 700), _span("second", 25, 695)) == ["first", "second"]


@pytest.mark.parametrize("rise", [4.0, -2.0])
def test_superscripts_and_subscripts_stay_in_their_line(rise: float) -> None:
    spans = [_span("Ada", 0, 700), _span("1", 15, 700 + rise, size=6), _span(" and Bob", 18, 700)]
    assert _texts(*spans) == ["Ada1 and Bob"]


def test_a_subscript_below_a_superscript_stays_in_the_line() -> None:
    spans = [_span("P", 0, 700), _span("C", 5, 704, size=6), _span("q", 5, 698, size=6), _span("(x)", 9, 700)]
    assert _texts(*spans) == ["PCq(x)"]


def test_small_type_far_above_the_baseline_is_another_line() -> None:
    assert _texts(_span("Title", 0, 700), _span("note", 25, 710, size=6)) == ["Title", "note"]


def test_a_gap_that_is_wide_for_the_type_separates_cells() -> None:
    assert _texts(_span("Name", 0, 700), _span("Value", 32, 700)) == ["Name", "Value"]


def test_a_gap_without_a_space_character_is_a_space() -> None:
    assert _texts(_span("two", 0, 700), _span("words", 18, 700)) == ["two words"]
    assert _texts(_span("two", 0, 700), _span("words", 15.5, 700)) == ["twowords"]
    assert _texts(_span("中", 0, 700), _span("文", 8, 700)) == ["中文"], "not between ideographs"


def test_words_that_are_drawn_in_any_order_make_one_line() -> None:
    spans = [_span("three", 36, 700), _span("above", 0, 720), _span("one", 0, 700), _span("two", 18, 700)]
    assert _texts(*spans) == ["one two three", "above"]


def test_columns_with_a_narrow_gutter_stay_apart() -> None:
    spans = [_span("left one", 0, 700), _span("left two", 0, 688), _span("right one", 46, 700), _span("r two", 46, 688)]
    assert _texts(*spans) == ["left one", "left two", "right one", "r two"]


@pytest.mark.parametrize("shift", [0.0, 0.4])
def test_text_drawn_twice_appears_once(shift: float) -> None:
    assert _texts(_span("bold", 0, 700), _span("bold", shift, 700 - shift)) == ["bold"]
    (line,) = build_lines([_span("bold", 0, 700, white=True), _span("bold", shift, 700)])
    assert not line[0].style.white, "the last is over the others"


def test_letters_drawn_twice_one_by_one_appear_once() -> None:
    spans = [_span(letter, 5 * index + shift, 700) for index, letter in enumerate("guest") for shift in (0, 0.3)]
    assert _texts(*spans) == ["guest"]


def test_the_same_word_further_on_is_kept() -> None:
    assert _texts(_span("that ", 0, 700), _span("that", 25, 700)) == ["that that"]


@pytest.mark.parametrize("quarter", [90, 180, 270])
def test_turned_text_makes_lines_in_its_own_direction(quarter: int) -> None:
    def turned(text: str, start: float, baseline: float) -> Span:
        end, below, above = start + 5 * len(text), baseline + 2, baseline - 7
        edges = {90: (-below, -end, -above, -start), 180: (-end, above, -start, below), 270: (above, start, below, end)}
        return make_span(text, edges[quarter], baseline, _STYLE._replace(quarter=quarter), 0)

    assert _texts(turned("one", 0, 50), turned(" line", 15, 50), turned("below", 0, 62)) == ["one line", "below"]


def test_visible_and_invisible_text_are_not_one_line() -> None:
    assert _texts(_span("seen", 0, 700), _span("unseen", 20, 700, invisible=True)) == ["seen", "unseen"]


def test_a_line_from_right_to_left_continues_to_the_left() -> None:
    assert _texts(_span("שלום ", 30, 700), _span("עולם", 8, 700)) == ["שלום עולם"]


def test_columns_of_vertical_writing_stay_apart() -> None:
    columns = [_span("縦書き", 30, 700, width=10), _span("二行目", 18, 700, width=10)]
    tall = [column._replace(height=30.0) for column in columns]
    assert _texts(*tall) == ["縦書き", "二行目"]
