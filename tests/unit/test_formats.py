"""Documents as Markdown and text."""

from __future__ import annotations

from slimgest_celery.formats import FORMATS
from slimgest_celery.layout import Found, arrange
from slimgest_celery.model import Block, Document, JobStatus, Options, Page, Problem, now


def _block(text: str, top: float, left: float = 0.1, height: float = 0.02) -> Block:
    return Block(text=text, confidence=1, box=(left, top, left + 0.3, top + height))


def _document(*pages: Page) -> Document:
    moment = now()
    return Document(
        job_id="1",
        filename="a_b.pdf",
        status=JobStatus.COMPLETED,
        total_pages=len(pages),
        options=Options(),
        engine=None,
        created_at=moment,
        completed_at=moment,
        elapsed_seconds=0,
        pages=list(pages),
    )


def _page(*lines: tuple[str, float, float, float]) -> Page:
    """A page 600 x 800 of lines, each its text, left, top and type size; a letter is half as wide as it is high."""
    found = [
        Found(
            text=text,
            confidence=1,
            size=size,
            box=(left / 600, top / 800, min(1, (left + size * len(text) / 2) / 600), (top + size) / 800),
        )
        for text, left, top, size in lines
    ]
    layout = arrange(found, width=600, height=800)
    return Page(page_number=1, status="ok", text=layout.text, blocks=layout.blocks, paragraphs=layout.paragraphs)


def _markdown(page: Page) -> list[str]:
    """The page's part of the Markdown, by paragraphs."""
    return FORMATS["md"].write(_document(page)).rstrip().split("\n\n")[2:]


def test_words_cut_at_line_ends_are_whole_in_text_and_markdown_and_stay_cut_in_blocks() -> None:
    page = _page(
        ("A para-", 60, 100, 10), ("graph of two lines.", 60, 112, 10), ("Anno-", 60, 160, 10), ("Dazumal", 60, 172, 10)
    )
    assert [block.text for block in page.blocks] == ["A para-", "graph of two lines.", "Anno-", "Dazumal"]
    assert _markdown(page) == ["A paragraph of two lines.", "Anno- Dazumal"]
    assert FORMATS["txt"].write(_document(page)) == "A paragraph\nof two lines.\n\nAnno-\nDazumal\n\f"


def test_chinese_lines_are_joined_without_a_space() -> None:
    assert _markdown(_page(("东北电气发展", 60, 100, 10), ("股份有限公司", 60, 112, 10))) == [
        "东北电气发展股份有限公司"
    ]


def test_headings_are_those_of_the_larger_type() -> None:
    text = [(f"Line {row} of some text that goes on and on", 60.0, 200.0 + 12 * row, 10.0) for row in range(5)]
    page = _page(("1. Large *title*", 60, 60, 20), ("Smaller title", 60, 120, 14), ("Smallest", 60, 160, 12), *text)
    assert _markdown(page)[:3] == ["## 1\\. Large \\*title\\*", "### Smaller title", "#### Smallest"]
    assert _markdown(page)[3].startswith("Line 0") and len(_markdown(page)) == 4


def test_aligned_cells_become_a_table() -> None:
    rows = [("Animal", "Place", "Count"), ("Lion", "Park | zoo", "2"), ("Cat", "Home", "13")]
    cells = [(t, 60 + 150.0 * n, 100 + 15.0 * r, 10.0) for r, row in enumerate(rows) for n, t in enumerate(row)]
    page = _page(("Before it.", 60, 60, 10), *cells, ("After it.", 60, 180, 10))
    table = "| Animal | Place | Count |\n|---|---|---|\n| Lion | Park \\| zoo | 2 |\n| Cat | Home | 13 |"
    assert _markdown(page) == ["Before it.", table, "After it."]
    assert "Lion\tPark | zoo\t2\n" in FORMATS["txt"].write(_document(page))


def test_lists_stay_lists() -> None:
    page = _page(("•", 60, 100, 10), ("first", 80, 100, 10), ("• second", 60, 112, 10), ("3. third", 60, 124, 10))
    assert _markdown(page) == ["- first", "- second", "3. third"]


def test_page_breaks_can_be_switched_off() -> None:
    document = _document(Page(page_number=1, status="ok", blocks=[_block("Text.", 0.1)]))
    assert "<!-- page 1 -->" in FORMATS["md"].write(document)
    assert FORMATS["md-plain"].write(document) == "# a\\_b.pdf\n\nText.\n"


def test_markdown_marks_pages_escapes_text_and_names_failures() -> None:
    good = Page(page_number=1, status="ok", blocks=[_block("# not *a* heading", 0.1)])
    bad = Page(page_number=2, status="failed", error=Problem(code="page.timeout", message="It took too long."))
    assert FORMATS["md"].write(_document(good, bad)) == (
        "# a\\_b.pdf\n\n<!-- page 1 -->\n\n\\# not \\*a\\* heading\n"
        "\n<!-- page 2 -->\n\n> Page 2 could not be read: It took too long. (`page.timeout`)\n"
    )


def test_text_has_a_form_feed_after_each_page() -> None:
    pages = [Page(page_number=n, status="ok", text=f"page {n}") for n in (1, 2)]
    assert FORMATS["txt"].write(_document(*pages)) == "page 1\n\fpage 2\n\f"


def test_json_can_be_read_back() -> None:
    document = _document(Page(page_number=1, status="ok", text="x"))
    assert Document.model_validate_json(FORMATS["json"].write(document)) == document
