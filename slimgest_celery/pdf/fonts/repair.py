"""The map of a font from character codes to characters: judged, and repaired without OCR where the font allows it.

A font has up to three maps (PDF 32000-1:2008, 9.10.2): the ToUnicode CMap, the names of its glyphs, and the tables of
its embedded program. ToUnicode is kept where nothing speaks against it. The names and the program are followed only
where ToUnicode has nothing, or nothing plausible, or one letter for different ligatures; and only in a font where they
agree with the rest of ToUnicode.

For limited worker children only: qpdf and fontTools parse parts of the PDF.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pikepdf

from slimgest_celery.pdf.fonts import cmaps
from slimgest_celery.pdf.fonts.font_codes import FontCodes, read_codes

# Never the character of a printed glyph.
_IMPLAUSIBLE = re.compile("[\ufffd\ufffe\uffff\ue000-\uf8ff\x00-\x1f\x7f-\x9f\U000f0000-\U0010ffff]")
_MIN_COMMON, _MIN_AGREEMENT = 4, 0.7  # codes, and the share of them, on which a program agrees with ToUnicode
_MANY, _MANY_SHARE = 4, 0.2  # codes, and the share of all, with one character: not only variants of one letter


def find_repair(font: Any, *, has_gaps: bool = True) -> dict[int, str] | None:
    """Return a complete map, by code, for a font whose map has errors; None if nothing can be repaired.

    `has_gaps`: characters of its pages have no map. Else a code that ToUnicode of a composite font lacks is not used.
    """
    declared, is_usable = _declared(font)
    known = {code: text for code, text in declared.items() if is_plausible(text)}
    codes = read_codes(font, known)
    evidence = codes.evidence() if codes and _may_have_errors(codes, declared, known) else {}
    if not codes or _contradicts(evidence, known, codes.used):
        evidence = {}
    shared = _shared(known, codes.used) if codes else Counter()
    if declared and not has_gaps and font.get("/Subtype") == "/Type0":
        evidence = {code: text for code, text in evidence.items() if code in declared}
    better = {code: text for code, text in evidence.items() if _is_better(text, known.get(code), shared)}
    default = {code: "" if code in declared else codes.default(code) for code in better} if codes else {}
    changed = any(code in known or _are_different(text, default[code]) for code, text in better.items())
    if not changed and (is_usable or not known):
        return None
    return {code: text for code, text in {**declared, **better}.items() if text}


def is_plausible(text: str) -> bool:
    """Return True if a text can be what a glyph shows."""
    return bool(text) and not _IMPLAUSIBLE.search(text)


def _declared(font: Any) -> tuple[dict[int, str], bool]:
    """Return a font's ToUnicode, and False if PDFium does not use it."""
    to_unicode = font.get("/ToUnicode", None)
    if not isinstance(to_unicode, pikepdf.Stream):
        return {}, True
    data = to_unicode.read_bytes()
    return cmaps.read_to_unicode(data), cmaps.is_usable(data)


def _may_have_errors(codes: FontCodes, declared: Mapping[int, str], known: Mapping[int, str]) -> bool:
    """Return False for a font in which nothing can be repaired, so that its program need not be read."""
    unknown = [code for code in codes.used if code not in known]
    if any(code in declared or not codes.has_plain_name(code) for code in unknown):
        return True
    return any(len(text) == 1 and text.isalpha() for text in _shared(known, codes.used))


def _shared(known: Mapping[int, str], used: frozenset[int]) -> Counter[str]:
    """Return the characters of several codes, with the number of their codes."""
    counts = Counter(known[code] for code in used if code in known and not known[code].isspace())
    return Counter({text: count for text, count in counts.items() if count > 1})


def _contradicts(evidence: Mapping[int, str], known: Mapping[int, str], used: frozenset[int]) -> bool:
    """Return True if the names or the program have other characters than ToUnicode for most codes."""
    shared = _shared(known, used)
    common = [code for code in evidence if code in known and known[code] not in shared]
    different = sum(_are_different(evidence[code], known[code]) for code in common)
    return len(common) >= _MIN_COMMON and different > (1 - _MIN_AGREEMENT) * len(common)


def _is_better(text: str, known: str | None, shared: Counter[str]) -> bool:
    """Return True if a text of a glyph replaces the one that ToUnicode has, if it is plausible."""
    if not is_plausible(text) or known is None:
        return is_plausible(text)
    plain = unicodedata.normalize("NFKC", text)
    is_ligature = len(known) == 1 and known.isalpha() and known in shared and len(plain) > 1 and known in plain
    is_one_for_many = shared[known] >= _MANY and shared[known] > _MANY_SHARE * shared.total()
    return (is_ligature or is_one_for_many) and _are_different(text, known)


def _are_different(one: str, other: str) -> bool:
    """Return False for two spellings of one character, and for spaces and hyphens of all kinds."""
    return _plain(one) != _plain(other)


def _plain(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text).casefold().strip()
    return "" if plain in ("-", "\u00ad", "\u2010", "\u2011", "\u02c9", "\u00af") else plain
