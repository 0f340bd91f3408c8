"""The quality of a text layer, by statistics of its lines. Pure: uses no pixels and no OCR.

A layer is trusted, distrusted for a reason, or in question. text_layer_check.py answers the question from the page's
pixels; text_layer_decision.py lists all results.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from slimgest_celery.pdf.text_line import TextLine


def _letter(code: int) -> int:
    """Return 1 to 26 for the code in Latin-1 of a Latin letter, with or without accent; 0 for anything else."""
    letter = ord(unicodedata.normalize("NFD", chr(code))[0].lower()) - 96
    return letter if 1 <= letter <= 26 else 0


# Never in good text: the replacement character, private use, control characters.
_BROKEN = re.compile("[\ufffd\ue000-\uf8ff\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_BEYOND_LATIN = re.compile("[^\x00-\xff]")
# UTF-8 read as Latin-1 or Windows-1252.
_MOJIBAKE = re.compile("[ÂÃÐÑâ][\x80-\xbf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]")
_BROKEN_SHARE = 0.1  # of the characters: text with more is garbled
_FEW_BROKEN_SHARE = 0.02  # text with more is odd
_SIGNS_SHARE = 0.35  # characters that are neither letters, digits nor spaces; in code about a fifth
_LINE_CHECK_SIGNS_SHARE = 0.05  # with more signs than this, each line is checked; prose has fewer
_MIN_LINE_LENGTH = 10  # characters; shorter lines are not checked
_MIN_SUSPICIOUS, _MIN_SUSPICIOUS_SHARE = 100, 0.05  # characters, and share of the text, for lines to count
_VOWELS = frozenset("aeiouyæœøı")
_VOWEL_SHARE = (0.3, 0.6)  # of Latin letters in European languages, with a margin
_MIN_LETTERS = 60  # with fewer, the share of vowels is no evidence
# The approximate frequency of each letter in European languages, in thousandths. The mean over a text in one of them is
# about 60; over random letters, or letters replaced by others, about 40.
_FREQUENCY = dict(
    zip(
        "eainstorlducmphgvbfkzywjqx",
        (130, 85, 75, 73, 70, 68, 66, 65, 48, 40, 40, 32, 30, 25, 25, 18, 14, 14, 13, 12, 12, 11, 10, 6, 4, 3),
        strict=True,
    )
)
_LATIN_SHARE = 0.6  # of the characters of text in a Latin script; the others are digits and signs
_MIN_MEAN_FREQUENCY = 46
# Pairs of letters that are frequent in at least one of them. They are two thirds to five sixths of the pairs in a text;
# a third if letters are replaced at random; half at most if vowels replace vowels and consonants replace consonants.
_FREQUENT_PAIRS = (
    "th he in er an re on at en nd ti es or te of ed is it al ar st to nt ng se ha as ou io le ve co me de hi ri ro ic "
    "ne ea ra ce li ch ll be ma si om ur ei ie ge un sc au di ss el da ht la et em ai qu ns tr pa us os do ta ad ue ci "
    "no ni ao ca ee aa va oo ij na rz sz cz za po ow wi zi ze pr ia ko ke sk ig fo av ya bi ir ka ak sa tt tu eg ek so "
    "wa ac pe ho il ec ol mo ot ut lo su sp ul ag am id ov je nn du uk ku yo lu vi um"
)
_MIN_PAIRS_SHARE = 0.55
_MIN_LETTERS_FOR_PAIRS = 200  # with fewer, the share of frequent pairs is no evidence
_SCAN_COVER = 0.5  # a picture of more than this share of the page may be a scan of it
_LITTLE_TEXT = 300  # characters; fewer on a scan may be a stamp, a header or a page number
_VERY_LITTLE_TEXT = 40  # characters; fewer may be a page number beside letters drawn as outlines
_LITTLE_AREA = 0.08  # of the page


class OpenQuestion(StrEnum):
    """A question about a text layer that statistics cannot answer."""

    AGREEMENT = "agreement"  # is its text what is printed?
    COVERAGE = "coverage"  # is all that is printed in it?


@dataclass(frozen=True, kw_only=True)
class TextLayer:
    """A page's text layer and its assessment."""

    lines: list[TextLine]  # those that count as printed
    score: float  # 0-1: the trust in it
    reason: str | None = None  # why it is distrusted; None if it is trusted or in question
    open_question: OpenQuestion | None = None
    is_ocr: bool = False  # an OCR program added it to a scan
    is_over_scan: bool = False
    is_unmapped: bool = False  # the fonts do not say what many of its characters are, and statistics cannot
    fonts_in_question: frozenset[str] = frozenset()  # that a sample is to check

    @property
    def text(self) -> str:
        """All lines, one after the other."""
        return "".join(line.text for line in self.lines)

    @property
    def is_trusted(self) -> bool:
        return self.reason is None and self.open_question is None

    @property
    def is_scarce(self) -> bool:
        """True if it is so little text that it may be a stamp, a header or a page number."""
        area = sum((line.box[2] - line.box[0]) * (line.box[3] - line.box[1]) for line in self.lines)
        return sum(len(line.text) for line in self.lines) < _LITTLE_TEXT or area < _LITTLE_AREA

    @property
    def is_probably_trusted(self) -> bool:
        """True if its open question, if any, will probably be answered in its favour."""
        return self.reason is None and self.score > 0.5


def assess(lines: Sequence[TextLine], picture_cover: float) -> TextLayer:
    """Assess a text layer; `picture_cover` is the share of the page that its largest picture covers."""
    scanned = picture_cover > _SCAN_COVER
    hidden = sum(len(line.text) for line in lines if line.hidden)
    total = sum(len(line.text) for line in lines)
    is_ocr = scanned and 2 * hidden > total
    printed = [line for line in lines if is_ocr or not line.hidden]
    text = "".join(line.text for line in printed)
    if not text.strip():
        return TextLayer(lines=printed, score=0.0, reason="hidden_text" if hidden else "no_text")
    layer = TextLayer(lines=printed, score=1 - broken_share(text), is_ocr=is_ocr, is_over_scan=scanned)
    if 1 - layer.score > _BROKEN_SHARE:
        return replace(layer, reason="garbled_text")
    if len(text) < _VERY_LITTLE_TEXT or (scanned and layer.is_scarce):
        return replace(layer, score=0.5 if scanned else layer.score, open_question=OpenQuestion.COVERAGE)
    if scanned or is_odd(text) or suspicious_lines(printed):
        return replace(layer, score=0.5, open_question=OpenQuestion.AGREEMENT)
    return layer


def broken_share(text: str) -> float:
    """Return the share of characters that good text never has, including mojibake."""
    if text.isprintable() and "\ufffd" not in text and not any(sign in text for sign in "ÂÃÐÑâ"):
        return 0.0
    return (len(_BROKEN.findall(text)) + 2 * len(_MOJIBAKE.findall(text))) / max(1, len(text))


def is_odd(text: str) -> bool:
    """Return True for text unlike any language: partly broken, mostly signs, or Latin with rare letters."""
    if broken_share(text) > _FEW_BROKEN_SHARE:
        return True
    solid, signs, *_ = _weights(text)
    return signs > _SIGNS_SHARE * solid or has_rare_letters(text)


def reads_as_latin(text: str) -> bool:
    """Return True for text that is mostly Latin letters, enough of them, and with usual frequencies."""
    solid, _signs, latin, *_ = _weights(text)
    return latin > max(_MIN_LETTERS, _LATIN_SHARE * solid) and not is_odd(text)


def has_rare_letters(text: str) -> bool:
    """Return True for Latin text with a share of vowels, letters or pairs that no European language has."""
    _solid, _signs, latin, vowels, frequency = _weights(text)
    if latin <= _MIN_LETTERS:  # a few letters may have any frequency
        return False
    if not _VOWEL_SHARE[0] < vowels / latin < _VOWEL_SHARE[1] or frequency / latin < _MIN_MEAN_FREQUENCY:
        return True
    return latin >= _MIN_LETTERS_FOR_PAIRS and _frequent_pairs_share(text) < _MIN_PAIRS_SHARE


def _frequent_pairs_share(text: str) -> float:
    """Return the share of neighbouring Latin letters that are frequent pairs in European languages."""
    codes = np.frombuffer(text.encode("latin-1", "replace"), dtype=np.uint8).astype(np.uint16)
    _others, rare, frequent = np.bincount(_pair_kinds()[codes[:-1] << 8 | codes[1:]], minlength=3).tolist()
    return frequent / (rare + frequent) if rare + frequent else 1.0


@cache
def _pair_kinds() -> NDArray[np.uint8]:
    """Return a table by 256 x first + second code in Latin-1: 2 a frequent pair, 1 other letters, 0 the rest."""
    letters = np.array([_letter(code) for code in range(256)], dtype=np.uint16)
    frequent = np.zeros((32, 32), dtype=np.uint8)
    for one, other in map(tuple, _FREQUENT_PAIRS.split()):
        frequent[ord(one) - 96, ord(other) - 96] = 1
    both = (letters[:, None] > 0) & (letters > 0)
    return (both * (1 + frequent[letters[:, None], letters])).astype(np.uint8).ravel()


def suspicious_lines(lines: Sequence[TextLine]) -> list[TextLine]:
    """Return the lines that are mostly signs, if there are enough for broken text of a drawing or a table."""
    text = "".join(line.text for line in lines)
    solid, signs, *_ = _weights(text)
    if signs <= _LINE_CHECK_SIGNS_SHARE * solid:
        return []
    found = [line for line in lines if len(line.text) >= _MIN_LINE_LENGTH and _is_mostly_signs(line.text)]
    length = sum(len(line.text) for line in found)
    return found if length > max(_MIN_SUSPICIOUS, _MIN_SUSPICIOUS_SHARE * len(text)) else []


def _is_mostly_signs(text: str) -> bool:
    if text.isascii():  # most lines: a tenth of the time
        solid = text.encode().translate(None, _NOT_SOLID)
        return len(solid) - len(solid.translate(None, _SIGNS)) > _SIGNS_SHARE * len(solid)
    solid_count, signs, *_ = _weights(text)
    return signs > _SIGNS_SHARE * solid_count


@lru_cache(maxsize=1)  # called twice for each page
def _weights(text: str) -> tuple[int, ...]:
    """Return the sums of `_weight` over a text."""
    counts = np.bincount(np.frombuffer(text.encode("latin-1", "ignore"), dtype=np.uint8), minlength=256)
    weights: list[int] = (counts @ _latin_weights()).tolist()
    if not text.isascii():
        for character, count in Counter(_BEYOND_LATIN.findall(text)).items():
            weights = [weight + count * added for weight, added in zip(weights, _weight(character), strict=True)]
    return tuple(weights)


@cache
def _latin_weights() -> NDArray[np.int64]:
    """Return `_weight` of each character of Latin-1."""
    return np.array([_weight(chr(code)) for code in range(256)])


@lru_cache(maxsize=10_000)
def _weight(character: str) -> tuple[int, int, int, int, int]:
    """Return what a character adds to five sums: solid characters, signs, Latin letters, vowels, letter frequency.

    Accents add nothing. Signs from U+2000 on are not counted as signs: they are rules, bullets and mathematics.
    """
    solid = signs = latin = vowels = frequency = 0
    for c in unicodedata.normalize("NFD", character).lower():
        if not c.isspace() and c != "." and not unicodedata.combining(c):
            solid += 1
            signs += not c.isalnum() and c < "\u2000"
        if c.isalpha() and c < "\u0250":
            latin, vowels, frequency = latin + 1, vowels + (c in _VOWELS), frequency + _FREQUENCY.get(c, 0)
    return solid, signs, latin, vowels, frequency


_NOT_SOLID, _SIGNS = (
    bytes(code for code in range(128) if _weight(chr(code))[:2] == weight) for weight in ((0, 0), (1, 1))
)


# A zero with a slash is often read as Q, one with a dot as O.
_LOOK_ALIKE = str.maketrans({"0": "o", "q": "o", "1": "l", "i": "l"})


def agreement(one: str, other: str) -> float:
    """Return the similarity of two texts, 0-1: Dice's coefficient over pairs of letters, without order and spacing."""
    if one.split() == other.split():  # also signs alone
        return 1.0
    first, second = _pairs(one), _pairs(other)
    common = sum(min(count, second.get(pair, 0)) for pair, count in first.items())
    return 2 * common / max(1, sum(first.values()) + sum(second.values()))


def _pairs(text: str) -> dict[str, int]:
    # Without accents, and with one of the characters that OCR takes for each other.
    letters = "".join(c for c in unicodedata.normalize("NFKD", text).casefold() if c.isalnum()).translate(_LOOK_ALIKE)
    pairs: dict[str, int] = {}
    for index in range(len(letters) - 1):
        pair = letters[index : index + 2]
        pairs[pair] = pairs.get(pair, 0) + 1
    return pairs
