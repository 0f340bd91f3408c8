"""The similarity of two texts."""

from __future__ import annotations

import re
from collections import Counter

from rapidfuzz.distance import Levenshtein


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def word_f1(found: str, truth: str) -> float:
    """Return the F1 score of two bags of words: 1 if every word was found as often as it occurs."""
    ours, theirs = Counter(words(found)), Counter(words(truth))
    common = sum((ours & theirs).values())
    return 2 * common / max(1, ours.total() + theirs.total())


def order(found: str, truth: str) -> float:
    """Return 1 if the words are in the same order: one minus the normalised edit distance of words."""
    return 1 - float(Levenshtein.normalized_distance(words(found), words(truth)))
