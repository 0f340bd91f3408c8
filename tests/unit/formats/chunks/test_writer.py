"""Chunks: what is kept together, where a chunk ends, and that no character is lost or repeated."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from slimgest_celery.formats.chunks.builder import MAX_TABLE_TOKENS
from slimgest_celery.models.page import Page, Paragraph, Region, RegionKind
from slimgest_celery.models.problem import Problem
from slimgest_celery.models.results import Chunk
from tests.support.drawn_documents import Drawn, document, drawn_page, write

LONG = "One sentence of this paragraph has some words. " * 20


def chunks(*pages: Page, **options: object) -> list[Chunk]:
    return [Chunk.model_validate_json(line) for line in write("chunks", document(*pages), **options).splitlines()]


def test_a_chunk_ends_before_a_heading_of_level_1_or_2_and_has_the_headings_above_it() -> None:
    found = chunks(
        drawn_page(1, ("h1", "Title"), ("h2", "Part"), ("text", "Some text."), ("h3", "Detail"), ("text", "More.")),
        drawn_page(2, ("text", "On the next page."), ("h2", "Next part"), ("text", "Its text.")),
    )
    assert [chunk.text for chunk in found] == [
        "Title\n\nPart\n\nSome text.\n\nDetail\n\nMore.\n\nOn the next page.",
        "Next part\n\nIts text.",
    ]
    assert [chunk.headings for chunk in found] == [["Title", "Part"], ["Title", "Next part"]]
    assert [chunk.page_numbers for chunk in found] == [[1, 2], [2]]
    assert [chunk.number for chunk in found] == [1, 2]
    assert [box.page_number for box in found[0].boxes] == [1, 1, 1, 1, 1, 2]


def test_a_heading_goes_with_the_text_after_it_and_not_with_the_text_before() -> None:
    fill = "word " * 20
    found = chunks(drawn_page(1, ("text", fill), ("h3", "Title"), ("text", fill)), max_tokens=40)
    assert [chunk.text.split()[0] for chunk in found] == ["word", "Title"]
    assert [chunk.headings for chunk in found] == [[], ["Title"]]


def test_a_paragraph_longer_than_a_chunk_is_divided_between_sentences() -> None:
    found = chunks(drawn_page(1, ("h1", "Title"), ("text", LONG.strip())), max_tokens=64)
    assert len(found) == 4 and all(chunk.tokens <= 64 for chunk in found)
    assert all(chunk.text.endswith("words.") for chunk in found)
    assert found[0].text.startswith("Title\n\nOne sentence") and found[1].headings == ["Title"]


def test_the_overlap_repeats_whole_sentences_and_says_how_many_characters_it_has() -> None:
    found = chunks(drawn_page(1, ("text", LONG.strip())), max_tokens=64, overlap=16)
    assert found[0].repeated == 0
    for before, after in pairwise(found):
        overlap = after.text[: after.repeated]
        assert overlap.strip() == "One sentence of this paragraph has some words."
        assert before.text.endswith(overlap.strip()) and after.tokens <= 64


def test_text_without_spaces_is_divided_too() -> None:
    found = chunks(drawn_page(1, ("text", "東北電気" * 100)), max_tokens=32, overlap=8)
    assert all(chunk.tokens <= 32 for chunk in found)
    assert "".join(chunk.text[chunk.repeated :] for chunk in found) == "東北電気" * 100


def test_a_table_is_a_chunk_of_its_own_with_its_heading_even_if_it_is_long() -> None:
    rows = [["Name", "Count"], *([f"name {n} | x", str(n)] for n in range(100))]
    found = chunks(drawn_page(1, ("text", "Before."), ("h3", "Table 1"), rows, ("text", "After.")), max_tokens=32)
    assert [chunk.kind for chunk in found] == ["text", "table", "text"]
    assert found[1].text.startswith("Table 1\n\n| Name | Count |\n|---|---|\n| name 0 \\| x | 0 |\n")
    assert found[1].text.endswith("| name 99 \\| x | 99 |") and found[1].headings == ["Table 1"]
    assert len(found[1].boxes) == 2 and 32 < found[1].tokens < MAX_TABLE_TOKENS


def test_a_table_longer_than_any_model_reads_is_divided_between_rows_and_repeats_its_header() -> None:
    rows = [["Name", "Count"], *([f"a name {n} " * 20, str(n)] for n in range(300))]
    found = chunks(drawn_page(1, rows))
    assert len(found) > 1 and all(chunk.tokens <= MAX_TABLE_TOKENS for chunk in found)
    for chunk in found[1:]:
        assert chunk.text[: chunk.repeated] == "| Name | Count |\n|---|---|\n"
    assert sum(chunk.text.count("\n| a name") for chunk in found) == 300


def test_the_kind_of_a_chunk_is_that_of_all_its_parts() -> None:
    page = drawn_page(1, ("h1", "One"), ("text", "• a"), ("text", "• b"), ("h1", "Two"), ("h1", "Three"), ("text", "x"))
    assert [chunk.kind for chunk in chunks(page)] == ["list", "heading", "text"]
    assert chunks(page)[0].text == "One\n\n• a\n• b"


def test_a_caption_before_a_table_is_in_its_chunk() -> None:
    page = drawn_page(1, ("text", "Before."), ("text", "Table 1: counts"), [["a", "b"], ["1", "2"]])
    kinds = (RegionKind.TEXT, RegionKind.CAPTION, RegionKind.TABLE)
    regions = [
        Region(kind=kind, confidence=1, box=(0, 0, 1, 1), first=paragraph.first, last=paragraph.last)
        for kind, paragraph in zip(kinds, page.paragraphs, strict=True)
    ]
    found = chunks(page.model_copy(update={"regions": regions}))
    assert [chunk.text.partition("\n")[0] for chunk in found] == ["Before.", "Table 1: counts"]


def test_failed_and_empty_pages_have_no_chunk() -> None:
    failed = Page(page_number=2, status="failed", error=Problem(code="page.timeout", message="It took too long."))
    blank = Page(page_number=3, status="ok")
    found = chunks(drawn_page(1, ("text", "One.")), failed, blank, drawn_page(4, ("text", "Four.")))
    assert [(chunk.text, chunk.page_numbers) for chunk in found] == [("One.\n\nFour.", [1, 4])]
    assert chunks(failed) == chunks() == []


def test_a_record_that_is_wrong_in_itself_costs_only_its_page() -> None:
    wrong = Page(page_number=2, status="ok", paragraphs=[Paragraph(kind="table", first=0, last=0, cells=[[7]])])  # type: ignore[list-item]
    assert [chunk.text for chunk in chunks(drawn_page(1, ("text", "One.")), wrong)] == ["One."]


# --- No character is lost or repeated ---

# Letters of several scripts, each with several bytes per letter in UTF-8, and sentences.
_ALPHABET = "abcdeABC019äéßжПשלم東北𝔘"


def _words(lot: random.Random, most: int) -> str:
    words = ("".join(lot.choices(_ALPHABET, k=lot.randint(1, 12))) for _ in range(lot.randint(1, most)))
    return "".join(f"{word}{lot.choice([' ', ' ', '. '])}" for word in words).strip()


def _drawn(lot: random.Random, kind: str, size: int) -> Drawn:
    if kind != "table":
        return kind, "\n".join(_words(lot, 12) for _ in range(size))
    width = lot.randint(1, 4)
    return [[_words(lot, 3) for _ in range(width)] for _ in range(size + 1)]


_PARTS = st.lists(
    st.tuples(st.sampled_from(["text", "text", "table", "h1", "h2", "h3"]), st.integers(1, 9)), max_size=6
)


def _letters(text: str) -> str:
    return "".join(re.findall(r"[^\s|\\-]+", text))


@settings(deadline=None, max_examples=60)
@given(st.lists(_PARTS, max_size=5), st.integers(32, 600), st.integers(0, 300), st.integers(0, 10**6))
def test_each_character_is_in_exactly_one_chunk(
    parts: Sequence[Sequence[tuple[str, int]]], size: int, overlap: int, seed: int
) -> None:
    lot = random.Random(seed)
    pages = [drawn_page(n, *(_drawn(lot, kind, rows) for kind, rows in own)) for n, own in enumerate(parts, 1)]
    found = chunks(*pages, max_tokens=size, overlap=min(overlap, size // 2), headers="keep")
    written = "".join(_letters(chunk.text[chunk.repeated :]) for chunk in found)
    assert written == "".join(_letters(block.text) for page in pages for block in page.blocks)
    for chunk in found:
        assert chunk.tokens <= size or chunk.kind == "table"
        assert chunk.page_numbers == sorted({box.page_number for box in chunk.boxes})
    for before, after in pairwise(found):
        assert after.text[: after.repeated].strip() in before.text
