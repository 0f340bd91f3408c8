"""The check for blank pages: a page without ink has no text, and needs no OCR."""

from __future__ import annotations

import numpy as np

from slimgest_celery.engines.protocol import Image

# The contrast of ink with the paper, of 255, at low resolution. Pale grey print of 10 points has about 20; the noise of
# a scanner's sensor stays below 10.
_INK = 12
_LOW_DPI = 50.0
_STRONG_INK, _MIN_STRONG_PIXELS = 96, 100  # a page with so many sampled pixels of this contrast has ink
_SAMPLE_STEP = 4  # in pixels, in both directions


def is_blank(image: Image, dpi: float) -> bool:
    """Return True if a page (height x width x 3) that was rendered at `dpi` has no ink at low resolution."""
    grey = image[:, :, 1]
    sample = grey[::_SAMPLE_STEP, ::_SAMPLE_STEP].astype(np.int16)
    paper = int(np.median(sample))
    if np.count_nonzero(np.abs(sample - paper) > _STRONG_INK) >= _MIN_STRONG_PIXELS:
        return False
    block = max(1, round(dpi / _LOW_DPI))
    height, width = (side - side % block for side in grey.shape)
    if not height or not width:  # the image is smaller than a block
        return False
    blocks = grey[:height, :width].reshape(height // block, block, width // block, block).mean(axis=(1, 3))
    return bool(np.abs(blocks - paper).max() < _INK)
