"""The characters that names of glyphs mean."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from fontTools import agl

# Adobe's names of variants, which its list maps to private use: small capitals, old-style figures, and others.
_VARIANT = re.compile(r"(.+?)(?:small|oldstyle|superior|inferior|fitted)")
_PRIVATE = re.compile("[\ue000-\uf8ff]")
_OTHER_NAMES = {"dotlessj": "ȷ", "angbracketleft": "⟨", "angbracketright": "⟩"}
# IBM's names (GCGID, in fonts that come from AFP documents): a class, a character, a variant and four zeros. The
# variants of a letter: an even number is a capital.
_IBM_LETTER = re.compile(r"L([A-Z])(\d\d)0000")
_IBM_ACCENTS = {1: "", 11: "\u0301", 13: "\u0300", 15: "\u0302", 17: "\u0308", 19: "\u0303", 27: "\u030a", 41: "\u0327"}
_IBM_DIGIT = re.compile(r"ND(0[1-9]|10)0000")
_IBM_SIGNS = {
    **{f"SP{number:02}0000": sign for number, sign in enumerate(" !¡\"'(),_-./:;?¿", 1)},
    **{f"SM{number:02}0000": sign for number, sign in enumerate("#%&*@[\\]", 1)},
    **{f"SA{number:02}0000": sign for number, sign in enumerate("+±<=>÷×", 1)},
    **{f"SC{number:02}0000": sign for number, sign in enumerate("¤£$¢¥", 1)},
    **{"SM110000": "{", "SM130000": "|", "SM140000": "}", "SM190000": "°", "LS610000": "ß", "SP300000": " "},
}


@lru_cache(maxsize=20_000)
def characters_of(name: str) -> str:
    """Return the characters of a glyph's name (Adobe Glyph List, its rules for other names, IBM's names), or ""."""
    if name in _OTHER_NAMES:
        return _OTHER_NAMES[name]
    found: str = agl.toUnicode(name)
    if not found or _PRIVATE.search(found):
        variant = _VARIANT.fullmatch(name)
        base: str = agl.toUnicode(variant[1]) if variant else ""
        return base if base and not _PRIVATE.search(base) else _ibm(name)
    return found


@lru_cache(maxsize=20_000)
def plain_character_of(name: str) -> str:
    """Return the character that PDFium finds for a glyph's name, or ""."""
    base = name.split(".", 1)[0]
    if "_" in base or not base:
        return ""
    found: str = agl.toUnicode(base)
    return found[:1]


def _ibm(name: str) -> str:
    if name in _IBM_SIGNS:
        return _IBM_SIGNS[name]
    if digit := _IBM_DIGIT.fullmatch(name):
        return str(int(digit[1]) % 10)
    letter = _IBM_LETTER.fullmatch(name)
    if not letter:
        return ""
    variant = int(letter[2])
    is_capital = variant % 2 == 0
    accent = _IBM_ACCENTS.get(variant - is_capital)
    if accent is None:
        return ""
    return unicodedata.normalize("NFC", (letter[1] if is_capital else letter[1].lower()) + accent)
