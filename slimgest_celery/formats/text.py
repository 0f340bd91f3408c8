"""Plain text: the pages' texts, divided by form feeds as other PDF tools do."""

from __future__ import annotations

from ..model import Document


def write(document: Document) -> str:
    """The text of each page, a failed page being empty; as many form feeds as pages."""
    return "".join(page.text + "\n\f" for page in document.pages)
