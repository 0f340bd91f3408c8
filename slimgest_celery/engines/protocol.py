"""What an OCR engine is, and the one place where its output becomes blocks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ..model import Block

Image = NDArray[np.uint8]  # height x width x 3, RGB


@dataclass(frozen=True, kw_only=True)
class Line:
    """A piece of text as an engine found it."""

    text: str
    confidence: float  # 0-1
    box: tuple[float, float, float, float]  # left, top, right, bottom in pixels of the image


class Engine(Protocol):
    """Reads text in images. Made once per worker process, with `Settings` as its only argument."""

    name: str
    version: str
    batch_size: int  # images worth handing over at once

    def read(self, images: Sequence[Image]) -> list[list[Line]]:
        """The lines of each image, in any order. Any exception fails the pages of this batch."""
        ...

    def warm_up(self, image: Image) -> None:
        """Makes the first page as fast as the next, by reading a page that is thrown away."""
        ...


@runtime_checkable
class OwnModel(Protocol):
    """What an engine says besides whose model may change while its `version` stays."""

    model: str  # tells this model from any other: see `model_hash`


@runtime_checkable
class OnDevice(Protocol):
    """What an engine says besides where its model lives on a GPU."""

    device: str  # such as NVIDIA H200

    def memory_mb(self) -> int:
        """Device memory that this process holds: weights, work, and what its allocator keeps for later."""
        ...

    def worn(self) -> str:
        """Why this process should give way to a fresh one between two tasks; empty while all is well."""
        ...


def model_hash(*files: Path) -> str:
    """A hash of a model's files, the same on every machine that has them."""
    digest = sha256()
    for path in files:
        with path.open("rb") as file:
            digest.update(file_digest(file, "sha256").digest())
    return digest.hexdigest()


def normalise(lines: Sequence[Line], width: int, height: int) -> list[Block]:
    """Lines in pixels as blocks in 0-1 of the image, in the engine's order; what is empty or no number is left out."""
    return [
        Block(
            text=line.text.strip(), confidence=min(1.0, max(0.0, line.confidence)), box=_fractions(line, width, height)
        )
        for line in lines
        if line.text.strip() and all(map(math.isfinite, (line.confidence, *line.box)))
    ]


def _fractions(line: Line, width: int, height: int) -> tuple[float, float, float, float]:
    left, top, right, bottom = line.box
    return (
        _clip(min(left, right) / width),
        _clip(min(top, bottom) / height),
        _clip(max(left, right) / width),
        _clip(max(top, bottom) / height),
    )


def _clip(value: float) -> float:
    return round(min(1.0, max(0.0, value)), 5)
