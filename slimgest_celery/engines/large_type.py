"""Very large type: a text detector that sees a part of each letter does not find it. A reduced image is read too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from PIL import Image as Pillow

from slimgest_celery.engines.protocol import Image, OcrLine
from slimgest_celery.geometry import has_middle_in, scale

_REDUCTION = 8  # type of 250 pixels is then 31 pixels high
_MIN_HEIGHT = 250  # pixels; lower type is read in the whole image
_MIN_CONFIDENCE = 0.8
# Large type has strokes that are wide enough to fill squares of 17 pixels, with this contrast to the paper.
_STEP, _CONTRAST, _MIN_SQUARES = 8, 64, 40


def may_have_large_type(image: Image) -> bool:
    """Return True if an image (height x width x 3) has solid shapes, as very large type has. Takes 0.3 ms a page."""
    grey = image[::_STEP, ::_STEP, 1].astype(np.int16)
    ink = np.abs(grey - int(np.median(grey))) > _CONTRAST
    rows = ink[2:] & ink[1:-1] & ink[:-2]
    squares = rows[:, 2:] & rows[:, 1:-1] & rows[:, :-2]
    return bool(np.count_nonzero(squares) >= _MIN_SQUARES)


def reduce(image: Image) -> Image:
    """Return the image with an eighth of its width and height."""
    return np.asarray(Pillow.fromarray(np.ascontiguousarray(image)).reduce(_REDUCTION))


def merge(lines: Sequence[OcrLine], from_reduced: Sequence[OcrLine]) -> list[OcrLine]:
    """Return the lines of an image, with very large lines that were read in its reduced image.

    A large line replaces the parts of it that were read in the image, but not a line with as much other text. The box
    of the same text is better in the reduced image, where the detector sees whole letters.
    """
    found = list(lines)
    for line in from_reduced:
        large = replace(line, box=scale(line.box, _REDUCTION, _REDUCTION))
        if large.box[3] - large.box[1] < _MIN_HEIGHT or large.confidence < _MIN_CONFIDENCE:
            continue
        parts = [part for part in found if has_middle_in(part.box, large.box)]
        if all(len(part.text) < len(large.text) or part.text == large.text for part in parts):
            found = [line for line in found if line not in parts] + [large]
    return found
