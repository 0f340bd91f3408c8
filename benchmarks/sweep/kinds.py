"""The kinds of difference between our text of a page and that of `pdftotext`, and who is right."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from benchmarks.sweep.compare import Comparison, compare, without

SAME_LETTERS, SAME_WORDS = 0.98, 0.95  # F1 from which two texts count as the same
_MIN_SCORE, _MIN_LEAD = 0.6, 0.02  # of the text that OCR agrees with


class Kind(StrEnum):
    """The kind of difference on a page; the first that fits."""

    SAME = "the same"
    UNSEEN = "the same but for text that is not seen"  # invisible or covered: slimgest leaves it out
    ALONE = "PDFium agrees with pdftotext"  # PDFium's plain text: so slimgest has lost or changed something
    SPACES = "the same letters, other words"
    MISSING = "slimgest finds less"
    EXTRA = "slimgest finds more"
    OTHER = "other letters"


def is_same(found: Comparison) -> bool:
    """Return True if the two texts count as the same; their order does not matter."""
    return found.letters >= SAME_LETTERS and found.words >= SAME_WORDS


def kind_of(ours: str, theirs: str, plain: Callable[[], str], unseen: Callable[[], str]) -> Kind:
    """Return the kind of difference. `plain` and `unseen` give PDFium's plain text and its text that is not seen."""
    found = compare(ours, theirs)
    if is_same(found):
        return Kind.SAME
    plain_text = plain()  # before `unseen`, which changes the page
    if is_same(compare(ours, without(theirs, ours, unseen()))):
        return Kind.UNSEEN
    if is_same(compare(plain_text, theirs)):
        return Kind.ALONE
    if found.letters >= SAME_LETTERS:
        return Kind.SPACES
    common = found.letters * (found.our_letters + found.their_letters) / 2
    if common >= SAME_LETTERS * found.our_letters:
        return Kind.MISSING
    return Kind.EXTRA if common >= SAME_LETTERS * found.their_letters else Kind.OTHER


class Verdict(StrEnum):
    """The text of a page that OCR of its image agrees with."""

    OURS = "slimgest"
    THEIRS = "pdftotext"
    NEITHER = "no verdict"  # OCR agrees with both as well, or with none: it may not know the script


def judge(ours: str, theirs: str, ocr: str) -> Verdict:
    """Return whose text is more like the text that OCR has read."""
    our_score, their_score = (
        (found.letters + found.words) / 2 for found in (compare(text, ocr) for text in (ours, theirs))
    )
    if max(our_score, their_score) < _MIN_SCORE or abs(our_score - their_score) < _MIN_LEAD:
        return Verdict.NEITHER
    return Verdict.OURS if our_score > their_score else Verdict.THEIRS
