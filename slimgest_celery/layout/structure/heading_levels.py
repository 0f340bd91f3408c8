"""The levels of a document's headings, from their type sizes, bold type and numbers. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

MAX_LEVEL = 6
# Larger than this ratio between the sizes of two headings: two levels. Heights in a scan vary with the letters.
_SAME_SIZE, _SAME_SIZE_OCR = 1.03, 1.09
# OCR may lose the space after a number: "2Nests". A word in capitals, as in "3D", is no such title.
NO_SPACE = r"(?-i:(?=[A-ZÀ-ÞΑ-ΩА-Я][a-zß-ÿα-ωа-я]))"
_NUMBER = re.compile(
    r"(?:(?:chapter|part|section|appendix|kapitel|teil|anhang|chapitre|annexe)\s+)?"
    rf"(?:(\d{{1,3}}(?:\.\d{{1,3}})*)[.)]?(?:\s|$|{NO_SPACE})|([A-Z](?:\.\d{{1,3}})*)[.)]?(?:\s|$))",
    re.IGNORECASE,
)


class Title(NamedTuple):
    """A heading of a document."""

    page_number: int
    first: int  # the index of its first block on the page
    text: str  # of its first block
    size: float  # of its type, in points; 0 if unknown
    bold: bool
    by_ocr: bool  # if so, the size is an estimate
    level: int  # that its page alone shows


def find_levels(titles: Sequence[Title]) -> list[int]:
    """Return the level of each heading: 1 is the highest."""
    if not titles or not all(title.size for title in titles):  # stored by a version without sizes
        return [title.level for title in titles]
    titles = _with_size_of_depth(titles)
    styles = _styles(titles)
    depths: defaultdict[tuple[int, bool], set[int]] = defaultdict(set)
    for title, style in zip(titles, styles, strict=True):
        if depth := numbering_depth(title.text):
            depths[style].add(depth)
    # A style whose headings are numbered "2", "2.1", … has a level for each depth; an unnumbered one has the first.
    steps = [
        (*style, sorted(depths[style]).index(depth) if (depth := numbering_depth(title.text)) else 0)
        for title, style in zip(titles, styles, strict=True)
    ]
    ranks = {step: rank for rank, step in enumerate(sorted(set(steps)), 1)}
    levels = [min(ranks[step], MAX_LEVEL) for step in steps]
    return [min(levels[:2]), *levels[1:]]  # the first heading may be a title in smaller type than the others


def numbering_depth(text: str) -> int:
    """Return the number of parts of the number of a heading: 2 for "2.3 Results"; 0 if it has none."""
    match = _NUMBER.match(text)
    if not match or (match[2] and match[2].isalpha() and not text[match.end(2) :].startswith((".", ")"))):
        return 0
    return (match[1] or match[2]).count(".") + 1


def _with_size_of_depth(titles: Sequence[Title]) -> list[Title]:
    """Return the headings; in a scan, those with a number have the usual size of the headings of their depth."""
    sizes: defaultdict[int, list[float]] = defaultdict(list)
    for title in titles:
        sizes[numbering_depth(title.text)].append(title.size)
    usual = {depth: median(found) for depth, found in sizes.items() if depth}
    return [
        title._replace(size=usual.get(numbering_depth(title.text), title.size)) if title.by_ocr else title
        for title in titles
    ]


def _styles(titles: Sequence[Title]) -> list[tuple[int, bool]]:
    """Return the style of each heading: the rank of its size, and False for bold type, which is higher."""
    order = sorted(range(len(titles)), key=lambda index: -titles[index].size)
    ranks: dict[int, int] = {}
    rank, largest = 0, titles[order[0]].size
    for index in order:
        same = _SAME_SIZE_OCR if titles[index].by_ocr else _SAME_SIZE
        if largest > same * titles[index].size:
            rank += 1
            largest = titles[index].size
        ranks[index] = rank
    return [(ranks[index], not title.bold) for index, title in enumerate(titles)]
