"""The approximate boxes of words.

Page records have boxes of lines and cells only. The box of a word is computed from usual widths of characters, with an
error of about one character.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

from slimgest_celery.geometry import PageBox
from slimgest_celery.models.page import Block

_WORD = re.compile(r"\S+")
# Widths of characters in ems, as in Helvetica.
_WIDTHS = {
    **dict.fromkeys("ijl'|", 0.22),
    **dict.fromkeys(" .,:;!I/\\ft[]", 0.28),
    **dict.fromkeys("r()-{}`", 0.33),
    **dict.fromkeys("cksvxyzJ", 0.5),
    **dict.fromkeys("wCDHNRUVXYABEKPS&", 0.7),
    **dict.fromkeys("GOQmM", 0.8),
    **dict.fromkeys("W%@—…", 0.97),
}
_USUAL, _WIDE = 0.56, 1.0  # of other characters; of wide ones, such as Chinese


@dataclass(frozen=True, kw_only=True)
class Word:
    """A word of a block, with its approximate box."""

    text: str
    box: PageBox


def words(block: Block, rotation: int) -> Iterator[Word]:
    """Yield the words of a block in reading order.

    `rotation` is the number of degrees clockwise by which the page must be turned for the text to be upright.
    """
    ends = [0.0, *accumulate(map(_width, block.text))]
    whole = ends[-1] or 1.0
    backwards = is_right_to_left(block.text)
    for match in _WORD.finditer(block.text):
        start, end = ends[match.start()] / whole, ends[match.end()] / whole
        if backwards:
            start, end = 1 - end, 1 - start
        yield Word(text=match[0], box=_part(block.box, start, end, rotation))


def is_right_to_left(text: str) -> bool:
    """Return True if most letters of a text belong to a script that is written from right to left."""
    if text.isascii():
        return False
    classes = [unicodedata.bidirectional(character) for character in text if character.isalpha()]
    return 2 * sum(name in ("R", "AL") for name in classes) > len(classes)


@lru_cache(maxsize=4096)
def _width(character: str) -> float:
    if character in _WIDTHS:
        return _WIDTHS[character]
    if unicodedata.combining(character):
        return 0.0
    return _WIDE if unicodedata.east_asian_width(character) in "WF" else _USUAL


def _part(box: PageBox, start: float, end: float, rotation: int) -> PageBox:
    """Return the part of a line from `start` to `end`, in 0-1 of its length in reading direction."""
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    if rotation == 90:  # the line is read upwards
        return left, bottom - end * height, right, bottom - start * height
    if rotation == 180:
        return right - end * width, top, right - start * width, bottom
    if rotation == 270:
        return left, top + start * height, right, top + end * height
    return left + start * width, top, left + end * width, bottom
