"""PP-OCRv6, the models of RapidOCR, on OpenVINO. `SLIMGEST_OCR_QUALITY` selects the tiny or the small ones.

The tiny recogniser costs a quarter of the small one. It makes a few more mistakes, most of them in lines of which it is
not sure, and it knows 6,900 characters instead of 18,700: no kana, and only the more frequent Chinese characters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import version
from statistics import median

import numpy as np
from PIL import Image as Pillow

from slimgest_celery.config import Settings
from slimgest_celery.engines import large_type, ocr_models
from slimgest_celery.engines.alphabets import languages_of
from slimgest_celery.engines.openvino_model import free_unused_memory
from slimgest_celery.engines.protocol import Image, OcrLine, model_hash
from slimgest_celery.engines.text_detection import TextDetector
from slimgest_celery.engines.text_recognition import RecognizedLine, TextRecognizer, cut_line, read_characters
from slimgest_celery.errors import EngineUnavailable
from slimgest_celery.geometry import scale

_USUAL_SIDE, _MAX_ENLARGEMENT = 1040, 1.5  # an image with a shorter longer side is enlarged, by at most this ratio
_MIN_CONFIDENCE = 0.5  # of a line; below this it was not read
_CJK = "\u2e80"  # the first of the characters of Chinese and Japanese; the symbols before it are no reason
# The tiny recogniser often misses these letters of Czech, Slovak, Romanian and Turkish. It has no Romanian letters with
# a comma, and returns ones with a cedilla. In Turkish it takes every fourth ı for i.
_POORLY_READ = frozenset("ěĚřŘůŮťŤďĎşŞţŢğĞıİ")
_PAGE_SHARE = 0.2  # of the lines of an image: if more of them need the small recogniser, it reads all lines


@dataclass(frozen=True, kw_only=True)
class Quality:
    """The lines that the small recogniser reads after the tiny one."""

    poor: float  # all lines of an image, if the median of their confidence is below this

    unsure: float  # lines with a confidence below this
    doubtful: float  # below this too, the least sure ones first, as long as `max_share` allows
    max_share: float  # of the width of all lines of an image


# docs/performance.md has the measurements. `best` uses no tiny model.
QUALITIES: dict[str, Quality | None] = {
    "fast": Quality(poor=0, unsure=0.85, doubtful=0.85, max_share=0),
    "balanced": Quality(poor=0.965, unsure=0.9, doubtful=0.975, max_share=0.08),
    "best": None,
}
_TINY_FILES = ("tiny/rec/rec.onnx", "ppocrv6_tiny_dict.txt")
_SMALL_FILES = ("small/rec/rec.onnx", "ppocrv6_dict.txt")


class RapidOcr:
    """Reads printed text in Latin, Greek, Chinese and Japanese; one thread, one image at a time."""

    name = "rapidocr"
    batch_size = 1

    def __init__(self, settings: Settings) -> None:
        """Check the files of the models. They are loaded for the first page, or by `warm_up`."""
        self._quality = QUALITIES[settings.ocr_quality]
        self._detector_file = ocr_models.find("tiny/det/det.onnx" if self._quality else "small/det/det.onnx")
        self._small_files = tuple(map(ocr_models.find, _SMALL_FILES))
        self._tiny_files = tuple(map(ocr_models.find, _TINY_FILES)) if self._quality else ()
        self.version = f"PP-OCRv6-{settings.ocr_quality}"
        try:
            runtime = version("openvino")
        except ModuleNotFoundError as error:
            raise EngineUnavailable("OpenVINO is not installed. Install slimgest again.") from error
        self.model = f"{model_hash(self._detector_file, *self._tiny_files, *self._small_files)} openvino {runtime}"

    @cached_property
    def detector(self) -> TextDetector:
        return TextDetector(self._detector_file, always_full_size=self._quality is None)

    @cached_property
    def _tiny(self) -> TextRecognizer:
        return TextRecognizer(*self._tiny_files)

    @cached_property
    def _small(self) -> TextRecognizer:
        return TextRecognizer(*self._small_files)

    @cached_property
    def languages(self) -> frozenset[str]:
        """The languages whose letters are in the small model's character set; it reads what the tiny one lacks."""
        return languages_of(read_characters(self._small_files[1]))

    def read(self, images: Sequence[Image]) -> list[list[OcrLine]]:
        lines = [self._read(image) for image in images]
        free_unused_memory()
        return lines

    def warm_up(self, image: Image) -> None:
        self._read(image)

    def _read(self, image: Image) -> list[OcrLine]:
        ratio = _enlargement(image)
        if ratio != 1:
            width, height = (max(1, round(side * ratio)) for side in (image.shape[1], image.shape[0]))
            picture = Pillow.fromarray(np.ascontiguousarray(image))
            image = np.asarray(picture.resize((width, height), Pillow.Resampling.BICUBIC))
        lines = self._read_at_size(image)
        if large_type.may_have_large_type(image):
            lines = large_type.merge(lines, self._read_at_size(large_type.reduce(image)))
        return lines if ratio == 1 else [replace(line, box=scale(line.box, 1 / ratio, 1 / ratio)) for line in lines]

    def _read_at_size(self, image: Image) -> list[OcrLine]:
        regions = self.detector.find(image)
        page = Pillow.fromarray(np.ascontiguousarray(image))
        found = []
        for region, reading in zip(regions, self._recognize([cut_line(page, r) for r in regions]), strict=True):
            (left, top), (right, bottom) = region.corners().min(0), region.corners().max(0)
            box = float(left), float(top), float(right), float(bottom)
            is_read = reading.confidence >= _MIN_CONFIDENCE and reading.text.strip()
            text, confidence = (reading.text, reading.confidence) if is_read else ("", 0.0)
            found.append(OcrLine(text=text, confidence=confidence, box=box))
        return found

    def _recognize(self, lines: Sequence[Pillow.Image]) -> list[RecognizedLine]:
        if not self._quality:
            return self._small.read(lines)
        readings = self._tiny.read(lines)
        again = lines_to_read_again(readings, [line.width for line in lines], self._quality)
        if again:
            for index, reading in zip(again, self._small.read([lines[index] for index in again]), strict=True):
                readings[index] = reading
        return readings


def lines_to_read_again(readings: Sequence[RecognizedLine], widths: Sequence[int], quality: Quality) -> list[int]:
    """Return the lines of an image that the small recogniser must read."""
    if not readings:
        return []
    lacking = {index for index, reading in enumerate(readings) if _needs_small(reading.text)}
    if len(lacking) > _PAGE_SHARE * len(readings) or median(r.confidence for r in readings) < quality.poor:
        return list(range(len(readings)))
    accented = {index for index, reading in enumerate(readings) if not _is_plain(reading.text)}
    if len(accented) <= _PAGE_SHARE * len(readings):
        lacking |= accented
    unsure = lacking | {index for index, reading in enumerate(readings) if reading.confidence < quality.unsure}
    room = quality.max_share * sum(widths)
    for index in sorted(set(range(len(readings))) - unsure, key=lambda index: readings[index].confidence):
        room -= widths[index]
        if room < 0 or readings[index].confidence >= quality.doubtful:
            break
        unsure.add(index)
    return sorted(unsure)


def _needs_small(text: str) -> bool:
    return any(character >= _CJK or character in _POORLY_READ for character in text)


def _is_plain(text: str) -> bool:
    """Return True if all letters are ASCII. The tiny recogniser takes an occasional y for ó in English."""
    return not any(character.isalpha() and not character.isascii() for character in text)


def _enlargement(image: Image) -> float:
    """Return the ratio by which to enlarge an image: more than 1 for a small page, on which type may be small."""
    longest: int = max(image.shape[:2])
    return min(_MAX_ENLARGEMENT, max(1.0, _USUAL_SIDE / longest))
