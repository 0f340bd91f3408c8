"""The comparison of two texts of one page: their letters, their words, and the order of these words. Pure functions.

Both texts are prepared in the same way, so that a difference of notation counts for nothing:

- Unicode's form NFKC: ligatures are expanded, accents are composed, superscripts are plain. Upper and lower case stay.
- White space, punctuation and invisible marks (of direction, soft hyphens) are no part of a letter or a word.
- A hyphen between two letters is removed with the white space after it: `pdftotext` joins words over a line end.
- Each Chinese or Japanese character is a word, because these languages have no spaces.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

_HYPHEN = re.compile("(?<=[^\\W\\d_])[-\u00ad\u2010\u2011]\\s*(?=[^\\W\\d_])")
_MARKS = re.compile("[\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\x00-\x08\x0e-\x1f\x7f]")
_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_WORD = re.compile(f"[{_UNSPACED}]|[^\\W_{_UNSPACED}]+")
_SHOWN_WORDS, _SHOWN_CHARACTERS = 12, 120


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The agreement of two texts; shares from 0 to 1."""

    letters: float  # F1 of the bags of letters and digits
    words: float  # F1 of the bags of words
    order: float  # see `order`
    our_letters: int
    their_letters: int
    missing: str  # words that only they found, shortened
    extra: str  # words that only we found, shortened


def compare(ours: str, theirs: str) -> Comparison:
    """Compare our text of a page with the other program's text."""
    ours, theirs = prepare(ours), prepare(theirs)
    our_letters, their_letters = letters(ours), letters(theirs)
    our_words, their_words = words(ours), words(theirs)
    return Comparison(
        letters=round(f1(our_letters, their_letters), 4),
        words=round(f1(Counter(our_words), Counter(their_words)), 4),
        order=round(order(our_words, their_words), 4),
        our_letters=our_letters.total(),
        their_letters=their_letters.total(),
        missing=only_in(their_words, our_words),
        extra=only_in(our_words, their_words),
    )


def without(theirs: str, ours: str, left_out: str) -> str:
    """Return their text as prepared words, without those words that only they found and that `left_out` contains."""
    their_words = words(prepare(theirs))
    only_theirs = Counter(their_words) - Counter(words(prepare(ours)))
    kept = Counter(their_words) - (only_theirs & Counter(words(prepare(left_out))))
    return " ".join(_only(their_words, kept))


def prepare(text: str) -> str:
    """Return a text without the differences that do not count."""
    return _MARKS.sub("", _HYPHEN.sub("", unicodedata.normalize("NFKC", text)))


def letters(text: str) -> Counter[str]:
    """Return the letters and digits of a prepared text, with their numbers."""
    return Counter(character for character in text if character.isalnum())


def words(text: str) -> list[str]:
    """Return the words of a prepared text: runs of letters and digits."""
    return _WORD.findall(text)


def f1(ours: Counter[str], theirs: Counter[str]) -> float:
    """Return the F1 score of two bags: 2 × what both contain / what each contains; 1 for two empty bags."""
    count = ours.total() + theirs.total()
    return 2 * (ours & theirs).total() / count if count else 1.0


def order(ours: Sequence[str], theirs: Sequence[str]) -> float:
    """Return the share of adjacent words that are adjacent in both texts; 1 for less than two words in common.

    Only the words that both texts contain count: what is missing is seen in `words`. A block at another place costs two
    pairs; two columns that are read across cost a pair for each line. A rank correlation would be the other way round:
    low for a heading that is read last, and high for text that is read across.
    """
    common = Counter(ours) & Counter(theirs)
    our_pairs, their_pairs = (Counter(pairwise(_only(text, common))) for text in (ours, theirs))
    count = our_pairs.total() + their_pairs.total()
    return 2 * (our_pairs & their_pairs).total() / count if count else 1.0


def only_in(some: Sequence[str], others: Sequence[str]) -> str:
    """Return the words that occur more often in the first text, in order; the number follows a list that is cut."""
    found = _only(some, Counter(some) - Counter(others))
    shown = " ".join(found[:_SHOWN_WORDS])
    if len(shown) > _SHOWN_CHARACTERS:
        shown = shown[:_SHOWN_CHARACTERS] + "…"
    return f"{shown} … ({len(found)} words)" if len(found) > _SHOWN_WORDS else shown


def _only(text: Sequence[str], bag: Counter[str]) -> list[str]:
    """Return the words of a text that are in the bag, each at most as often as there."""
    left = Counter(bag)
    found = []
    for word in text:
        if left[word] > 0:
            left[word] -= 1
            found.append(word)
    return found
