"""Pages that lie sideways, upside down or askew in their pixels are read upright, by any engine.

An image's slope (skew.py) says at once whether it lies sideways and by how much it is askew, which is put right before
it is read. Which of two opposite ways is up only reading tells: a sample of a page that lies sideways is read both
ways, and of a page that was read with little confidence the other way up; the surer reading wins. So an upright page
costs only the look at its slope.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image as Pillow

from . import skew
from .engines import Engine, Line
from .engines.protocol import Image

Box = tuple[float, float, float, float]

_LEAST_SKEW = 0.5  # degrees; less does not bring the lines of a page into one another
_SIDEWAYS = 1.5  # how much clearer lines must be across the image than along it
_DOUBT = 0.8  # a page read with less confidence than this may lie another way
_SURE = 0.75  # a page is turned only for a sample read with this confidence
_BETTER = 1.3  # and this much more text in it
_SAMPLE = 0.4  # side of a sample, as a share of the page's


@dataclass(frozen=True, kw_only=True)
class Stance:
    """How an image was turned to be read."""

    width: float  # of the image before, in pixels, or of a page in points
    height: float
    turned: int = 0  # degrees clockwise: 0, 90, 180 or 270
    straightened: float = 0.0  # degrees counterclockwise, after that

    def apply(self, image: Image) -> Image:
        """The image as it is to be read."""
        upright = np.rot90(image, -self.turned // 90)
        if self.straightened:
            ground = tuple(int(level) for level in np.median(upright[::8, ::8].reshape(-1, 3), axis=0))
            picture = Pillow.fromarray(np.ascontiguousarray(upright))
            picture = picture.rotate(self.straightened, Pillow.Resampling.BICUBIC, expand=True, fillcolor=ground)
            upright = np.asarray(picture)
        return np.ascontiguousarray(upright)

    def upright(self, box: Box, read_width: float, read_height: float) -> Box:
        """What `restore` makes this box of: a line's own height and length, if the box is that around a line askew."""
        left, top, right, bottom = box
        wide, high = right - left, bottom - top
        x, y = (left + right - self.width) / 2, (top + bottom - self.height) / 2
        for _ in range(self.turned // 90):
            x, y, wide, high = -y, x, high, wide
        angle = math.radians(self.straightened)
        sine, cosine = math.sin(angle), math.cos(angle)
        x, y = x * cosine + y * sine + read_width / 2, y * cosine - x * sine + read_height / 2
        stretch = cosine * cosine - sine * sine
        long = max(0.0, wide * cosine - high * abs(sine)) / stretch
        tall = max(0.0, high * cosine - wide * abs(sine)) / stretch
        return x - long / 2, y - tall / 2, x + long / 2, y + tall / 2

    def restore(self, box: Box, read_width: float, read_height: float) -> Box:
        """A box in pixels of the image as read (of this size), in pixels of the image before."""
        left, top, right, bottom = box
        corners = [self._restore(x - read_width / 2, y - read_height / 2) for x in (left, right) for y in (top, bottom)]
        xs, ys = zip(*corners, strict=True)
        return min(xs), min(ys), max(xs), max(ys)

    def _restore(self, x: float, y: float) -> tuple[float, float]:
        """A point, counted from the middle of the image as read."""
        sine, cosine = math.sin(math.radians(self.straightened)), math.cos(math.radians(self.straightened))
        x, y = x * cosine - y * sine, x * sine + y * cosine
        for _ in range(self.turned // 90):
            x, y = y, -x
        return x + self.width / 2, y + self.height / 2


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What was read of an image."""

    lines: list[Line]  # with boxes in pixels of the image as it was read, upright
    width: int  # of that image
    height: int
    stance: Stance

    def place(self, box: Box) -> Box:
        """A box in 0-1 of the image as it was read, in 0-1 of the image as it was given."""
        left, top, right, bottom = box
        pixels = (left * self.width, top * self.height, right * self.width, bottom * self.height)
        left, top, right, bottom = self.stance.restore(pixels, self.width, self.height)
        return (
            _unit(left / self.stance.width),
            _unit(top / self.stance.height),
            _unit(right / self.stance.width),
            _unit(bottom / self.stance.height),
        )


def read(engine: Engine, images: Sequence[Image]) -> list[Reading]:
    """The images' text, each read upright. Raises whatever the engine raises."""
    slopes = [skew.measure(image) for image in images]
    stances = [_first_stance(engine, image, slope) for image, slope in zip(images, slopes, strict=True)]
    readings = _read(engine, images, stances)
    for index, (reading, slope) in enumerate(zip(readings, slopes, strict=True)):
        if slope is not None and _in_doubt(reading.lines):
            # Where lines show clearly along the image, only the other way up is left.
            turns = (180,) if slope.across * _SIDEWAYS < 1 and not reading.stance.turned else (180, 90, 270)
            stance = _surest(engine, images[index], reading.stance, turns)
            if stance != reading.stance:
                (readings[index],) = _read(engine, [images[index]], [stance])
    return readings


def _read(engine: Engine, images: Sequence[Image], stances: Sequence[Stance]) -> list[Reading]:
    upright = [stance.apply(image) for image, stance in zip(images, stances, strict=True)]
    return [
        Reading(lines=lines, width=image.shape[1], height=image.shape[0], stance=stance)
        for lines, image, stance in zip(engine.read(upright), upright, stances, strict=True)
    ]


def _first_stance(engine: Engine, image: Image, slope: skew.Slope | None) -> Stance:
    """Straight, and if the lines lie across the image, turned the way that a sample reads better."""
    height, width = image.shape[:2]
    if slope is None:
        return Stance(width=width, height=height)
    straightened = slope.degrees if abs(slope.degrees) >= _LEAST_SKEW else 0.0
    stance = Stance(width=width, height=height, straightened=straightened)
    return _surest(engine, image, stance, (90, 270)) if slope.across >= _SIDEWAYS else stance


def _surest(engine: Engine, image: Image, stance: Stance, turns: Sequence[int]) -> Stance:
    """The stance, turned further if a sample of the image is then read with more confidence."""
    sample = _densest(image)
    best, best_score = stance, _score(_sampled(engine, sample, stance))
    for turn in turns:
        turned = Stance(
            width=stance.width,
            height=stance.height,
            turned=(stance.turned + turn) % 360,
            straightened=stance.straightened,
        )
        lines = _sampled(engine, sample, turned)
        score = _score(lines)
        if score > _BETTER * best_score and _confidence(lines) >= _SURE:
            best, best_score = turned, score
    return best


def _sampled(engine: Engine, sample: Image, stance: Stance) -> list[Line]:
    (lines,) = engine.read([stance.apply(sample)])
    return lines


def _densest(image: Image) -> Image:
    """The part of the image with the most edges between light and dark: where text is."""
    height, width = image.shape[:2]
    high, wide = max(1, int(height * _SAMPLE)), max(1, int(width * _SAMPLE))
    grey = image[::2, ::2, 1].astype(np.int16)
    edges = np.abs(np.diff(grey, axis=1)) > 64
    sums = np.pad(edges.cumsum(axis=0, dtype=np.int64).cumsum(axis=1), ((1, 0), (1, 0)))
    tops = np.linspace(0, height - high, 7).astype(int)
    lefts = np.linspace(0, width - wide, 7).astype(int)
    y1, x1 = np.minimum(tops // 2, sums.shape[0] - 1), np.minimum(lefts // 2, sums.shape[1] - 1)
    y2, x2 = np.minimum((tops + high) // 2, sums.shape[0] - 1), np.minimum((lefts + wide) // 2, sums.shape[1] - 1)
    inside = sums[np.ix_(y2, x2)] - sums[np.ix_(y1, x2)] - sums[np.ix_(y2, x1)] + sums[np.ix_(y1, x1)]
    row, column = np.unravel_index(int(np.argmax(inside)), inside.shape)
    return image[tops[row] : tops[row] + high, lefts[column] : lefts[column] + wide]


def _in_doubt(lines: Sequence[Line]) -> bool:
    """Whether the text may lie another way: nothing was read, with little confidence, or in upright strips."""
    return _confidence(lines) < _DOUBT or _length(_flat(lines)) < _length(lines) / 2


def _score(lines: Sequence[Line]) -> float:
    """How much was read and how surely; a word guessed is worth nothing."""
    return sum(_length([line]) * max(0.0, line.confidence - 0.5) for line in _flat(lines))


def _flat(lines: Sequence[Line]) -> list[Line]:
    """Lines that lie as a line of text does; some engines read one that stands upright all the same."""
    return [
        line for line in lines if len(line.text.strip()) < 3 or line.box[2] - line.box[0] > line.box[3] - line.box[1]
    ]


def _confidence(lines: Sequence[Line]) -> float:
    """Per character; 0 where nothing was read."""
    length = _length(lines)
    return sum(_length([line]) * line.confidence for line in lines) / length if length else 0.0


def _length(lines: Sequence[Line]) -> int:
    return sum(len(line.text.replace(" ", "")) for line in lines)


def _unit(value: float) -> float:
    return round(min(1.0, max(0.0, value)), 5)
