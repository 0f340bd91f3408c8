"""Words and where they stand. Records hold the boxes of lines and cells; within them, words are placed by the usual
widths of their letters, which comes within a letter or so of where they are."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

from ..model import Block

Box = tuple[float, float, float, float]  # left, top, right, bottom in 0-1 of the page as displayed

_WORD = re.compile(r"\S+")
# Widths in ems, after Helvetica.
_WIDTHS = {
    **dict.fromkeys("ijl'|", 0.22),
    **dict.fromkeys(" .,:;!I/\\ft[]", 0.28),
    **dict.fromkeys("r()-{}`", 0.33),
    **dict.fromkeys("cksvxyzJ", 0.5),
    **dict.fromkeys("wCDHNRUVXYABEKPS&", 0.7),
    **dict.fromkeys("GOQmM", 0.8),
    **dict.fromkeys("W%@—…", 0.97),
}
_USUAL, _WIDE = 0.56, 1.0


@dataclass(frozen=True, kw_only=True)
class Word:
    """A word of a block."""

    text: str
    box: Box


def words(block: Block, turned: int) -> Iterator[Word]:
    """A block's words in reading order, on a page that was turned by so many degrees clockwise to be upright."""
    until = [0.0, *accumulate(map(_width, block.text))]
    whole = until[-1] or 1.0
    backwards = is_right_to_left(block.text)
    for match in _WORD.finditer(block.text):
        start, end = until[match.start()] / whole, until[match.end()] / whole
        if backwards:
            start, end = 1 - end, 1 - start
        yield Word(text=match[0], box=_part(block.box, start, end, turned))


def is_right_to_left(text: str) -> bool:
    """Whether most letters of a text belong to a script that is written from the right."""
    if text.isascii():
        return False
    ways = [unicodedata.bidirectional(letter) for letter in text if letter.isalpha()]
    return 2 * sum(way in ("R", "AL") for way in ways) > len(ways)


@lru_cache(maxsize=4096)
def _width(letter: str) -> float:
    if letter in _WIDTHS:
        return _WIDTHS[letter]
    if unicodedata.combining(letter):
        return 0.0
    return _WIDE if unicodedata.east_asian_width(letter) in "WF" else _USUAL


def _part(box: Box, start: float, end: float, turned: int) -> Box:
    """The part of a line from `start` to `end`, 0-1 of its length in the direction it is read."""
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    if turned == 90:  # it is read upwards
        return left, bottom - end * height, right, bottom - start * height
    if turned == 180:
        return right - end * width, top, right - start * width, bottom
    if turned == 270:
        return left, top + start * height, right, top + end * height
    return left + start * width, top, left + end * width, bottom
