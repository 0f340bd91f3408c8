"""Characters of codes that are numbers of glyphs, from the widths of the glyphs.

Most TrueType and OpenType fonts have their first glyphs in the order of ASCII, after two to five others, so that each
code is lower than its character by a constant. The widths show the constant: those of Latin letters are similar in all
proportional fonts. Measured on 1,207 fonts of public PDFs: of 652 with a shift 542 are found, none with another shift,
and no font in another order is taken for shifted.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import cache

import numpy as np
from fontTools.ttLib.standardGlyphOrder import standardGlyphOrder

from slimgest_celery.pdf.fonts.glyph_names import characters_of

# The widths of the characters 32 to 126 in Adobe's metrics of Helvetica and Times-Roman, in thousandths of the size.
_HELVETICA = (
    "278 278 355 556 556 889 667 191 333 333 389 584 278 333 278 278 556 556 556 556 556 556 556 556 556 556 278 278 "
    "584 584 584 556 1015 667 667 722 722 667 611 778 722 278 500 667 556 833 722 778 667 778 722 667 611 722 667 944 "
    "667 667 611 278 278 278 469 556 333 556 556 500 556 556 278 556 556 222 222 500 222 833 556 556 556 556 333 500 "
    "278 556 500 722 500 500 500 334 260 334 584"
)
_TIMES = (
    "250 333 408 500 500 833 778 180 333 333 500 564 250 333 250 278 500 500 500 500 500 500 500 500 500 500 278 278 "
    "564 564 564 444 921 722 667 667 722 611 556 722 722 333 389 722 611 889 722 722 556 722 667 556 611 722 722 944 "
    "722 722 611 333 278 333 469 500 333 444 500 444 500 444 333 500 500 278 278 500 278 778 500 500 500 500 333 389 "
    "278 500 500 722 500 500 444 480 200 480 541"
)
_REFERENCES = [[int(width) for width in row.split()] for row in (_HELVETICA, _TIMES)]
_FIRST, _LAST = 32, 126
_SHIFTS = range(28, 33)
_COMPARED_SHIFTS = range(20, 40)
_MIN_CODES, _MIN_CORRELATION, _MIN_LEAD = 12, 0.85, 0.15
_MIN_PAIRS, _MIN_EQUAL, _TOLERANCE = 2, 0.8, 0.02  # letters of one form, the share with one width, their difference
_WINDOWS_SHIFT = 29
_WINDOWS_FONT = re.compile(
    r"\b(?:Arial|Times ?New ?Roman|Courier ?New|Verdana|Tahoma|Georgia|Trebuchet)(?! ?Black| ?Narrow)"
)
_WINDOWS_CYRILLIC = {code: chr(0x410 - 570 + code) for code in range(570, 634)}
_LOOKALIKES = str.maketrans("АВЕКМНОРСТХаеорсух", "ABEKMHOPCTXaeopcyx")


def shifted_characters(widths: Mapping[int, float], font_name: str = "") -> dict[int, str]:
    """Return the characters of codes by their widths, in any unit; empty if the codes are not shifted."""
    correlations = {shift: _correlation(widths, shift) for shift in _COMPARED_SHIFTS}
    second, best = sorted(correlations, key=lambda shift: correlations[shift])[-2:]
    lead = correlations[best] - correlations[second]
    if best not in _SHIFTS or correlations[best] < _MIN_CORRELATION or lead < _MIN_LEAD:
        return {}
    found = {code - best: chr(code) for code in range(_FIRST, _LAST + 1)}
    plain = {text: widths[code] for code, text in found.items() if code in widths}
    if best == _WINDOWS_SHIFT and _WINDOWS_FONT.search(font_name):
        return found | _windows_order() | _WINDOWS_CYRILLIC
    for order in (_windows_order(), _WINDOWS_CYRILLIC, _latin_order(_LAST + 1 - best)):
        if not found.keys() & order.keys() and _share_of_equal(widths, plain, order) >= _MIN_EQUAL:
            found |= order
    return found


def _correlation(widths: Mapping[int, float], shift: int) -> float:
    """Return the correlation of the widths with those of the characters so many codes higher."""
    codes = [code for code, width in widths.items() if _FIRST <= code + shift <= _LAST and width > 0]
    if len(codes) < _MIN_CODES:
        return 0.0
    measured = np.array([widths[code] for code in codes])
    references = [[row[code + shift - _FIRST] for code in codes] for row in _REFERENCES]
    if not measured.std() or not all(np.std(reference) for reference in references):
        return 0.0
    return max(float(np.corrcoef(measured, reference)[0, 1]) for reference in references)


@cache
def _windows_order() -> dict[int, str]:
    """Return the characters of the glyphs after those of ASCII in Windows' core fonts, nearly Apple's order."""
    apple = standardGlyphOrder[standardGlyphOrder.index("Adieresis") :]
    names = ["Euro" if name == "currency" else name for name in apple if name not in ("nonbreakingspace", "apple")]
    return {code: text for code, name in enumerate(names, _LAST + 1 - _WINDOWS_SHIFT) if (text := characters_of(name))}


def _latin_order(first: int) -> dict[int, str]:
    """Return the characters of the glyphs after those of ASCII in fonts in the order of Latin-1."""
    return {code: chr(character) for code, character in enumerate(range(0xA0, 0x100), first)}


def _share_of_equal(widths: Mapping[int, float], plain: Mapping[str, float], order: Mapping[int, str]) -> float:
    """Return the share of letters that are as wide as those of the same form in ASCII; 0 if there are too few."""
    pairs = [
        (widths[code], plain[form])
        for code, text in order.items()
        if code in widths and (form := _ascii_form(text)) in plain
    ]
    equal = sum(abs(width - usual) <= _TOLERANCE * usual for width, usual in pairs)
    return equal / len(pairs) if len(pairs) >= _MIN_PAIRS else 0.0


def _ascii_form(text: str) -> str:
    """Return the letter of ASCII that a letter with an accent, or of another script, resembles; or ""."""
    form = unicodedata.normalize("NFD", text)[:1].translate(_LOOKALIKES)
    return form if form != text else ""
