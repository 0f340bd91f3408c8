"""Accents that a PDF draws as characters of their own, over or under a letter. For pdf/ only."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

# Spacing accents, which TeX and others draw before or after the letter, and the combining marks for them.
_MARKS = {
    "`": "\u0300",
    "\u00b4": "\u0301",
    "^": "\u0302",
    "\u02c6": "\u0302",
    "~": "\u0303",
    "\u02dc": "\u0303",
    "\u00af": "\u0304",
    "\u02d8": "\u0306",
    "\u02d9": "\u0307",
    "\u00a8": "\u0308",
    "\u02da": "\u030a",
    "\u02dd": "\u030b",
    "\u02c7": "\u030c",
    "\u00b8": "\u0327",
    "\u02db": "\u0328",
}
_DOTLESS = {"\u0131": "i", "\u0237": "j"}
_ACCENT = re.compile("[" + re.escape("".join(_MARKS)) + "]")
_COMBINING = re.compile("[\u0300-\u036f\u3099\u309a]")
FILLER = "\u2060"  # takes the place of a composed accent, so that the indices of characters stay; no text has it later


def compose(text: str, is_over: Callable[[int, int], bool]) -> str:
    """Return the text with each accent composed with the letter that it is drawn over; as long as before.

    `is_over(accent, letter)` returns, by the indices of two characters, True if they are drawn at one place.
    """
    if not _ACCENT.search(text):
        return text
    letters = list(text)
    for match in _ACCENT.finditer(text):
        accent = match.start()
        for letter in (accent + 1, accent - 1):
            composed = _compose(letters[letter], match[0]) if 0 <= letter < len(letters) else ""
            if composed and is_over(accent, letter):
                letters[letter], letters[accent] = composed, FILLER
                break
    return "".join(letters)


def compose_marks(text: str) -> str:
    """Return the text with combining marks composed with the letters before them, where Unicode has such a letter."""
    return unicodedata.normalize("NFC", text) if _COMBINING.search(text) else text


def _compose(letter: str, accent: str) -> str:
    """Return the letter with this accent as one character, or nothing if Unicode has none."""
    composed = unicodedata.normalize("NFC", _DOTLESS.get(letter, letter) + _MARKS[accent])
    return composed if len(composed) == 1 and letter.isalpha() else ""
