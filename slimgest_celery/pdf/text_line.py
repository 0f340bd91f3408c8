"""A line of a PDF's text layer, and the corrections of PDFium's lines: splitting, plain spelling, clipping."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import NamedTuple

from slimgest_celery.geometry import PageBox, PdfRect, union
from slimgest_celery.models.page import BlockSource
from slimgest_celery.pdf import accents

_SURROGATE = re.compile("[\ud800-\udfff]")  # half of a character beyond U+FFFF, as PDFium has them
_BREAKS = re.compile("[\u2028\u2029]")
# PDFium's mark for a hyphen that it removed to join a word over two lines. Older and newer builds differ.
HYPHEN_MARK = re.compile("[\x02\ufffe]")
# Characters with a plainer spelling: Latin ligatures, Hebrew and Arabic presentation forms, soft hyphens and marks.
_FORMS = re.compile("[\ufb00-\ufdff\ufe70-\ufefc]+")
_SOFT = re.compile("[\x00\u00ad\u200b\u2060\ufeff]")
_PAIRS = (("(", ")"), ("[", "]"), ("{", "}"), ("«", "»"), ("‹", "›"))
RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]")
_MIN_SLOPE = 0.3  # degrees; lines with a smaller slope do not overlap each other
_MIN_ON_PAGE = 0.3  # of a line's area
OUTSIDE: PageBox = (0.0, 0.0, 0.0, 0.0)


class TextLine(NamedTuple):
    """A line of a page's text layer. A named tuple, because a frozen data class takes three times as long to make."""

    text: str
    box: PageBox
    size: float = 0.0  # of the type, in points; 0: not known
    turned: int = 0  # degrees clockwise from upright on the page as displayed: 0, 90, 180 or 270
    hidden: bool = False  # invisible: by its render mode, transparent, or covered
    white: bool = False  # visible only on a darker background
    under: bool = False  # a later object is over it
    slope: float = 0.0  # degrees clockwise, in addition to `turned`
    source: BlockSource = BlockSource.TEXT_LAYER
    words: tuple[TextLine, ...] = ()  # if some words are `under`, until it is known if these are hidden
    bold: bool = False  # all of it


def slope_of(lines: Sequence[TextLine]) -> float:
    """The slope of most of the text, in degrees clockwise; 0 if the text is straight."""
    if not any(line.slope for line in lines):
        return 0.0
    slopes = sorted((line.slope, len(line.text)) for line in lines)
    half = sum(length for _, length in slopes) / 2
    for slope, length in slopes:
        half -= length
        if half <= 0:
            return slope if abs(slope) >= _MIN_SLOPE else 0.0
    return 0.0


def split_hidden(line: TextLine, is_visible: Callable[[PageBox], bool]) -> list[TextLine]:
    """Split a line into its visible and its hidden parts."""
    parts: list[TextLine] = []
    for visible, words in groupby(line.words, key=lambda word: not word.under or is_visible(word.box)):
        run = list(words)
        if len(run) == len(line.words):
            return [line._replace(hidden=not visible, words=())]
        box = union([word.box for word in run])
        parts.append(line._replace(text=" ".join(word.text for word in run), box=box, hidden=not visible, words=()))
    return parts or [line]


def gap_between(before: PdfRect, after: PdfRect, axis: int) -> float:
    onward, backward = after[axis] - before[axis + 2], before[axis] - after[axis + 2]
    return onward if onward > backward else backward


def plain_text(text: str) -> str:
    """Replace ligatures and presentation forms, and remove soft hyphens except one at the end of the line."""
    text = text.strip(" \t\xa0")
    if text.isascii() and text.isprintable():
        return text
    if _SURROGATE.search(text):
        text = text.encode("utf-16-le", errors="surrogatepass").decode("utf-16-le", errors="replace")
    text = _BREAKS.sub(" ", HYPHEN_MARK.sub("-", text)).strip()
    text = accents.compose_marks(text)
    text = _FORMS.sub(lambda match: unicodedata.normalize("NFKC", match[0]), text)
    if RIGHT_TO_LEFT.search(text):
        text = pair_brackets(text)
    return _SOFT.sub("", text) + ("-" if text.endswith("\u00ad") else "")


def pair_brackets(text: str) -> str:
    """Let brackets and quotation marks in text from right to left open and close by turns.

    PDFs have them as they look or as they are meant, and PDFium cannot know which.
    """
    for opening, closing in _PAIRS:
        places = [index for index, character in enumerate(text) if character in (opening, closing)]
        if len(places) % 2 == 0 and "".join(text[index] for index in places) not in _nestings(opening, closing, places):
            letters = list(text)
            for turn, index in enumerate(places):
                letters[index] = closing if turn % 2 else opening
            text = "".join(letters)
    return text


def _nestings(opening: str, closing: str, places: Sequence[int]) -> tuple[str, str]:
    """The two usual orders of so many brackets: pair after pair, and all inside each other."""
    half = len(places) // 2
    return (opening + closing) * half, opening * half + closing * half


def is_on_page(box: PageBox) -> bool:
    """Return True if enough of a line is on the page."""
    left, top, right, bottom = box
    wide, high = max(right - left, 1e-6), max(bottom - top, 1e-6)
    shares = (min(right, 1) - max(left, 0)) / wide, (min(bottom, 1) - max(top, 0)) / high
    return min(shares) > 0 and shares[0] * shares[1] > _MIN_ON_PAGE
