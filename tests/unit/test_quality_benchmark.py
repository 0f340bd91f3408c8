"""The benchmark of quality: that its scores are what they are said to be, on texts short enough to count by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import quality, upright
from benchmarks.quality import Score
from benchmarks.upright import Cost
from slimgest_celery.model import Page, PageSeconds
from tests.support import pdfs


@pytest.mark.parametrize(
    ("found", "truth", "f1"),
    [
        ("one two three", "three, TWO; one!", 1.0),  # a bag: order, case and signs do not count
        ("one two", "one two three four", 2 * 2 / 6),
        ("one one one", "one", 2 * 1 / 4),  # found more often than it stands there
        ("", "one", 0.0),
        ("", "", 0.0),
    ],
)
def test_word_f1_counts_each_word_as_often_as_it_stands_there(found: str, truth: str, f1: float) -> None:
    assert quality.word_f1(found, truth) == pytest.approx(f1)


@pytest.mark.parametrize(
    ("found", "truth", "share"),
    [
        ("a  cat\nsat", "a cat sat", 0.0),  # white space is folded
        ("a bat sat", "a cat sat", 1 / 9),
        ("a cat", "a cat sat", 4 / 9),
        ("abcd", "ab", 1.0),  # may be as many as the truth has characters, and more
        ("", "ab", 1.0),
    ],
)
def test_character_errors_are_a_share_of_the_truth(found: str, truth: str, share: float) -> None:
    assert quality.character_errors(found, truth) == pytest.approx(share)


@pytest.mark.parametrize(
    ("found", "truth", "order"),
    [
        ("one two three four", "One two, three four.", 1.0),
        ("three four one two", "one two three four", 0.0),  # every word in another's place
        ("one three two four", "one two three four", 0.5),
        ("one two", "one two three four", 0.5),
    ],
)
def test_order_is_lost_where_words_come_in_another(found: str, truth: str, order: float) -> None:
    assert quality.order(found, truth) == pytest.approx(order)


def test_pdfs_without_truth_are_passed_over_and_pages_divided_by_form_feeds(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for name in ("a.pdf", "deep/b.pdf", "no-truth.pdf"):
        (tmp_path / name).write_bytes(pdfs.numbered(1))
    (tmp_path / "a.gt.txt").write_text("first\fsecond\f\n")
    (tmp_path / "deep/b.gt.txt").write_text("one page")
    (tmp_path / "no-pdf.gt.txt").write_text("nothing to read")
    assert quality.files_with_truth(tmp_path) == [
        (tmp_path / "a.pdf", ["first", "second"]),
        (tmp_path / "deep/b.pdf", ["one page"]),
    ]


def _page(number: int, text: str) -> Page:
    return Page(page_number=number, status="ok", text=text, seconds=PageSeconds(render=0.5, read=number))


def test_a_file_is_scored_as_a_whole_and_by_its_pages() -> None:
    pages = [_page(1, "one two"), _page(2, "three for")]
    whole, first, second = quality.scores("an engine", "file", pages, ["one two", "three four"])
    assert (whole.page, first.page, second.page) == (None, 1, 2)
    assert (whole.word_f1, first.word_f1, second.word_f1) == (0.75, 1.0, 0.5)
    assert (whole.seconds_per_page, first.seconds_per_page, second.seconds_per_page) == (2.0, 1.5, 2.5)


def test_a_file_whose_pages_are_not_the_truths_is_scored_as_a_whole_only() -> None:
    assert len(quality.scores("an engine", "file", [_page(1, "one")], ["one", "two"])) == 1
    assert len(quality.scores("an engine", "file", [], ["one"])) == 1, "a document without pages"


def test_agreement_is_the_order_of_each_page_and_of_all() -> None:
    by_layer, by_ocr = [_page(1, "one two"), _page(2, "three four")], [_page(1, "one two"), _page(2, "four three")]
    assert quality.agreement(by_layer, by_ocr) == [(None, 0.5), (1, 1.0), (2, 0.0)]


SCORE = Score(engine="e", file="f", page=None, word_f1=0.5, character_errors=0.25, order=1, seconds_per_page=2)
COST = Cost(engine="e", file="f", page=1, seconds=2.04, seconds_without=2.0)


def test_the_json_holds_every_score_and_cost_by_name() -> None:
    told = json.loads(quality.as_json([SCORE], [(None, 0.98)], [COST]))
    assert told["scores"] == [
        {
            "engine": "e",
            "file": "f",
            "page": None,
            "word_f1": 0.5,
            "character_errors": 0.25,
            "order": 1,
            "seconds_per_page": 2,
        }
    ]
    assert told["agreement"] == [{"page": None, "order": 0.98}]
    assert told["orientation"] == [{"engine": "e", "file": "f", "page": 1, "seconds": 2.04, "seconds_without": 2.0}]


def test_the_report_has_a_table_for_each_thing_measured() -> None:
    page = quality.report([SCORE], [(None, 0.98), (1, 0.9)], [COST])
    assert "| e | f | all | 0.500 | 0.250 | 1.000 | 2.00 |" in page
    assert "| all | 0.980 |\n| 1 | 0.900 |" in page
    assert "| e | all | 1 pages | | | +2.0% |" in page
    assert upright.more([COST]) == pytest.approx(0.02)


def test_what_was_not_measured_has_no_table() -> None:
    page = quality.report([SCORE], [], [])
    assert page.count("\n|---") == 1
