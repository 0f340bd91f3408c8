"""The roles of paragraphs, and what is left out."""

from __future__ import annotations

from xml.etree.ElementTree import Element

import html5lib
import pytest

from slimgest_celery.models.page import Page, Region, RegionKind
from slimgest_celery.models.results import Chunk
from tests.support.drawn_documents import document, drawn_page, write


def _with_regions(page: Page, *kinds: str | tuple[str, int]) -> Page:
    """The page with a region for each paragraph, or for several: a kind, and their number; 0 for one without text."""
    regions, paragraphs = [], list(page.paragraphs)
    for given in kinds:
        kind, count = given if isinstance(given, tuple) else (given, 1)
        own = [paragraphs.pop(0) for _ in range(count)]
        where = {"first": own[0].first, "last": own[-1].last} if own else {}
        regions.append(Region(kind=RegionKind(kind), confidence=1, box=(0, 0, 1, 1), **where))
    return page.model_copy(update={"regions": regions})


def html(page: Page, **options: str) -> Element:
    text = write("html", document(page), **options)
    found: Element = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(text)
    return next(found.iter("section"))


WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]


def _report(number: int, *kinds: str) -> Page:
    """A page with a running header, a footnote in the middle of its text, and its number below."""
    own = WORDS[number]
    lines = [("text", f"{own} {word}") for word in WORDS]
    page = drawn_page(number, ("text", "THE REPORT"), ("h1", f"Title {own}"), ("text", f"* A note {own}"), *lines,
                      ("text", f"page {number} of 5"))  # fmt: skip
    return _with_regions(page, *kinds)


ROLES = ["header", "title", "footnote", *["text"] * len(WORDS), "footer"]
REPORT = [_report(number, *ROLES) for number in range(1, 6)]


@pytest.mark.parametrize("form", ["md", "md-plain", "txt", "html", "chunks"])
@pytest.mark.parametrize("pages", [REPORT, [_report(number) for number in range(1, 6)]], ids=["regions", "old records"])
def test_running_headers_and_footers_are_left_out_unless_they_are_kept(form: str, pages: list[Page]) -> None:
    dropped, kept = (write(form, document(*pages), headers=headers) for headers in ("drop", "keep"))
    assert "THE REPORT" not in dropped and "of 5" not in dropped
    assert kept.count("THE REPORT") == kept.count("of 5") == 5
    assert "Title three" in dropped
    for text in ("A note three", "three twelve"):
        assert dropped.count(text) == kept.count(text) == 1


def test_footnotes_follow_the_text_of_their_page() -> None:
    written = write("md-plain", document(*REPORT))
    assert written.index("two twelve") < written.index("A note two") < written.index("Title three")


def test_formats_with_boxes_and_records_keep_running_headers() -> None:
    for form in ("json", "ndjson", "hocr", "alto"):
        assert write(form, document(*REPORT)).count("REPORT") >= 5


def test_roles_are_elements_of_html() -> None:
    text = write("html", document(*REPORT), headers="keep")
    section = next(html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(text).iter("section"))
    assert [child.tag for child in section] == ["header", "h1", *["p"] * len(WORDS), "aside", "footer"]
    assert section[-2].get("role") == "doc-footnote"


def test_a_figure_has_its_labels_and_its_caption() -> None:
    page = drawn_page(
        1, ("text", "2019"), ("text", "2020"), ("text", "Figure 1"), ("text", "Figure 2"), ("text", "End.")
    )
    section = html(_with_regions(page, ("figure", 2), "caption", ("figure", 0), "caption", "text"))
    assert [child.tag for child in section] == ["figure", "figure", "p"]
    assert [[(e.tag, e.text) for e in figure] for figure in section.iter("figure")] == [
        [("p", "2019"), ("p", "2020"), ("figcaption", "Figure 1")],
        [("figcaption", "Figure 2")],
    ]


def test_a_caption_above_its_figure_and_one_without_a_figure() -> None:
    page = drawn_page(1, ("text", "Figure 1"), ("text", "Text."), ("text", "Table 1"))
    section = html(_with_regions(page, "caption", ("figure", 0), "text", "caption"))
    assert [(child.tag, "".join(child.itertext()).strip()) for child in section] == [
        ("figure", "Figure 1"), ("p", "Text."), ("p", "Table 1")
    ]  # fmt: skip


def test_the_kinds_of_chunks_are_those_of_the_regions() -> None:
    page = _with_regions(drawn_page(1, ("h1", "One"), ("text", "E = mc"), ("h1", "Two"), ("text", "x")),
                         "title", "formula", "title", "caption")  # fmt: skip
    lines = write("chunks", document(page)).splitlines()
    assert [Chunk.model_validate_json(line).kind for line in lines] == ["formula", "caption"]


def test_the_language_of_most_pages_is_the_one_of_the_document() -> None:
    pages = [drawn_page(n, ("text", "x"), language=language) for n, language in enumerate(["de", "fr", "de", None], 1)]
    assert '<html lang="de">' in write("html", document(*pages))
    assert '<html lang="und">' in write("html", document(pages[3]))
