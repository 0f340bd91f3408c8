"""The protocol of an OCR engine, and the conversion of its lines to blocks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from slimgest_celery.geometry import PageBox, PixelBox, around, clip, to_fractions
from slimgest_celery.models.page import Block, BlockSource

Image = NDArray[np.uint8]  # height x width x 3, RGB


@dataclass(frozen=True, kw_only=True)
class OcrLine:
    """A piece of text as an engine returns it."""

    text: str  # empty for a printed line that the engine found and could not read
    confidence: float  # 0-1
    box: PixelBox


class OcrEngine(Protocol):
    """Reads text in images. One instance per worker process, made with `Settings` as its only argument."""

    name: str
    version: str
    batch_size: int  # images per call of `read` that make good use of the engine

    def read(self, images: Sequence[Image]) -> list[list[OcrLine]]:
        """Return the lines of each image, in any order. An exception fails the pages of this batch."""
        ...

    def warm_up(self, image: Image) -> None:
        """Read an image and drop the result, so that the first page is as fast as the next."""
        ...


@runtime_checkable
class HasModelHash(Protocol):
    """Optional: implemented by engines whose model files can change without a change of `version`."""

    model: str  # identifies the model: see `model_hash`


@runtime_checkable
class GpuEngine(Protocol):
    """Optional: implemented by engines whose model is on a GPU."""

    device: str  # such as NVIDIA H200

    def memory_mb(self) -> int:
        """Return the device memory of this process: weights, current work, and the allocator's reserve."""
        ...

    def restart_reason(self) -> str:
        """Return why this process should be replaced before its next task, or an empty string."""
        ...


@runtime_checkable
class ReadsLanguages(Protocol):
    """Optional: implemented by engines that know which languages they read."""

    @property
    def languages(self) -> frozenset[str]:
        """The tags (slimgest_celery/languages.py) of all languages and scripts that the model or its data cover."""
        ...


@runtime_checkable
class SelectsLanguages(OcrEngine, ReadsLanguages, Protocol):
    """Optional: implemented by engines that read some languages at a time, and can detect a page's script."""

    model: str

    def for_languages(self, tags: Sequence[str]) -> OcrEngine:
        """Return an engine that reads these languages and scripts, all of them in `languages`."""
        ...

    def detect_script(self, image: Image) -> str | None:
        """Return the script of the text in an image, as in ISO 15924, or None."""
        ...


def model_hash(*files: Path) -> str:
    """Return a hash of a model's files, the same on every machine that has the same files."""
    digest = sha256()
    for path in files:
        with path.open("rb") as file:
            digest.update(file_digest(file, "sha256").digest())
    return digest.hexdigest()


def to_blocks(lines: Sequence[OcrLine], width: int, height: int) -> list[Block]:
    """Convert lines in pixels to blocks in 0-1 of the image, in the engine's order.

    Lines without text, or with a confidence or an edge that is not a finite number, are left out.
    """
    return [
        Block(
            text=line.text.strip(),
            confidence=min(1.0, max(0.0, line.confidence)),
            box=_on_page(line.box, width, height),
            source=BlockSource.OCR,
        )
        for line in lines
        if line.text.strip() and all(map(math.isfinite, (line.confidence, *line.box)))
    ]


def _on_page(box: PixelBox, width: int, height: int) -> PageBox:
    """The box in 0-1 of the image, with its edges in order."""
    left, top, right, bottom = box
    return clip(to_fractions(around(((left, top), (right, bottom))), width, height))
