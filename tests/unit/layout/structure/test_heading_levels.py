"""The levels of a document's headings."""

from __future__ import annotations

import pytest

from slimgest_celery.layout.structure.heading_levels import Title, find_levels, numbering_depth


def _title(text: str, size: float, bold: bool = False, by_ocr: bool = False, level: int = 1) -> Title:
    return Title(1, 0, text, size, bold, by_ocr, level)


@pytest.mark.parametrize(
    ("text", "depth"),
    [
        ("2.3 Results", 2),
        ("1 Introduction", 1),
        ("2Nests", 1),  # OCR has lost the space
        ("2.1Observed Numbers", 2),
        ("3D printing", 0),
        ("2nd edition", 0),
        ("4. Methods", 1),
        ("Chapter 3 Parsing", 1),
        ("B.1.2 Proofs", 3),
        ("A. Appendix", 1),
        ("A walk in the park", 0),
        ("Results of 2.3 trials", 0),
        ("2024 in numbers", 0),
    ],
)
def test_the_number_of_a_heading_has_a_depth(text: str, depth: int) -> None:
    assert numbering_depth(text) == depth


def test_a_number_without_a_space_counts_in_a_scan() -> None:
    sizes = {"2Nests": 11, "2.1 Numbers": 9.5, "3 Winter": 13, "3.1Routes": 9.5}
    assert find_levels([_title(text, size, by_ocr=True) for text, size in sizes.items()]) == [1, 2, 1, 2]


def test_larger_type_has_a_higher_level_on_whatever_page_it_is() -> None:
    titles = [_title("Part", 20), _title("Chapter", 14), _title("Section", 11), _title("Chapter", 14.1)]
    assert find_levels(titles) == [1, 2, 3, 2]


def test_bold_headings_are_above_others_of_their_size() -> None:
    assert find_levels([_title("Title", 16), _title("Minor", 12), _title("Major", 12, bold=True)]) == [1, 3, 2]


def test_numbers_order_headings_of_one_style() -> None:
    titles = [_title(text, 11, bold=True) for text in ("1 One", "1.1 Two", "1.1.1 Three", "2 Four", "References")]
    assert find_levels(titles) == [1, 2, 3, 1, 1]


def test_the_heights_of_a_scan_vary_within_one_level() -> None:
    sizes = [(20.0, 1), (14.2, 2), (13.4, 2), (13.6, 2), (11.0, 3)]
    titles = [_title(f"Heading {size}", size, by_ocr=True) for size, _ in sizes]
    assert find_levels(titles) == [level for _, level in sizes]


def test_headings_without_sizes_keep_the_levels_of_their_pages() -> None:
    assert find_levels([_title("Old", 0, level=2), _title("Record", 0, level=3)]) == [2, 3]
