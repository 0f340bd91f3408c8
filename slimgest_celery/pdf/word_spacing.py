"""Spaces between words, by the gaps between the advances of characters. Pure arithmetic. For pdf/ only.

PDFium adds a space where a gap is wide for the font. It misses narrow spaces of justified lines, and splits words whose
letters are spaced out. A line has gaps of two kinds: nearly the same between letters, and wider by a space.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

MIN_LETTERS = 6  # of a line that is examined; fewer gaps show no rule
_MAX_LETTERS_PER_WORD = 2.4  # of a line whose letters may be spaced out
# In type sizes, beyond the usual gap between two letters:
_SPACE = 0.09  # the least gap that is a space
_LEAST_SPACE = 0.05  # a space of PDFium's with a smaller gap is none, if letters have gaps of this width too
_NO_GAP = 0.02  # a space in a smaller gap is drawn under the ligature before it
_MIN_IN_ORDER = 0.7  # of the characters of a line, if their advances are right
_MAX_SPREAD = 0.06  # of the gaps below the median; if they differ more, the font's advances are wrong
_MAX_USUAL = 0.35  # the usual gap, in type sizes; with a wider one, these are not the letters of words
_MAX_WORD_GAP = 0.2  # the usual gap, if a whole line would become one word
_AFTER_LIGATURE = re.compile("f[filt] [a-z]")
_WITHOUT_SPACES = re.compile("[\u0e00-\u0eff\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]")


def may_be_wrong(text: str) -> bool:
    """Return True if a line seems to consist of single letters, or has a space that a ligature may cover."""
    if _AFTER_LIGATURE.search(text):
        return True
    words = text.count(" ") + 1
    if len(text) > (_MAX_LETTERS_PER_WORD + 2) * words:  # most lines
        return False
    return MIN_LETTERS <= sum(map(str.isalpha, text)) <= _MAX_LETTERS_PER_WORD * words


def correct_spaces(
    text: str, starts: NDArray[np.float64], ends: NDArray[np.float64], size: float, is_added: Callable[[int], bool]
) -> str:
    """Return the text with the spaces that its gaps show; the same text if they are right.

    `starts` and `ends` are the edges of the advance of each character along the line, in the unit of the type size.
    `is_added` returns, by the index of a space, True if PDFium has added it: then it is no character of the PDF.
    """
    glyphs = _visible(text)
    before, after = glyphs[:-1], glyphs[1:]
    if len(glyphs) < MIN_LETTERS or _WITHOUT_SPACES.search(text) or _are_turned(starts[glyphs]):
        return text
    gaps = (starts[after] - ends[before]) / max(size, 1e-6)
    usual = _usual_gap(gaps[starts[after] != starts[before]])  # not within ligatures, whose letters share their advance
    if usual is None:
        return text
    has_space = after - before > 1
    is_in_ligature = np.append(False, starts[1:] == starts[:-1])[before] & (gaps < _NO_GAP)
    is_space = (has_space & ~is_in_ligature) | (gaps > max(usual, 0.0) + _SPACE)
    if usual > _LEAST_SPACE:  # the letters are spaced out
        for place in np.flatnonzero(has_space & (gaps < usual + _LEAST_SPACE)).tolist():
            first, second = int(before[place]), int(after[place])
            if text[first].isalpha() and text[second].isalpha() and is_added(first + 1):
                is_space[place] = False
    if np.array_equal(is_space, has_space) or (usual > _MAX_WORD_GAP and not is_space.any()):
        return text
    spaces = [" " if space else "" for space in is_space.tolist()] + [""]
    return "".join(text[index] + space for index, space in zip(glyphs.tolist(), spaces, strict=True))


def _visible(text: str) -> NDArray[np.intp]:
    """The indices of the characters that are no spaces."""
    return np.flatnonzero(np.fromiter(map(str.isspace, text), dtype=bool, count=len(text)) == 0)


def _are_turned(starts: NDArray[np.float64]) -> bool:
    """Return True if the characters do not follow each other: PDFium does not turn the advances of turned text."""
    return bool(np.count_nonzero(starts[1:] > starts[:-1]) < _MIN_IN_ORDER * (len(starts) - 1))


def _usual_gap(gaps: NDArray[np.float64]) -> float | None:
    """The usual gap between letters in type sizes; None if the gaps have no rule."""
    if not len(gaps):
        return None
    in_order = np.sort(gaps)
    low, usual = float(in_order[len(gaps) // 10]), float(in_order[len(gaps) // 2])
    return None if usual - low > _MAX_SPREAD or usual > _MAX_USUAL else usual
