"""Finds the lines of text in an image, with the text detector of PP-OCRv6."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from slimgest_celery.engines.openvino_model import FixedShapeModel, Tensor
from slimgest_celery.engines.protocol import Image
from slimgest_celery.engines.text_regions import TextRegion, find_regions

_TILE = 960  # pixels: the side of the square images for which the model is compiled; a larger one needs more memory
_OVERLAP = 128  # pixels that neighbouring tiles share, at least
_FIRST_SIDE = 1216  # pixels of the longer side at which an image is searched first: a page in two tiles
_FULL_SIDE = 2000  # at which it is searched if its type is small
_MIN_GAIN = 1.1  # of a second search: an image that is hardly reduced for the first one would show the same
_SMALL_TYPE = 22  # pixels of the image: the median height of its lines, with the space around them


class TextDetector:
    """Finds lines of text. Only an image with small type is searched at full size: most need a third of that time."""

    def __init__(self, model: Path, always_full_size: bool = False) -> None:
        self._model, self._always_full_size = FixedShapeModel(model), always_full_size

    @property
    def compiled_shapes(self) -> int:
        """The number of shapes for which the model is in memory."""
        return self._model.compiled_shapes

    def find(self, image: Image) -> list[TextRegion]:
        """Return the regions with text, in pixels of the image (height x width x 3, RGB)."""
        if self._always_full_size:
            return self._find(image, _FULL_SIDE)
        found = self._find(image, _FIRST_SIDE)
        is_reduced = max(image.shape[:2]) > _MIN_GAIN * _FIRST_SIDE
        if is_reduced and found and median(min(r.width, r.height) for r in found) < _SMALL_TYPE:
            return self._find(image, _FULL_SIDE)
        return found

    def _find(self, image: Image, longest: int) -> list[TextRegion]:
        height, width = image.shape[:2]
        ratio = min(1.0, longest / max(height, width))
        size = max(1, round(width * ratio)), max(1, round(height * ratio))
        picture = Pillow.fromarray(np.ascontiguousarray(image))
        if ratio < 1:
            picture = picture.resize(size, Pillow.Resampling.BILINEAR)
        regions = find_regions(self._probabilities(np.asarray(picture)))
        return [region.scaled(width / size[0], height / size[1]) for region in regions]

    def _probabilities(self, image: Image) -> NDArray[np.float32]:
        """The probability of text for each pixel of an image, which may be larger than a tile."""
        height, width = image.shape[:2]
        found = np.empty((height, width), np.float32)
        for y, top, bottom in tiles(height):
            for x, left, right in tiles(width):
                part = self._model.run(_as_input(image[y : y + _TILE, x : x + _TILE]))[0, 0]
                found[top:bottom, left:right] = part[top - y : bottom - y, left - x : right - x]
        return found


def tiles(length: int) -> Sequence[tuple[int, int, int]]:
    """Return where each tile starts along one side of an image, and the part of the side that is taken from it."""
    count = max(1, math.ceil((length - _OVERLAP) / (_TILE - _OVERLAP)))
    starts = [round(index * (length - _TILE) / (count - 1)) for index in range(count)] if count > 1 else [0]
    cuts = [0, *((start + before + _TILE) // 2 for before, start in pairwise(starts)), length]
    return [(start, *part) for start, part in zip(starts, pairwise(cuts), strict=True)]


def _as_input(image: Image) -> Tensor:
    """An image in the model's form: BGR, from -1 to 1, filled up with white to a square."""
    height, width = image.shape[:2]
    tensor = np.ones((1, 3, _TILE, _TILE), np.float32)
    inner = tensor[0, :, :height, :width]
    np.multiply(image[:, :, ::-1].transpose(2, 0, 1), np.float32(1 / 127.5), out=inner)
    inner -= 1
    return tensor
