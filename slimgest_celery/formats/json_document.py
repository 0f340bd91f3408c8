"""One JSON document of the records themselves: the text before and after the pages."""

from __future__ import annotations

from slimgest_celery.formats.document.pages import DocumentContext
from slimgest_celery.models.job import Document
from slimgest_celery.models.results import FormatOptions

_PAGES = '"pages":['


def json_head(head: Document, options: FormatOptions, context: DocumentContext) -> str:
    """The document before its first page."""
    before, pages, _ = _split(head)
    return before + pages


def json_foot(head: Document, options: FormatOptions, context: DocumentContext) -> str:
    """The document after its last page."""
    return _split(head)[2]


def _split(head: Document) -> tuple[str, str, str]:
    # This cannot be part of a string: in JSON, quotation marks inside a string are escaped.
    return head.model_dump_json().partition(_PAGES)
