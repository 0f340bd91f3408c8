"""Markdown: the file's name as title, a comment before each page, and its text with paragraphs joined."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from statistics import median

from ..model import Block, Document, Page

# A gap between two lines of this many line heights, beyond the usual one, starts a paragraph.
_PARAGRAPH_GAP = 0.6
_SPECIAL = re.compile(r"^(\s*)([#>+*-]|\d+[.)])(?=\s)|([\\`*_\[\]<>|])")


def write(document: Document) -> str:
    """The document as Markdown. A failed page stands as a quoted line that gives its code."""
    head = f"# {_escape(document.filename)}\n"
    return head + "".join(f"\n<!-- page {page.page_number} -->\n\n{_page(page)}\n" for page in document.pages)


def _page(page: Page) -> str:
    if page.error is not None:
        return f"> Page {page.page_number} could not be read: {page.error.message} (`{page.error.code}`)"
    return "\n\n".join(_escape(paragraph) for paragraph in paragraphs(page.blocks))


def paragraphs(blocks: list[Block]) -> Iterator[str]:
    """Lines in reading order as paragraphs, with words that were hyphenated at a line's end made whole."""
    if not blocks:
        return
    gaps = [after.box[1] - before.box[3] for before, after in pairwise(blocks) if after.box[1] > before.box[1]]
    usual = median(gaps) if gaps else 0.0
    paragraph = blocks[0].text
    for before, after in pairwise(blocks):
        if _follows(before, after, usual):
            paragraph = _join(paragraph, after.text)
        else:
            yield paragraph
            paragraph = after.text
    yield paragraph


def _follows(before: Block, after: Block, usual: float) -> bool:
    """Whether a line goes on with the paragraph of the one before: just below it, in the same column and size."""
    height, next_height = before.box[3] - before.box[1], after.box[3] - after.box[1]
    gap = after.box[1] - before.box[3]
    return (
        after.box[1] > before.box[1]
        and gap - usual < _PARAGRAPH_GAP * height
        and before.box[0] < after.box[2]
        and after.box[0] < before.box[2]
        and 0.6 < next_height / max(height, 1e-6) < 1.6
    )


def _join(paragraph: str, line: str) -> str:
    if re.search(r"\w[-\u00ad]$", paragraph) and line[:1].islower():
        return paragraph[:-1] + line
    return f"{paragraph} {line}"


def _escape(text: str) -> str:
    """Text that Markdown would take for its own marks, made safe."""
    return _SPECIAL.sub(lambda match: f"{match[1] or ''}\\{match[2] or match[3]}", text)
