"""How alike two texts are."""

from __future__ import annotations

import re
from collections import Counter

from rapidfuzz.distance import Levenshtein


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def word_f1(found: str, truth: str) -> float:
    """F1 over bags of words: 1 where every word was found as often as it stands there."""
    ours, theirs = Counter(words(found)), Counter(words(truth))
    common = sum((ours & theirs).values())
    return 2 * common / max(1, ours.total() + theirs.total())


def order(found: str, truth: str) -> float:
    """1 where the words come in the same order: one minus the normalised edit distance over words."""
    return 1 - float(Levenshtein.normalized_distance(words(found), words(truth)))
