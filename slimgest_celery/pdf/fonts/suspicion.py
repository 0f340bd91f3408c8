"""Signs in a page's text that a font's map has errors. Cheap, because every page is checked. For pdf/ only."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice, repeat

import numpy as np
import pypdfium2.raw as raw
from numpy.typing import NDArray

from slimgest_celery.pdf import pdfium

# Characters that PDFium gives for codes without a character, or that a wrong map gives.
_BROKEN = re.compile("[\ufffd\ue000-\uf8ff\x01\x03-\x08\x0e-\x1f\x7f-\x9f]")
_MAX_PAGES = 200  # of a PDF, whose fonts are examined
_MAX_LETTER_CHECKS = 12  # pages of a PDF; the check costs half as much as reading a page
_SAMPLE = 32  # characters of a page
_MIN_REPEATED, _REPEATED_SHARE = 6, 0.3  # of one character: times, and share of the page
_MAX_LETTERS = 300  # whose width is compared
_TYPE3, _EMBEDDED = "type3", "embedded"
_LIGATURE_WIDTH = 1.7  # of the width of the letter


@dataclass(frozen=True, kw_only=True)
class MapErrors:
    """The shares of a page's characters that have no character in Unicode, 0-1, by a sample of the page."""

    share: float
    share_in_type3: float  # in Type 3 fonts: their codes are mostly the characters
    share_in_embedded: float  # in other embedded fonts. Those that are not embedded may be drawn with wrong glyphs.


NO_ERRORS = MapErrors(share=0.0, share_in_type3=0.0, share_in_embedded=0.0)


class Suspicion:
    """The check of one PDF's pages, for signs that the maps of their fonts have errors.

    It ends after many pages: fonts without a map are frequent in mathematics, and only some can be repaired.
    """

    def __init__(self) -> None:
        self._pages_left = _MAX_PAGES
        self._letter_checks_left = _MAX_LETTER_CHECKS

    def __call__(self, textpage: object, text: str, errors: MapErrors) -> bool:
        """Return True if the fonts of a page are to be examined. `text` is that of its lines."""
        if not self._pages_left:
            return False
        found = has_gaps(text, errors)
        if not found and self._letter_checks_left:
            self._letter_checks_left -= 1
            found = has_one_letter(text) or has_wide_letters(textpage)
        self._pages_left -= found
        return found


def has_gaps(text: str, errors: MapErrors) -> bool:
    """Return True if some characters of a page have no character in Unicode, or one that no text has."""
    return errors.share > 0 or bool(_BROKEN.search(text))


def find_map_errors(textpage: object) -> MapErrors:
    """Return the share of characters that have no character in Unicode. Spaces count as correct."""
    page, count = pdfium.address_of(textpage), max(0, raw.FPDFText_CountChars(textpage))
    sample = range(0, count, max(1, count // _SAMPLE))
    errors = map(pdfium.has_map_error, repeat(page), sample)
    wrong = [index for index, error in zip(sample, errors, strict=True) if error == 1]
    if not wrong:
        return NO_ERRORS
    fonts = [_font_kind(page, index) for index in wrong]
    share, in_type3, in_embedded = (
        count / len(sample) for count in (len(wrong), fonts.count(_TYPE3), fonts.count(_EMBEDDED))
    )
    return MapErrors(share=share, share_in_type3=in_type3, share_in_embedded=in_embedded)


def _font_kind(page: int, index: int) -> str:
    text_object = pdfium.get_text_object(page, index)
    font = pdfium.get_font(text_object) if text_object else None
    if not font or pdfium.is_font_embedded(font) != 1:
        return ""
    size = np.zeros(1, dtype=np.uintp)
    pdfium.get_font_data(font, None, 0, size.ctypes.data)
    return _EMBEDDED if size[0] else _TYPE3  # the only kind of font that is in the PDF and has no program


def has_one_letter(text: str) -> bool:
    """Return True if one letter is a large part of a page: a map may have it for many glyphs."""
    letters = "".join(text.split())
    return bool(letters) and max(Counter(letters).values()) > max(_MIN_REPEATED, _REPEATED_SHARE * len(letters))


def has_wide_letters(textpage: object) -> bool:
    """Return True if an "i" or "l" is as wide as a ligature beside others in its text object that are narrow.

    Some programs map all ligatures to their last letter: the codes of "fi", "ffi" and "i" are one letter then.
    """
    count = max(0, raw.FPDFText_CountChars(textpage))
    text = pdfium.read_units(textpage, count).tobytes().decode("utf-16-le", errors="replace")
    if len(text) != count:
        return False
    return any(_has_wide(pdfium.address_of(textpage), text, letter) for letter in "il")


def _has_wide(page: int, text: str, letter: str) -> bool:
    indices = [match.start() for match in islice(re.finditer(letter, text), _MAX_LETTERS)]
    edges = _char_edges(page, indices)
    items = list(map(pdfium.get_text_object, repeat(page), indices))
    widths = edges[:, 1] - edges[:, 0]
    narrowest: dict[int, float] = {}
    for item, width in zip(items, widths.tolist(), strict=True):
        if width > 0:
            narrowest[item] = min(width, narrowest.get(item, width))
    usual = np.array([narrowest.get(item, np.inf) for item in items])
    wide = np.flatnonzero(widths > _LIGATURE_WIDTH * usual)
    # PDFium gives all letters of a ligature the same box: then the font has the ligature.
    before = _char_edges(page, [max(0, indices[place] - 1) for place in wide])
    return bool((before[:, 0] != edges[wide, 0]).any())


def _char_edges(page: int, indices: Sequence[int]) -> NDArray[np.float64]:
    """Return the left, right, bottom and top edges of characters."""
    return pdfium.read_edges(pdfium.get_char_box, page, indices, range(4))
