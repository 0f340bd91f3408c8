"""Headings in type of the text's size: bold ones, and those with a number such as "2.3 Results". Pure.

A paragraph that is bold or numbered is a heading only if it stands alone: it is short, ends no sentence, is not beside
another line, and text follows. A bold one is none where most of the page is bold. A numbered one has space above and
below, and no neighbour with a number of its kind, which would make both items of a list.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from slimgest_celery.geometry import is_beside
from slimgest_celery.layout.structure.heading_levels import NO_SPACE, numbering_depth
from slimgest_celery.layout.structure.lines import LayoutLine
from slimgest_celery.models.page import Paragraph

_MAX_LINES, _MAX_LENGTH, _MAX_NUMBERED_LENGTH = 3, 150, 80
_MAX_BOLD_SHARE = 0.4  # of the characters of a page
_MIN_SIZE = 0.95  # of the size of most text
_MIN_SPACE = 0.5  # of the height of a line, above and below a numbered heading
_LOWEST_LEVEL = 3
_BAD_END = re.compile(r"(?:[.,;:]|\.\s*\d+|\s\d+)$")  # of a sentence, a label, or an entry of a table of contents
_NUMBERED = re.compile(
    rf"(?:\d{{1,2}}(?:\.\d{{1,2}}){{1,3}}\.?|\d{{1,2}}\.?)(?:\s+[^\W\d_]|{NO_SPACE})|[IVX]{{1,4}}\.\s+[^\W\d_]"
)
# After a single number, the heading begins with a capital letter.
_CAPITAL = re.compile(rf"\S+\s+[^a-z]|[\d.]+{NO_SPACE}")
_BULLET = re.compile(r"[•◦▪‣●○■□*·–—-]\s|\(")
_LETTERS = re.compile(r"[^\W\d_]{2}")


def with_headings(paragraphs: Sequence[Paragraph], lines: Sequence[LayoutLine]) -> list[Paragraph]:
    """Return the paragraphs of a page, with those that are headings marked as such."""
    found = list(paragraphs)
    usual = _usual_size(lines)
    for index, paragraph in enumerate(paragraphs[:-1]):  # text follows a heading
        own = lines[paragraph.first : paragraph.last + 1]
        if paragraph.kind != "text" or not _may_be_heading(own, usual) or not _is_alone(paragraph, lines):
            continue
        if (own[0].bold and usual) or _is_numbered(paragraphs, index, lines):
            level = min(_LOWEST_LEVEL, numbering_depth(own[0].text) or _LOWEST_LEVEL)
            found[index] = paragraph.model_copy(update={"kind": "heading", "level": level})
    return found


def _usual_size(lines: Sequence[LayoutLine]) -> float:
    """Return the size of most text that is not bold; 0 if sizes are unknown, or if much of the page is bold."""
    plain = [line for line in lines if not line.bold]
    total = sum(len(line.text) for line in lines)
    if sum(len(line.text) for line in lines if line.bold) > _MAX_BOLD_SHARE * total:
        return 0.0
    lengths: dict[float, int] = {}
    for line in plain:
        lengths[line.size] = lengths.get(line.size, 0) + len(line.text)
    return max(lengths, key=lambda size: lengths[size], default=0.0)


def _may_be_heading(own: Sequence[LayoutLine], usual: float) -> bool:
    """Return True for a short bold or numbered paragraph that is no sentence."""
    first, last = own[0], own[-1]
    if len(own) > _MAX_LINES or not (all(line.bold for line in own) or _NUMBERED.match(first.text)):
        return False
    if first.role is not None or first.size < _MIN_SIZE * usual or sum(len(line.text) for line in own) > _MAX_LENGTH:
        return False
    return bool(_LETTERS.search(first.text)) and not _BAD_END.search(last.text) and not _BULLET.match(first.text)


def _is_alone(paragraph: Paragraph, lines: Sequence[LayoutLine]) -> bool:
    """Return True if no line is beside the paragraph, as a value beside its label."""
    around = lines[max(0, paragraph.first - 1) : paragraph.last + 2]
    return not any(is_beside(one.box, other.box) for one, other in pairwise(around))


def _is_numbered(paragraphs: Sequence[Paragraph], index: int, lines: Sequence[LayoutLine]) -> bool:
    """Return True for a line with a number that is no item of a list."""
    own = paragraphs[index]
    line = lines[own.first]
    depth = numbering_depth(line.text)
    if own.first != own.last or not depth or len(line.text) > _MAX_NUMBERED_LENGTH:
        return False
    if not _NUMBERED.match(line.text) or (depth == 1 and not _CAPITAL.match(line.text)):
        return False
    near = [lines[paragraphs[at].first] for at in (index - 1, index + 1) if at >= 0]
    if any(numbering_depth(other.text) == depth for other in near):
        return False
    height = line.box[3] - line.box[1]
    above = lines[own.first - 1] if own.first else None
    below = lines[own.last + 1]
    space = [below.box[1] - line.box[3], *([line.box[1] - above.box[3]] if above else [])]
    return all(not 0 <= gap < _MIN_SPACE * height for gap in space)
