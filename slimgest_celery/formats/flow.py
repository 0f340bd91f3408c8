"""Lines put together as paragraphs are read: words that were hyphenated at a line's end are made whole."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..model import Block, Page, Paragraph

_HYPHENATED = re.compile(r"[^\W\d_][-\u00ad\u2010]$")
_FIRST_WORD = re.compile(r"\S+\s*")
# Scripts that put no space between words, so none between the lines of a paragraph.
_UNSPACED = re.compile("[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]")


def paragraphs(page: Page) -> list[Paragraph]:
    """A page's paragraphs; of a page that has none, each of its blocks is one."""
    return page.paragraphs or [Paragraph(first=index, last=index) for index in range(len(page.blocks))]


def blocks(page: Page, paragraph: Paragraph) -> list[Block]:
    """The blocks of a paragraph."""
    return page.blocks[paragraph.first : paragraph.last + 1]


def one_line(lines: Sequence[str]) -> str:
    """The lines of a paragraph as one."""
    whole = ""
    for line in lines:
        if _is_cut(whole, line):
            whole = whole[:-1] + line
        elif whole and _UNSPACED.match(whole[-1]) and _UNSPACED.match(line[:1]):
            whole += line
        else:
            whole = f"{whole} {line}" if whole else line
    return whole


def whole_words(lines: Sequence[str]) -> list[str]:
    """The lines of a paragraph as they are, but for a cut word, whose end moves up to its beginning."""
    found: list[str] = []
    for line in lines:
        rest = line
        if found and _is_cut(found[-1], line):
            word = _FIRST_WORD.match(line)
            end = word[0] if word else ""
            found[-1] = found[-1][:-1] + end.rstrip()
            rest = line[len(end) :]
        if rest:
            found.append(rest)
    return found


def _is_cut(before: str, after: str) -> bool:
    """Whether a word runs over from one line to the next."""
    return bool(_HYPHENATED.search(before)) and after[:1].islower()
