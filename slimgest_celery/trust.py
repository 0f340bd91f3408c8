"""How far a page's text layer can be taken for what is printed. Pure: statistics of its lines, no pixels, no OCR.

A layer is trusted, distrusted for a reason, or in doubt; what settles a doubt, by reading a sample of the page, is in
proof.py. Reasons: `no_text`, `hidden_text` (nothing but invisible text), `garbled_text` (broken encodings),
`wrong_ocr_layer`, `text_beside_scan` (it does not cover what is printed).
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

from .text_layer import TextLine


def _letter(code: int) -> int:
    """1 to 26 for a Latin letter, with an accent or without, by its code in Latin-1; 0 for anything else."""
    letter = ord(unicodedata.normalize("NFD", chr(code))[0].lower()) - 96
    return letter if 1 <= letter <= 26 else 0


# What no text holds: the replacement character, private use, controls.
_BROKEN = re.compile("[\ufffd\ue000-\uf8ff\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_BEYOND_LATIN = re.compile("[^\x00-\xff]")
# UTF-8 read as Latin-1 or Windows-1252.
_MOJIBAKE = re.compile("[ÂÃÐÑâ][\x80-\xbf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]")
_BROKEN_SHARE = 0.1  # of the characters, from which text is garbled
_BROKEN_DOUBT = 0.02
_SIGNS_SHARE = 0.35  # of the characters that are neither letters, digits nor spaces: code has about a fifth
_SIGNS_LOOK = 0.05  # lines are looked at one by one from this share on; prose has less
_SUSPECT_LENGTH = 10  # characters of a line that say something
_SUSPECT_LEAST, _SUSPECT_SHARE = 100, 0.05  # characters, and share of the text, from which such lines matter
_VOWELS = frozenset("aeiouyæœøı")
_VOWEL_SHARE = (0.3, 0.6)  # of Latin letters in European languages, with room
_FEW_LETTERS = 60  # fewer say nothing of vowels
# How often each letter stands in European languages, roughly, in thousandths: texts in them reach about 60 on average,
# letters drawn by lot, or each taken for another, about 40.
_USUAL = dict(
    zip(
        "eainstorlducmphgvbfkzywjqx",
        (130, 85, 75, 73, 70, 68, 66, 65, 48, 40, 40, 32, 30, 25, 25, 18, 14, 14, 13, 12, 12, 11, 10, 6, 4, 3),
        strict=True,
    )
)
_USUAL_MEAN = 46
# Pairs of letters that are frequent in one or more of them: of their texts they make two thirds to five sixths, of
# letters taken for others at random a third, of vowels for vowels and consonants for consonants half at most.
_PAIRS = (
    "th he in er an re on at en nd ti es or te of ed is it al ar st to nt ng se ha as ou io le ve co me de hi ri ro ic "
    "ne ea ra ce li ch ll be ma si om ur ei ie ge un sc au di ss el da ht la et em ai qu ns tr pa us os do ta ad ue ci "
    "no ni ao ca ee aa va oo ij na rz sz cz za po ow wi zi ze pr ia ko ke sk ig fo av ya bi ir ka ak sa tt tu eg ek so "
    "wa ac pe ho il ec ol mo ot ut lo su sp ul ag am id ov je nn du uk ku yo lu vi um"
)
_PAIRS_SHARE = 0.55
_FEW_PAIRS = 200  # letters, of which fewer say nothing of pairs
_SCAN_COVER = 0.5  # a picture this large may be a scan of the page
_PART_COVER = 0.4  # one this large may be a scan of half of it; drawings and photographs are mostly smaller
_LITTLE_TEXT = 300  # characters: fewer on a scan may be a stamp, a header, a page number
_HARDLY_TEXT = 40  # fewer may be a page number beside letters that are drawn as outlines
_LITTLE_AREA = 0.08  # of the page


class Doubt(StrEnum):
    """What cheap statistics cannot tell of a text layer."""

    AGREEMENT = "agreement"  # whether it says what is printed
    COVERAGE = "coverage"  # whether it says all that is printed


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A page's text layer, and what is held of it."""

    lines: list[TextLine]  # those that count as printed
    score: float  # 0-1: how far it is trusted
    reason: str | None = None  # why it is not; None where it is, or is in doubt
    doubt: Doubt | None = None
    ocr: bool = False  # the layer is that of an OCR run, over a scan

    @property
    def trusted(self) -> bool:
        return self.reason is None and self.doubt is None

    @property
    def is_scarce(self) -> bool:
        """Whether it is so little that it may be a stamp, a header, a page number."""
        area = sum((line.box[2] - line.box[0]) * (line.box[3] - line.box[1]) for line in self.lines)
        return sum(len(line.text) for line in self.lines) < _LITTLE_TEXT or area < _LITTLE_AREA

    @property
    def likely(self) -> bool:
        """Whether it will probably be trusted."""
        return self.reason is None and self.score > 0.5


def weigh(lines: Sequence[TextLine], picture_cover: float) -> Layer:
    """A first opinion of a text layer; `picture_cover` is the share of the page that its largest picture covers."""
    scanned = picture_cover > _SCAN_COVER
    hidden = sum(len(line.text) for line in lines if line.hidden)
    everything = sum(len(line.text) for line in lines)
    ocr = scanned and 2 * hidden > everything
    printed = [line for line in lines if ocr or not line.hidden]
    text = "".join(line.text for line in printed)
    if not text.strip():
        return Layer(lines=printed, score=0.0, reason="hidden_text" if hidden else "no_text")
    layer = Layer(lines=printed, score=1 - broken_share(text), ocr=ocr)
    if 1 - layer.score > _BROKEN_SHARE:
        return replace(layer, reason="garbled_text")
    if len(text) < _HARDLY_TEXT or (scanned and layer.is_scarce):
        return replace(layer, score=0.5 if scanned else layer.score, doubt=Doubt.COVERAGE)
    if _PART_COVER < picture_cover <= _SCAN_COVER:
        return replace(layer, doubt=Doubt.COVERAGE)
    if scanned or is_odd(text) or suspects(printed):
        return replace(layer, score=0.5, doubt=Doubt.AGREEMENT)
    return layer


def broken_share(text: str) -> float:
    """The share of characters that no text holds, mojibake included."""
    if text.isprintable() and "\ufffd" not in text and not any(sign in text for sign in "ÂÃÐÑâ"):
        return 0.0
    return (len(_BROKEN.findall(text)) + 2 * len(_MOJIBAKE.findall(text))) / max(1, len(text))


def is_odd(text: str) -> bool:
    """Whether text looks unlike any language: broken here and there, mostly signs, or Latin of rare letters."""
    if broken_share(text) > _BROKEN_DOUBT:
        return True
    solid, signs, latin, vowels, usual = _weights(text)
    if signs > _SIGNS_SHARE * solid:
        return True
    # Few letters may be any; many are in numbers that some European language has.
    if latin <= _FEW_LETTERS:
        return False
    if not _VOWEL_SHARE[0] < vowels / latin < _VOWEL_SHARE[1] or usual / latin < _USUAL_MEAN:
        return True
    return latin >= _FEW_PAIRS and _usual_pairs(text) < _PAIRS_SHARE


def _usual_pairs(text: str) -> float:
    """The share of neighbouring Latin letters that often stand together in European languages."""
    codes = np.frombuffer(text.encode("latin-1", "replace"), dtype=np.uint8).astype(np.uint16)
    _others, unusual, usual = np.bincount(_pair_kinds()[codes[:-1] << 8 | codes[1:]], minlength=3).tolist()
    return usual / (unusual + usual) if unusual + usual else 1.0


@cache
def _pair_kinds() -> NDArray[np.uint8]:
    """Of two characters of Latin-1, by 256 times the first and the second: 0, 1 for letters, 2 for a usual pair."""
    letters = np.array([_letter(code) for code in range(256)], dtype=np.uint16)
    usual = np.zeros((32, 32), dtype=np.uint8)
    for one, other in map(tuple, _PAIRS.split()):
        usual[ord(one) - 96, ord(other) - 96] = 1
    both = (letters[:, None] > 0) & (letters > 0)
    return (both * (1 + usual[letters[:, None], letters])).astype(np.uint8).ravel()


def suspects(lines: Sequence[TextLine]) -> list[TextLine]:
    """The lines that are mostly signs, where they are many enough to be a drawing's or a table's broken text."""
    text = "".join(line.text for line in lines)
    solid, signs, *_ = _weights(text)
    if signs <= _SIGNS_LOOK * solid:
        return []
    found = [line for line in lines if len(line.text) >= _SUSPECT_LENGTH and _is_mostly_signs(line.text)]
    length = sum(len(line.text) for line in found)
    return found if length > max(_SUSPECT_LEAST, _SUSPECT_SHARE * len(text)) else []


def _is_mostly_signs(text: str) -> bool:
    solid, signs, *_ = _weights(text)
    return signs > _SIGNS_SHARE * solid


@lru_cache(maxsize=1)  # asked twice for each page
def _weights(text: str) -> tuple[int, ...]:
    """What `_weight` gives, of all characters of a text together."""
    counts = np.bincount(np.frombuffer(text.encode("latin-1", "ignore"), dtype=np.uint8), minlength=256)
    weights: list[int] = (counts @ _latin_weights()).tolist()
    if not text.isascii():
        for character, count in Counter(_BEYOND_LATIN.findall(text)).items():
            weights = [weight + count * its for weight, its in zip(weights, _weight(character), strict=True)]
    return tuple(weights)


@cache
def _latin_weights() -> NDArray[np.int64]:
    """What each character of Latin-1 adds."""
    return np.array([_weight(chr(code)) for code in range(256)])


@lru_cache(maxsize=10_000)
def _weight(character: str) -> tuple[int, int, int, int, int]:
    """What a character adds to the number of signs and letters, of signs, of Latin letters, of vowels, of usual ones.

    Accents add nothing; signs above U+2000, which are rules, bullets and mathematics, are no signs here.
    """
    solid = signs = latin = vowels = usual = 0
    for c in unicodedata.normalize("NFD", character).lower():
        if not c.isspace() and c != "." and not unicodedata.combining(c):
            solid += 1
            signs += not c.isalnum() and c < "\u2000"
        if c.isalpha() and c < "\u0250":
            latin, vowels, usual = latin + 1, vowels + (c in _VOWELS), usual + _USUAL.get(c, 0)
    return solid, signs, latin, vowels, usual


def agreement(one: str, other: str) -> float:
    """How alike two texts are, 0-1: Dice's coefficient over pairs of letters, whatever their order and spacing."""
    first, second = _pairs(one), _pairs(other)
    common = sum(min(count, second.get(pair, 0)) for pair, count in first.items())
    return 2 * common / max(1, sum(first.values()) + sum(second.values()))


def _pairs(text: str) -> dict[str, int]:
    letters = "".join(c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum())
    pairs: dict[str, int] = {}
    for index in range(len(letters) - 1):
        pair = letters[index : index + 2]
        pairs[pair] = pairs.get(pair, 0) + 1
    return pairs
