"""The plausibility of lines that an engine read: a text that is much shorter than its box is not what is printed.

An engine reads a script that it does not know as a few signs, and may be sure of each. In lines of every script that
it knows, a letter is about as wide as half of the line's height, and at most as wide as the height.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from slimgest_celery.engines.protocol import OcrLine
from slimgest_celery.geometry import PixelBox

_MIN_DENSITY = (
    0.5  # letters in a square of the line's height: 2 in Latin, 1.2 in Chinese, below 0.25 in unknown scripts
)
_MIN_LENGTH = 3.0  # heights of a line; a shorter one may be a single sign
_UNREAD_SHARE = 0.5  # of the length of all lines: from here, the page is in a script that the engine does not know


def with_honest_confidence(lines: Sequence[OcrLine]) -> list[OcrLine]:
    """Return the lines; those with too little text for their box have less confidence."""
    return [replace(line, confidence=line.confidence * _filled(line)) if _filled(line) < 1 else line for line in lines]


def is_unread(lines: Sequence[OcrLine]) -> bool:
    """Return True if at least half of the printed lines have no text, or much too little."""
    lengths = [(_heights(line.box), _filled(line)) for line in lines]
    total = sum(length for length, _ in lengths)
    return total > 0 and sum(length for length, filled in lengths if filled < 1) >= _UNREAD_SHARE * total


def _filled(line: OcrLine) -> float:
    """Return the share of a line's box that its text fills: 1 for all plausible lines."""
    if not line.text.strip():
        return 0.0
    heights = _heights(line.box)
    if heights < _MIN_LENGTH:
        return 1.0
    return min(1.0, len(line.text.replace(" ", "")) / heights / _MIN_DENSITY)


def _heights(box: PixelBox) -> float:
    """Return the length of a line, in its heights; a vertical line is long too."""
    sides = sorted((box[2] - box[0], box[3] - box[1]))
    return sides[1] / max(sides[0], 1.0)
