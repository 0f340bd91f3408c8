"""The type of lines in an image: how thick its strokes are, and how large it is.

Bold type and larger type have thicker strokes, by a third and more. The mean length of the dark runs along the rows of
pixels shows that within 3 % from line to line; the height of the box of a line varies by 10 % with its letters.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np

from slimgest_celery.engines.protocol import Image
from slimgest_celery.geometry import PixelBox

_MIN_CONTRAST = 40  # levels between the darkest pixel and the background
_MARGIN = 0.1  # of the height of a line, above and below it
_DESCENDER = re.compile("[gjpqy,;()/|]")
_MIN_INK = 0.15  # of the ink of the row with the most: the tail of a Q, below the other letters, has less
# The height of ink in type sizes, of letters without and with descenders.
_ABOVE, _WITH_DESCENDERS = 0.71, 0.92


class LineType(NamedTuple):
    """The type of a line, in pixels."""

    stroke: float  # the mean width of strokes
    size: float  # an estimate


def measure(image: Image, box: PixelBox, text: str) -> LineType | None:
    """Return the type of a line in an upright image, or None if it has no clear strokes."""
    left, top, right, bottom = (round(edge) for edge in box)
    margin = round(_MARGIN * (bottom - top))
    part = image[max(0, top - margin) : bottom + margin, max(0, left) : right, 1]
    if not part.size:
        return None
    darkest, background = int(part.min()), int(np.median(part[::2, ::2]))
    if background - darkest < _MIN_CONTRAST:  # white on black, or blank
        return None
    ink = part < (darkest + background) // 2
    runs = np.count_nonzero(ink[:, 1:] & ~ink[:, :-1]) + np.count_nonzero(ink[:, 0])
    if not runs:
        return None
    by_row = np.count_nonzero(ink, axis=1)
    rows = np.flatnonzero(by_row)
    share = _WITH_DESCENDERS
    if not _DESCENDER.search(text):
        share = _ABOVE
        rows = rows[: 1 + int(np.flatnonzero(by_row[rows] >= _MIN_INK * by_row.max())[-1])]
    return LineType(np.count_nonzero(ink) / runs, float(rows[-1] - rows[0] + 1) / share)
