"""Documents as Markdown and text."""

from __future__ import annotations

from slimgest_celery.formats import FORMATS
from slimgest_celery.formats.markdown import paragraphs
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


def test_lines_become_paragraphs_and_hyphens_at_line_ends_go() -> None:
    blocks = [
        _block("A para-", 0.10),
        _block("graph of two lines.", 0.13),
        _block("Another one.", 0.20),
        _block("Beside it", 0.20, left=0.6),
    ]
    assert list(paragraphs(blocks)) == ["A paragraph of two lines.", "Another one.", "Beside it"]


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
