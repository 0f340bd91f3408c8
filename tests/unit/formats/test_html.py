"""HTML: a document that a strict parser accepts, in which no text is markup."""

from __future__ import annotations

from xml.etree.ElementTree import Element

import html5lib
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimgest_celery.models.page import Page
from slimgest_celery.models.problem import Problem
from tests.support.drawn_documents import document, drawn_page, write

UGLY = '</title><script>alert("1")</script> & \x00\x1b\ufffe\u202e.pdf'
FAILED = Page(page_number=3, status="failed", error=Problem(code="page.timeout", message="It took <too> long."))


def parse(text: str) -> Element:
    """The document as a browser reads it. Raises an error where it is not valid."""
    found: Element = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(text)
    return found


def texts(root: Element, tag: str) -> list[str]:
    return ["".join(element.itertext()) for element in root.iter(tag)]


def test_headings_paragraphs_lists_and_tables_are_elements_in_a_section_for_each_page() -> None:
    one = drawn_page(
        1, ("h1", "A title"), ("text", "Some hyphen-\nated words"), ("text", "• first"), ("text", "• second"),
        ("text", "3. third"), ("text", "After the lists."), language="de",
    )  # fmt: skip
    two = drawn_page(2, ("h2", "Another"), [["Name", "Count"], ["a <b>", ""]], ("h3", "The smallest"))
    root = parse(write("html", document(one, two, FAILED)))
    sections = list(root.iter("section"))
    assert [section.get("id") for section in sections] == ["page-1", "page-2", "page-3"]
    assert [section.get("lang") for section in sections] == ["de", None, None]
    children = [child.tag for section in sections for child in section]
    assert children == ["h1", "p", "ul", "ol", "p", "h2", "table", "h3", "p"]
    assert texts(root, "p")[0] == "Some hyphenated words"
    assert texts(root, "li") == ["first", "second", "third"]
    assert next(root.iter("ol"))[0].get("value") == "3"
    assert (texts(root, "th"), texts(root, "td")) == (["Name", "Count"], ["a <b>", ""])
    assert texts(sections[2], "p") == ["Page 3 could not be read: It took <too> long. (page.timeout)"]


@pytest.mark.parametrize("title", ["none", "filename"])
def test_an_ugly_file_name_is_text(title: str) -> None:
    root = parse(write("html", document(drawn_page(1, ("text", UGLY)), filename=UGLY), title=title))
    shown = UGLY.replace("\x00", "\ufffd").replace("\x1b", "\ufffd").replace("\ufffe", "\ufffd")
    assert texts(root, "title") == texts(root, "p") == [shown]
    assert texts(root, "h1") == ([shown] if title == "filename" else [])
    assert not list(root.iter("script"))


def test_text_from_right_to_left_has_its_direction() -> None:
    page = drawn_page(1, ("h1", "עברית"), ("text", "مرحبا بالعالم"), ("text", "Latin"), language="he")
    root = parse(write("html", document(page)))
    assert [element.get("dir") for section in root.iter("section") for element in section] == ["auto", "auto", None]


@given(st.lists(st.text(min_size=1), min_size=1, max_size=4), st.text(min_size=1))
def test_any_text_is_valid_html_without_an_element_of_its_own(lines: list[str], name: str) -> None:
    page = drawn_page(1, *(("text", line.replace("\n", " ") or " ") for line in lines), [["a", *lines]])
    root = parse(write("html", document(page, filename=name), title="filename"))
    assert {element.tag for element in root.iter()} <= {
        *("html", "head", "meta", "title", "body", "header", "main", "section", "h1", "p", "ul", "ol", "li"),
        *("table", "thead", "tbody", "tr", "th", "td"),
    }
