"""Reads lines of text, with a text recogniser of PP-OCRv6."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from slimgest_celery.engines.openvino_model import DynamicModel, Tensor
from slimgest_celery.engines.text_regions import TextRegion

_HEIGHT = 48  # pixels, of a line as the model reads it
# Pixels to which images of lines are filled up: each width keeps some MB in memory. Longer lines are narrowed.
_WIDTHS = (128, 256, 512, 768, 1024, 1280, 1536, 2048, 3072, 4096, 6144)
_UPRIGHT = 1.5  # a region that is higher than wide by this ratio is text that runs upwards
_LEVEL = 1.0  # pixels by which a line may rise from end to end, to be cut out without turning


@dataclass(frozen=True, kw_only=True)
class RecognizedLine:
    """The text of the image of a line."""

    text: str
    confidence: float  # 0-1, the mean of its characters


class TextRecognizer:
    """Reads images of lines, each alone, in the order of their widths: few changes of shape, nothing filled in vain."""

    def __init__(self, model: Path, characters: Path) -> None:
        # The model's classes: no character, those of the file, and the space.
        self._characters = ["", *read_characters(characters), " "]
        self._model = DynamicModel(model)

    def read(self, lines: Sequence[Pillow.Image]) -> list[RecognizedLine]:
        """Return the text of each line, as `cut_line` returns them."""
        readings = [RecognizedLine(text="", confidence=0)] * len(lines)
        for index in sorted(range(len(lines)), key=lambda index: lines[index].width):
            readings[index] = self._decode(self._model.run(_as_input(lines[index]))[0])
        return readings

    def _decode(self, probabilities: Tensor) -> RecognizedLine:
        """Decode CTC: equal classes in a row are one character."""
        best = probabilities.argmax(1)
        is_character = best != 0
        is_character[1:] &= best[1:] != best[:-1]
        if not is_character.any():
            return RecognizedLine(text="", confidence=0)
        confidence = float(probabilities.max(1)[is_character].mean())
        return RecognizedLine(text="".join(self._characters[i] for i in best[is_character]), confidence=confidence)


def read_characters(path: Path) -> list[str]:
    """Return the characters of a model, from its file with one on each line."""
    return path.read_text(encoding="utf-8").removesuffix("\n").split("\n")


def cut_line(page: Pillow.Image, region: TextRegion) -> Pillow.Image:
    """Return the image of a line, level and as high as the model reads it."""
    if abs(region.direction[1]) * region.width < _LEVEL:
        line = page.crop(_level_box(page, region))
    else:
        (right, down), (left, top) = region.direction, region.corners()[0]
        size = max(1, round(region.width)), max(1, round(region.height))
        affine = (right, -down, left, down, right, top)
        line = page.transform(size, Pillow.Transform.AFFINE, affine, Pillow.Resampling.BICUBIC, fillcolor="white")
    if line.height >= _UPRIGHT * line.width:
        line = line.transpose(Pillow.Transpose.ROTATE_90)
    width = min(_WIDTHS[-1], max(1, math.ceil(line.width * _HEIGHT / line.height)))
    return line.resize((width, _HEIGHT), Pillow.Resampling.BILINEAR)


def _level_box(page: Pillow.Image, region: TextRegion) -> tuple[int, int, int, int]:
    x, y = region.centre
    left, top = max(0, round(x - region.width / 2)), max(0, round(y - region.height / 2))
    right, bottom = min(page.width, round(x + region.width / 2)), min(page.height, round(y + region.height / 2))
    left, top = min(left, page.width - 1), min(top, page.height - 1)
    return left, top, max(right, left + 1), max(bottom, top + 1)


def _as_input(line: Pillow.Image) -> Tensor:
    """A line in the model's form: BGR, from -1 to 1, filled up with 0 to one of the widths."""
    tensor = np.zeros((1, 3, _HEIGHT, next(width for width in _WIDTHS if width >= line.width)), np.float32)
    pixels = np.asarray(line)[:, :, ::-1].transpose(2, 0, 1)
    tensor[0, :, :, : line.width] = pixels * np.float32(1 / 127.5) - 1
    return tensor
