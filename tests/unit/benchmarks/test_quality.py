"""The quality benchmark: its scores, on texts short enough to count by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import quality, upright
from benchmarks.quality import Score
from benchmarks.upright import Cost
from slimgest_celery.models.page import Page, PageSeconds
from tests.support import pdfs


@pytest.mark.parametrize(
    ("found", "truth", "f1"),
    [
        ("one two three", "three, TWO; one!", 1.0),  # a bag of words: order, case and punctuation do not count
        ("one two", "one two three four", 2 * 2 / 6),
        ("one one one", "one", 2 * 1 / 4),  # found more often than it occurs
        ("", "one", 0.0),
        ("", "", 0.0),
    ],
)
def test_word_f1_counts_each_word_as_often_as_it_occurs(found: str, truth: str, f1: float) -> None:
    assert quality.word_f1(found, truth) == pytest.approx(f1)


@pytest.mark.parametrize(
    ("found", "truth", "share"),
    [
        ("a  cat\nsat", "a cat sat", 0.0),  # white space is folded
        ("a bat sat", "a cat sat", 1 / 9),
        ("a cat", "a cat sat", 4 / 9),
        ("abcd", "ab", 1.0),  # can be 1 and more
        ("", "ab", 1.0),
    ],
)
def test_character_errors_are_a_share_of_the_true_text(found: str, truth: str, share: float) -> None:
    assert quality.character_errors(found, truth) == pytest.approx(share)


@pytest.mark.parametrize(
    ("found", "truth", "order"),
    [
        ("one two three four", "One two, three four.", 1.0),
        ("three four one two", "one two three four", 0.0),  # every word in the wrong place
        ("one three two four", "one two three four", 0.5),
        ("one two", "one two three four", 0.5),
    ],
)
def test_order_falls_when_words_come_in_another_order(found: str, truth: str, order: float) -> None:
    assert quality.order(found, truth) == pytest.approx(order)


def test_pdfs_without_true_text_are_skipped_and_form_feeds_separate_pages(tmp_path: Path) -> None:
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


def test_a_file_is_scored_as_a_whole_and_page_by_page() -> None:
    pages = [_page(1, "one two"), _page(2, "three for")]
    whole, first, second = quality.scores("an engine", "file", pages, ["one two", "three four"])
    assert (whole.page, first.page, second.page) == (None, 1, 2)
    assert (whole.word_f1, first.word_f1, second.word_f1) == (0.75, 1.0, 0.5)
    assert (whole.seconds_per_page, first.seconds_per_page, second.seconds_per_page) == (2.0, 1.5, 2.5)


def test_a_file_with_another_number_of_true_pages_is_scored_only_as_a_whole() -> None:
    assert len(quality.scores("an engine", "file", [_page(1, "one")], ["one", "two"])) == 1
    assert len(quality.scores("an engine", "file", [], ["one"])) == 1, "a document without pages"


def test_agreement_compares_the_order_of_each_page_and_of_all_pages() -> None:
    by_layer, by_ocr = [_page(1, "one two"), _page(2, "three four")], [_page(1, "one two"), _page(2, "four three")]
    assert quality.agreement(by_layer, by_ocr) == [(None, 0.5), (1, 1.0), (2, 0.0)]


SCORE = Score(engine="e", file="f", page=None, word_f1=0.5, character_errors=0.25, order=1, seconds_per_page=2)
COST = Cost(engine="e", file="f", page=1, seconds=2.04, seconds_without=2.0)


def test_the_json_contains_every_score_and_cost_by_name() -> None:
    results = json.loads(quality.as_json([SCORE], [(None, 0.98)], [COST]))
    assert results["scores"] == [
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
    assert results["agreement"] == [{"page": None, "order": 0.98}]
    assert results["orientation"] == [{"engine": "e", "file": "f", "page": 1, "seconds": 2.04, "seconds_without": 2.0}]


def test_the_report_has_a_table_for_each_measure() -> None:
    page = quality.report([SCORE], [(None, 0.98), (1, 0.9)], [COST])
    assert "| e | f | all | 0.500 | 0.250 | 1.000 | 2.00 |" in page
    assert "| all | 0.980 |\n| 1 | 0.900 |" in page
    assert "| e | all | 1 pages | | | +2.0% |" in page
    assert upright.more([COST]) == pytest.approx(0.02)


def test_a_measure_that_was_not_made_has_no_table() -> None:
    page = quality.report([SCORE], [], [])
    assert page.count("\n|---") == 1


def test_the_part_of_the_page_that_is_written_by_hand_stays(tmp_path: Path) -> None:
    docs = tmp_path / "quality.md"
    assert quality.written_by_hand(docs) == ""
    docs.write_text(f"# Quality\n\nold figures\n\n{quality.BY_HAND}\n\nReasons.\n")
    assert quality.written_by_hand(docs) == f"\n{quality.BY_HAND}\n\nReasons.\n"
    assert quality.BY_HAND in (quality.ROOT / "docs" / "quality.md").read_text()
