"""The orientation of pages: images that are sideways, upside down or skewed are turned upright for any engine.

The slope of an image (skew.py) shows at once if it is sideways, and its skew, which is corrected before OCR. The slope
does not show which of two opposite sides is the top. For that, OCR reads a sample: of a sideways page both ways, and
of a page read with little confidence the other way up. The result with more confidence wins. An upright page costs
only the measurement of its slope.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image as Pillow

from slimgest_celery.engines.protocol import Image, OcrEngine, OcrLine
from slimgest_celery.geometry import Box, PageBox, PixelBox, Point, around, clip, scale, to_fractions
from slimgest_celery.layout.columns import may_have_columns
from slimgest_celery.reading import skew
from slimgest_celery.reading.image_rules import find_rules
from slimgest_celery.reading.joined_lines import split_at_gutters
from slimgest_celery.reading.languages.vertical_text import read_vertical

_MIN_SKEW = 0.5  # degrees; with less, the lines of a page do not overlap
SIDEWAYS_RATIO = 1.5  # how much clearer lines must be across the image than along it
_CHECK_CONFIDENCE = 0.8  # a page read with less may have another orientation
_TURN_CONFIDENCE = 0.75  # a page is turned only for a sample read with at least this confidence
_TURN_GAIN = 1.3  # and at least this much more text in it
_SAMPLE_SIDE = 0.4  # of the page's width and height
_MIN_SAMPLE_LENGTH = 12  # characters in a sample; fewer are weak evidence
_MIN_LENGTH = 4  # characters in a whole image; fewer may be shapes that look like letters


@dataclass(frozen=True, kw_only=True)
class PageTransform:
    """The rotation that makes an image or a page upright."""

    width: float  # of the original image in pixels, or of the original page in points
    height: float
    turned: int = 0  # degrees clockwise: 0, 90, 180 or 270
    deskew_degrees: float = 0.0  # counterclockwise, after `turned`

    def apply(self, image: Image) -> Image:
        """Return the upright image."""
        upright = np.rot90(image, -self.turned // 90)
        if self.deskew_degrees:
            background = tuple(int(level) for level in np.median(upright[::8, ::8].reshape(-1, 3), axis=0))
            picture = Pillow.fromarray(np.ascontiguousarray(upright))
            picture = picture.rotate(self.deskew_degrees, Pillow.Resampling.BICUBIC, expand=True, fillcolor=background)
            upright = np.asarray(picture)
        return np.ascontiguousarray(upright)

    def to_upright(self, box: Box, upright_width: float, upright_height: float) -> Box:
        """Convert the box around a skewed line, from the original to the upright image (of this size).

        The inverse of `to_original`: the result has the line's own length and height.
        """
        left, top, right, bottom = box
        wide, high = right - left, bottom - top
        x, y = (left + right - self.width) / 2, (top + bottom - self.height) / 2
        for _ in range(self.turned // 90):
            x, y, wide, high = -y, x, high, wide
        angle = math.radians(self.deskew_degrees)
        sine, cosine = math.sin(angle), math.cos(angle)
        x, y = x * cosine + y * sine + upright_width / 2, y * cosine - x * sine + upright_height / 2
        stretch = cosine * cosine - sine * sine
        long = max(0.0, wide * cosine - high * abs(sine)) / stretch
        tall = max(0.0, high * cosine - wide * abs(sine)) / stretch
        return x - long / 2, y - tall / 2, x + long / 2, y + tall / 2

    def to_original(self, box: Box, upright_width: float, upright_height: float) -> Box:
        """Convert a box from the upright image (of this size) to the original."""
        left, top, right, bottom = box
        x0, y0 = upright_width / 2, upright_height / 2
        return around([self._to_original_point(x - x0, y - y0) for x in (left, right) for y in (top, bottom)])

    def _to_original_point(self, x: float, y: float) -> Point:
        """Convert a point relative to the centre of the upright image."""
        sine, cosine = math.sin(math.radians(self.deskew_degrees)), math.cos(math.radians(self.deskew_degrees))
        x, y = x * cosine - y * sine, x * sine + y * cosine
        for _ in range(self.turned // 90):
            x, y = y, -x
        return x + self.width / 2, y + self.height / 2


@dataclass(frozen=True, kw_only=True)
class UprightResult:
    """The OCR result of an image that was turned upright."""

    lines: list[OcrLine]  # with boxes in pixels of the upright image
    width: int  # of the upright image
    height: int
    transform: PageTransform
    rules: Sequence[PixelBox] = ()  # lines drawn on the upright image, if its text may be in a table
    is_vertical: bool = False  # vertical lines of upright characters, for which alone the image was turned
    unread: Sequence[OcrLine] = ()  # printed lines that the engine found and could not read

    def to_page(self, box: PageBox) -> PageBox:
        """Convert a box in 0-1 of the upright image to 0-1 of the original."""
        pixels = self.transform.to_original(scale(box, self.width, self.height), self.width, self.height)
        return clip(to_fractions(pixels, self.transform.width, self.transform.height))


def read_upright(engine: OcrEngine, images: Sequence[Image]) -> list[UprightResult]:
    """Read the text of images in upright position. Raises as the engine does."""
    slopes = [skew.measure(image) for image in images]
    transforms = [_initial_transform(engine, image, slope) for image, slope in zip(images, slopes, strict=True)]
    results = _read(engine, images, transforms)
    for index, (result, slope) in enumerate(zip(results, slopes, strict=True)):
        if slope is not None and _may_be_turned(result.lines):
            # If the lines are clearly along the image, only the other way up is possible.
            turns = (180,) if slope.across * SIDEWAYS_RATIO < 1 and not result.transform.turned else (180, 90, 270)
            transform = _best_turn(engine, images[index], result.transform, turns)
            if transform != result.transform:
                (results[index],) = _read(engine, [images[index]], [transform])
    return [_with_vertical_text(engine, image, result) for image, result in zip(images, results, strict=True)]


def _with_vertical_text(engine: OcrEngine, image: Image, result: UprightResult) -> UprightResult:
    """Return the result with the characters of vertical lines read upright, if the image was turned for such lines."""
    if result.transform.turned % 180 == 0:
        return result
    lines = read_vertical(engine, result.transform.apply(image), result.lines)
    return result if lines is None else replace(result, lines=lines, is_vertical=True)


def _read(engine: OcrEngine, images: Sequence[Image], transforms: Sequence[PageTransform]) -> list[UprightResult]:
    upright = [transform.apply(image) for image, transform in zip(images, transforms, strict=True)]
    return [
        UprightResult(
            lines=split_at_gutters(lines, image),
            width=image.shape[1],
            height=image.shape[0],
            transform=transform,
            rules=find_rules(image) if may_have_columns([line.box for line in lines]) else (),
            unread=unread,
        )
        for (lines, unread), image, transform in zip(
            map(_without_unread, engine.read(upright)), upright, transforms, strict=True
        )
    ]


def _without_unread(found: Sequence[OcrLine]) -> tuple[list[OcrLine], list[OcrLine]]:
    """Return the lines with text, and those without."""
    return [line for line in found if line.text.strip()], [line for line in found if not line.text.strip()]


def _initial_transform(engine: OcrEngine, image: Image, slope: skew.Slope | None) -> PageTransform:
    """Return the transform that removes the skew and, if lines run across the image, turns it the better way."""
    height, width = image.shape[:2]
    if slope is None:
        return PageTransform(width=width, height=height)
    deskew_degrees = slope.degrees if abs(slope.degrees) >= _MIN_SKEW else 0.0
    transform = PageTransform(width=width, height=height, deskew_degrees=deskew_degrees)
    return _best_turn(engine, image, transform, (90, 270)) if slope.across >= SIDEWAYS_RATIO else transform


def _best_turn(engine: OcrEngine, image: Image, transform: PageTransform, turns: Sequence[int]) -> PageTransform:
    """Return the transform, turned further if OCR then reads a sample of the image with more confidence.

    A sample with little text is weak evidence: then the whole image must be read with more confidence too.
    """
    turned, length = _choose_turn(engine, densest_part(image), transform, turns)
    if turned != transform and length < _MIN_SAMPLE_LENGTH:
        turn = (turned.turned - transform.turned) % 360
        turned, length = _choose_turn(engine, image, transform, [turn])
        return turned if length >= _MIN_LENGTH else transform
    return turned


def _choose_turn(
    engine: OcrEngine, sample: Image, transform: PageTransform, turns: Sequence[int]
) -> tuple[PageTransform, int]:
    """Return the transform for which OCR reads the sample best, and the number of characters that it reads then."""
    best, best_lines = transform, _read_sample(engine, sample, transform)
    for turn in turns:
        turned = replace(transform, turned=(transform.turned + turn) % 360)
        lines = _read_sample(engine, sample, turned)
        if _score(lines) > _TURN_GAIN * _score(best_lines) and _confidence(lines) >= _TURN_CONFIDENCE:
            best, best_lines = turned, lines
    return best, _length(_horizontal(best_lines))


def _read_sample(engine: OcrEngine, sample: Image, transform: PageTransform) -> list[OcrLine]:
    (lines,) = engine.read([transform.apply(sample)])
    return lines


def densest_part(image: Image) -> Image:
    """Return the part of the image with the most edges between light and dark, where text probably is."""
    height, width = image.shape[:2]
    high, wide = max(1, int(height * _SAMPLE_SIDE)), max(1, int(width * _SAMPLE_SIDE))
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


def _may_be_turned(lines: Sequence[OcrLine]) -> bool:
    """Return True if nothing was read, or with little confidence, or mostly in lines that are higher than wide."""
    return _confidence(lines) < _CHECK_CONFIDENCE or is_mostly_vertical(lines)


def is_mostly_vertical(lines: Sequence[OcrLine]) -> bool:
    """Return True if most text is in lines that are higher than wide."""
    return _length(_horizontal(lines)) < _length(lines) / 2


def _score(lines: Sequence[OcrLine]) -> float:
    """Return the amount of text, weighted by confidence; text with a confidence of 0.5 or less counts nothing."""
    return sum(_length([line]) * max(0.0, line.confidence - 0.5) for line in _horizontal(lines))


def _horizontal(lines: Sequence[OcrLine]) -> list[OcrLine]:
    """Return the lines that are wider than high, or very short; some engines also read vertical lines."""
    return [
        line for line in lines if len(line.text.strip()) < 3 or line.box[2] - line.box[0] > line.box[3] - line.box[1]
    ]


def _confidence(lines: Sequence[OcrLine]) -> float:
    """Return the mean confidence of the characters; 0 if there are none."""
    length = _length(lines)
    return sum(_length([line]) * line.confidence for line in lines) / length if length else 0.0


def _length(lines: Sequence[OcrLine]) -> int:
    return sum(len(line.text.replace(" ", "")) for line in lines)
