"""Lines put together as paragraphs are read: words that were hyphenated at a line's end are made whole."""

from __future__ import annotations

import re
from collections.abc import Sequence, Set

from ..model import Block, Page, Paragraph

_HYPHENATED = re.compile(r"(\S*\w)[-\u00ad\u2010]$")
_FIRST_WORD = re.compile(r"\w+")
_FIRST_RUN = re.compile(r"\S+\s*")
_COMPOUND = re.compile(r"\w+(?:[-\u2010]\w+)+")
Box = tuple[float, float, float, float]  # left, top, right, bottom

# Scripts that put no space between words, so none between the lines of a paragraph.
_UNSPACED = re.compile("[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]")
# Words after a hyphen that stands for what they share: "pre- and post-war", "Ein- und Ausgang".
_SHARING = frozenset(["and", "or", "nor", "und", "oder", "bis", "sowie", "og", "och"])
# What is hardly ever the beginning of a word cut in two, nor, within a chain of words, such as "up-to-date", its end.
_COMBINING = frozenset(["self", "well"])
_LINKS = frozenset(["in", "of", "to", "the", "and", "by", "up", "on", "at", "off", "out", "de", "la", "le"])


def paragraphs(page: Page) -> list[Paragraph]:
    """A page's paragraphs; of a page that has none, each of its blocks is one."""
    return page.paragraphs or [Paragraph(first=index, last=index) for index in range(len(page.blocks))]


def blocks(page: Page, paragraph: Paragraph) -> list[Block]:
    """The blocks of a paragraph."""
    return page.blocks[paragraph.first : paragraph.last + 1]


def rows(page: Page, paragraph: Paragraph) -> list[str]:
    """The lines of a paragraph; what stands side by side is on one, divided by tabs."""
    found: list[str] = []
    before: Block | None = None
    for block in blocks(page, paragraph):
        if before is not None and _are_beside(before.box, block.box, page.turned):
            found[-1] += f"\t{block.text}"
        else:
            found.append(block.text)
        before = block
    return found


def compounds(page: Page) -> Set[str]:
    """The words with hyphens in them that a page has within its lines, in lower case."""
    return {match.casefold() for match in _COMPOUND.findall(page.text)}


def one_line(lines: Sequence[str], known: Set[str] = frozenset()) -> str:
    """The lines of a paragraph as one; `known` are words that are written with a hyphen."""
    whole = ""
    for line in lines:
        seam = _seam(whole, line, known)
        if seam is not None:
            whole = whole[:-1] + seam + line
        elif whole and _UNSPACED.match(whole[-1]) and _UNSPACED.match(line[:1]):
            whole += line
        else:
            whole = f"{whole} {line}" if whole else line
    return whole


def whole_words(lines: Sequence[str], known: Set[str] = frozenset()) -> list[str]:
    """The lines of a paragraph as they are, but for a cut word, whose end moves up to its beginning."""
    found: list[str] = []
    for line in lines:
        rest = line
        if found and (seam := _seam(found[-1], line, known)) is not None:
            word = _FIRST_RUN.match(line)
            end = word[0] if word else ""
            found[-1] = found[-1][:-1] + seam + end.rstrip()
            rest = line[len(end) :]
        if rest:
            found.append(rest)
    return found


def _seam(before: str, after: str, known: Set[str]) -> str | None:
    """What takes the place of a hyphen at the end of a line: nothing where it cuts a word; None where none is cut."""
    cut = _HYPHENATED.search(before)
    word = _FIRST_WORD.match(after)
    if not cut or not word or word[0] in _SHARING:
        return None
    start = _COMPOUND.sub(lambda match: match[0].replace("\u2010", "-"), cut[1])
    last = re.split(r"\W", start)[-1]
    if f"{last}-{word[0]}".casefold() in known or last.casefold() in _COMBINING:
        return "-"
    if start != last and start.endswith(f"-{last}") and last in _LINKS:
        return "-"
    if word[0][0].islower():
        return "" if last[-1].isalpha() else "-"
    # Two words such as Anglo-Saxon, or numbers; words in capitals are cut, too.
    return "" if len(last) > 1 and last.isupper() and word[0].isupper() and len(word[0]) > 1 else "-"


def _are_beside(one: Box, other: Box, turned: int) -> bool:
    """Whether a block stands in the row of the one before, on a page that was turned so far to be read."""
    along = 0 if turned % 180 == 0 else 1
    across = 1 - along
    middle = (other[across] + other[across + 2]) / 2
    level = one[across] < middle < one[across + 2]
    return level and (other[along] >= one[along + 2] or other[along + 2] <= one[along])
