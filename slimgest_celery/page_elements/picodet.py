"""The layout model on OpenVINO: image → input of the network → boxes, as in PaddleDetection's PicoDet.

The network predicts at four scales, for each cell of a grid: the confidence of each kind, and for each edge of the box
a distribution over distances from the cell's middle. Only the cells above the threshold are converted: a few dozen.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from math import ceil

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from slimgest_celery.engines.openvino_model import FixedShapeModel, Tensor
from slimgest_celery.engines.protocol import Image
from slimgest_celery.geometry import Box, clip
from slimgest_celery.layout.structure.elements import PageElement
from slimgest_celery.models.page import RegionKind
from slimgest_celery.page_elements.layout_model_file import FILES, NAME

_WIDTH, _HEIGHT = 608, 800  # pixels of the network's input; the image is stretched to it
_STRIDES = (8, 16, 32, 64)  # pixels between the cells of each scale
_DISTANCES = np.arange(8, dtype=np.float32)  # of an edge from the middle of its cell, in strides
# Of the training images, by channel, as in PaddleDetection
_MEAN = np.array([0.485, 0.456, 0.406], np.float32) * 255
_SCALE = 1 / (np.array([0.229, 0.224, 0.225], np.float32) * 255)
_LEVELS = (np.arange(256, dtype=np.float32) - _MEAN[:, np.newaxis]) * _SCALE[:, np.newaxis]  # of each channel, as input
_KINDS = (
    RegionKind.TEXT,
    RegionKind.TITLE,
    RegionKind.FIGURE,
    RegionKind.CAPTION,  # of a figure
    RegionKind.TABLE,
    RegionKind.CAPTION,  # of a table
    RegionKind.HEADER,
    RegionKind.FOOTER,
    RegionKind.TEXT,  # a list of references
    RegionKind.FORMULA,
)
_MIN_CONFIDENCE = 0.3  # what follows weighs several kinds of one place, so it takes unsure ones too
_MAX_OVERLAP = 0.5  # of two elements of one kind: intersection by union


class PicoDet:
    """Finds the elements of a page in about 40 ms of one core. The network is loaded for the first page."""

    name = "picodet-cdla"

    def __init__(self) -> None:
        """Check the file of the model. Raises `EngineUnavailable`."""
        self._file = FILES.find(NAME)

    @cached_property
    def _model(self) -> FixedShapeModel:
        return FixedShapeModel(self._file)

    def find(self, image: Image) -> list[PageElement]:
        """Return the elements of an upright page (height x width x 3, RGB)."""
        outputs = self._model.run_all(_as_input(image))
        confidences, boxes = _decode(outputs)
        return [
            PageElement(kind, float(confidences[index, column]), _as_fractions(boxes[index]))
            for column, kind in enumerate(_KINDS)
            for index in _without_repeats(confidences[:, column], boxes)
        ]


def _as_input(image: Image) -> Tensor:
    picture = Pillow.fromarray(np.ascontiguousarray(image))
    small = picture.resize((_WIDTH, _HEIGHT), Pillow.Resampling.BILINEAR, reducing_gap=2.0)
    pixels = np.asarray(small)
    tensor = np.empty((1, 3, _HEIGHT, _WIDTH), np.float32)
    for channel in range(3):
        np.take(_LEVELS[channel], pixels[:, :, channel], out=tensor[0, channel])
    return tensor


def _decode(outputs: Sequence[Tensor]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the confidence of each kind, and the box in pixels of the input, of each cell with an element."""
    confidences, boxes = [], []
    for stride, scores, edges in zip(_STRIDES, outputs, outputs[len(_STRIDES) :], strict=False):
        cells = np.flatnonzero(scores[0].max(axis=1) > _MIN_CONFIDENCE)
        weights = np.exp(edges[0][cells].reshape(-1, 4, len(_DISTANCES)))
        distances = (weights * _DISTANCES).sum(axis=2) / weights.sum(axis=2) * stride
        rows, columns = np.divmod(cells, ceil(_WIDTH / stride))
        x, y = (columns + 0.5) * stride, (rows + 0.5) * stride
        left, top, right, bottom = distances.T
        boxes.append(np.stack([x - left, y - top, x + right, y + bottom], axis=1))
        confidences.append(scores[0][cells])
    return np.concatenate(confidences), np.concatenate(boxes)


def _without_repeats(confidences: NDArray[np.float32], boxes: NDArray[np.float32]) -> list[int]:
    """Return the cells with an element of this kind: the most confident one of those that overlap."""
    found: list[int] = []
    left = np.flatnonzero(confidences > _MIN_CONFIDENCE)
    left = left[np.argsort(-confidences[left])]
    while len(left):
        found.append(int(left[0]))
        left = left[1:][_overlap(boxes[left[0]], boxes[left[1:]]) < _MAX_OVERLAP]
    return found


def _overlap(box: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the intersection by union of a box with each of the others."""
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    shared: NDArray[np.float32] = np.clip(high - low, 0, None).prod(axis=1)
    areas = (others[:, 2:] - others[:, :2]).prod(axis=1) + (box[2:] - box[:2]).prod()
    overlap: NDArray[np.float32] = shared / np.maximum(areas - shared, 1e-6)
    return overlap


def _as_fractions(box: NDArray[np.float32]) -> Box:
    left, top, right, bottom = box.tolist()
    return clip((left / _WIDTH, top / _HEIGHT, right / _WIDTH, bottom / _HEIGHT))
