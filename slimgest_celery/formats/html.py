"""HTML 5: a section for each page, with headings, paragraphs, lists, tables, figures and footnotes.

There is no script, no style and no image, and all text is escaped: to display the document is safe.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from itertools import groupby

from slimgest_celery.formats import tables
from slimgest_celery.formats.document.elements import Element
from slimgest_celery.formats.document.pages import DocumentContext, DocumentPage
from slimgest_celery.formats.xml import escape
from slimgest_celery.models.job import Document
from slimgest_celery.models.results import FormatOptions

_ITEM = re.compile(r"^[•◦▪‣●○■□·]\s+")
_NUMBERED = re.compile(r"^(\d{1,6})[.)]\s+(?=\S)")
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff\U00010800-\U00010fff\U0001e800-\U0001efff]")


def head(document: Document, options: FormatOptions, context: DocumentContext) -> str:
    """Everything before the first page."""
    name = escape(document.filename)
    heading = f"<header{_direction(document.filename)}><h1>{name}</h1></header>\n" if options.title != "none" else ""
    return (
        f'<!DOCTYPE html>\n<html lang="{escape(context.language or "und")}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="generator" content="slimgest {escape(version("slimgest"))}">\n'
        f"<title>{name or 'Document'}</title>\n</head>\n<body>\n{heading}<main>\n"
    )


def page(own: DocumentPage) -> Iterator[str]:
    """A page, in parts. A failed page contains its error message and code.

    A table that continues on this page stays in the section of the page on which it begins.
    """
    elements = own.elements
    if own.continues:
        yield from _continuation(own, elements)
        if not own.page.error and (own.is_open(elements[0]) or len(elements) == 1):
            return
        elements = elements[1:]
    yield _section(own)
    if own.page.error is not None:
        yield f"<p><strong>{escape(own.error_text())}</strong> (<code>{escape(own.page.error.code)}</code>)</p>\n"
    for group, grouped in groupby(elements, key=lambda element: _group(own, element)):
        yield from _WRITERS.get(group, _elements)(own, group, list(grouped))
    if own.is_continued and own.page.error:  # in place of the table that the next page continues
        yield "<table>\n"
    if not own.is_continued:
        yield "</section>\n"


def foot(document: Document, options: FormatOptions, context: DocumentContext) -> str:
    """Everything after the last page."""
    return "</main>\n</body>\n</html>\n"


def _section(own: DocumentPage) -> str:
    number = own.page.page_number
    language = f' lang="{escape(own.page.language)}"' if own.page.language else ""
    # The anchor of a page that begins within a table is at the first row.
    anchor = "" if own.continues and not own.page.error else f' id="page-{number}"'
    return f'<section{anchor} aria-label="Page {number}"{language}>\n'


def _continuation(own: DocumentPage, elements: Sequence[Element]) -> Iterator[str]:
    table = own.table(elements[0]) if elements else None
    if table is not None:
        yield tables.to_html_rows(table, f' id="page-{own.page.page_number}"') + "\n"
    if not elements or not own.is_open(elements[0]):
        yield "</table>\n</section>\n"


def _group(own: DocumentPage, element: Element) -> str:
    """Return the tag that consecutive elements share, or an empty string."""
    if element.kind in ("text", "list"):
        text = own.text(element)
        return "ul" if _ITEM.match(text) else "ol" if _NUMBERED.match(text) else ""
    return {"figure": "figure", "caption": "figure", "footnote": "aside"}.get(element.kind, element.kind)


def _elements(own: DocumentPage, group: str, elements: Sequence[Element]) -> Iterator[str]:
    return (_element(own, element) for element in elements)


def _element(own: DocumentPage, element: Element) -> str:
    if table := own.table(element):
        return f"<table>\n{tables.to_html_rows(table)}\n" + ("" if own.is_open(element) else "</table>\n")
    tag = "p"
    if element.kind == "heading":
        # A title from the file name is the only heading of the first level.
        tag = f"h{min(element.level + (own.options.title == 'filename'), 6)}"
    return _tagged(tag, own.text(element))


def _list(own: DocumentPage, tag: str, elements: Sequence[Element]) -> Iterator[str]:
    yield f"<{tag}>\n"
    for element in elements:
        text = own.text(element)
        if number := _NUMBERED.match(text):
            yield _tagged("li", text[number.end() :], f' value="{int(number[1])}"')
        else:
            yield _tagged("li", _ITEM.sub("", text))
    yield f"</{tag}>\n"


def _figures(own: DocumentPage, tag: str, elements: Sequence[Element]) -> Iterator[str]:
    """Yield consecutive figures and captions. A caption belongs to the figure before it, or to the one after it."""
    parts = [list(grouped) for _, grouped in groupby(elements, key=_figure_key)]
    while parts:
        part = parts.pop(0)
        if part[0].kind == "figure":
            caption = parts.pop(0) if parts and parts[0][0].kind == "caption" else []
            yield from _figure(own, part, caption)
        elif parts:
            yield from _figure(own, parts.pop(0), part)
        else:
            yield from _elements(own, tag, part)


def _figure_key(element: Element) -> tuple[str, int]:
    """Return the key of a figure's labels, or of consecutive captions."""
    return element.kind, id(element.region) if element.kind == "figure" else 0


def _figure(own: DocumentPage, labels: Sequence[Element], caption: Sequence[Element]) -> Iterator[str]:
    yield "<figure>\n"
    yield from (_element(own, element) for element in labels if element.paragraph)
    if caption:
        yield _tagged("figcaption", " ".join(map(own.text, caption)))
    yield "</figure>\n"


def _enclosed(own: DocumentPage, tag: str, elements: Sequence[Element]) -> Iterator[str]:
    attributes = ' role="doc-footnote"' if tag == "aside" else ""
    yield f"<{tag}{attributes}>\n"
    yield from _elements(own, tag, elements)
    yield f"</{tag}>\n"


_WRITERS = {
    "ul": _list, "ol": _list, "figure": _figures, "aside": _enclosed, "header": _enclosed, "footer": _enclosed
}  # fmt: skip


def _tagged(tag: str, text: str, attributes: str = "") -> str:
    return f"<{tag}{attributes}{_direction(text)}>{escape(text)}</{tag}>\n"


def _direction(text: str) -> str:
    return ' dir="auto"' if _RIGHT_TO_LEFT.search(text) else ""
