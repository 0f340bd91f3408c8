"""The records themselves as one JSON document: what stands around the pages."""

from __future__ import annotations

from ..model import Document

_PAGES = '"pages":['


def json_head(head: Document) -> str:
    """The document up to its first page."""
    before, pages, _ = _divided(head)
    return before + pages


def json_foot(head: Document) -> str:
    """The document from after its last page."""
    return _divided(head)[2]


def _divided(head: Document) -> tuple[str, str, str]:
    # Inside a string of JSON these quotation marks would be escaped.
    return head.model_dump_json().partition(_PAGES)
