"""A line of a PDF's text layer, and how PDFium's lines are mended: where they are split, what is spelled plainly."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from itertools import groupby, pairwise
from typing import NamedTuple

Box = tuple[float, float, float, float]  # left, top, right, bottom in 0-1 of the page as displayed
Bounds = tuple[float, float, float, float]  # left, bottom, right, top in points of the PDF

_BREAKS = re.compile("[\u2028\u2029]")
# PDFium's marks for a hyphen that it took out to join a word over two lines: older and newer builds differ.
JOINED = re.compile("[\x02\ufffe]")
# What has a plainer spelling with the same meaning: Latin ligatures, Hebrew and Arabic forms, soft hyphens and marks.
_FORMS = re.compile("[\ufb00-\ufdff\ufe70-\ufefc]+")
_SOFT = re.compile("[\u00ad\u200b\u2060\ufeff]")
# In heights of the line: a wider gap divides cells or columns; one run with letters further apart may hold one.
CELL_GAP = 1.0
_LETTERS_APART = 1.1
_LEAST_SLOPE = 0.3  # degrees; less does not bring lines into one another
_INSIDE = 0.3  # of a line's area that must be on the page
OUTSIDE: Box = (0.0, 0.0, 0.0, 0.0)


class TextLine(NamedTuple):
    """A line of a page's text layer. Named tuples take a third of a frozen data class's time to make."""

    text: str
    box: Box
    size: float = 0.0  # of the type, in points; 0: not known
    turned: int = 0  # degrees clockwise that it lies from upright on the page as displayed: 0, 90, 180 or 270
    hidden: bool = False  # invisible by design
    white: bool = False  # seen only where the ground is darker
    under: bool = False  # something painted later lies over it
    slope: float = 0.0  # degrees clockwise that it lies askew, beyond `turned`
    words: tuple[TextLine, ...] = ()  # of a line of which some are, until it is known whether that hides them


def slope_of(lines: Sequence[TextLine]) -> float:
    """How far most of the text lies askew, in degrees clockwise; 0 where it lies straight."""
    if not any(line.slope for line in lines):
        return 0.0
    letters = sorted((line.slope, len(line.text)) for line in lines)
    half = sum(length for _, length in letters) / 2
    for slope, length in letters:
        half -= length
        if half <= 0:
            return slope if abs(slope) >= _LEAST_SLOPE else 0.0
    return 0.0


def seen_parts(line: TextLine, is_seen: Callable[[Box], bool]) -> list[TextLine]:
    """A line, divided where words of it are hidden from those that are seen."""
    parts: list[TextLine] = []
    for seen, words in groupby(line.words, key=lambda word: not word.under or is_seen(word.box)):
        run = list(words)
        if len(run) == len(line.words):
            return [line._replace(hidden=not seen, words=())]
        left, top, right, bottom = zip(*(word.box for word in run), strict=True)
        box = min(left), min(top), max(right), max(bottom)
        parts.append(line._replace(text=" ".join(word.text for word in run), box=box, hidden=not seen, words=()))
    return parts or [line]


def may_be_divided(runs: list[Bounds], axis: int, least_gap: float, length: int) -> bool:
    """Whether a line is worth a look at each of its words: it has a gap, or is one run that is wide for its letters."""
    if len(runs) == 1:
        return runs[0][axis + 2] - runs[0][axis] > _LETTERS_APART * least_gap * length
    return any(gap(run, after, axis) >= least_gap for run, after in pairwise(runs))


def gap(before: Bounds, after: Bounds, axis: int) -> float:
    onward, backward = after[axis] - before[axis + 2], before[axis] - after[axis + 2]
    return onward if onward > backward else backward


def union(runs: list[Bounds]) -> Bounds:
    if len(runs) == 1:
        return runs[0]
    lefts, bottoms, rights, tops = zip(*runs, strict=True)
    return min(lefts), min(bottoms), max(rights), max(tops)


def plain(text: str) -> str:
    """Text without ligatures, presentation forms and soft hyphens; a hyphen that ends the line stays."""
    text = text.strip(" \t\xa0")
    if text.isascii() and text.isprintable():
        return text
    text = _BREAKS.sub(" ", JOINED.sub("-", text)).strip()
    text = _FORMS.sub(lambda match: unicodedata.normalize("NFKC", match[0]), text)
    return _SOFT.sub("", text) + ("-" if text.endswith("\u00ad") else "")


def is_inside(box: Box) -> bool:
    """Whether enough of a line is on the page."""
    left, top, right, bottom = box
    wide, high = max(right - left, 1e-6), max(bottom - top, 1e-6)
    seen = (min(right, 1) - max(left, 0)) / wide, (min(bottom, 1) - max(top, 0)) / high
    return min(seen) > 0 and seen[0] * seen[1] > _INSIDE


def clipped(box: Box) -> Box:
    left, top, right, bottom = (round(min(1.0, max(0.0, edge)), 5) for edge in box)
    return left, top, right, bottom
