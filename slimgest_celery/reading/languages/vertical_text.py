"""Vertical Chinese and Japanese: the characters are upright, and the lines run down the page, from right to left.

`orientation` turns such a page like a sideways one, so that its lines run from left to right, in reading order. But
then each character lies on its side: the engine misses punctuation and small kana, and the page is not sideways. So
lines are cut into their characters, which form a grid, and each character is turned back. If the engine then reads
nearly the same text, the page is vertical, and the second reading has the characters that the first one lacks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from statistics import median

import numpy as np
from numpy.typing import NDArray

from slimgest_celery.engines.protocol import Image, OcrEngine, OcrLine

_IDEOGRAPHIC = re.compile("[\u3041-\u30ff\u3400-\u9fff]")
_SAMPLES = 3  # lines that show whether a page is vertical
_MIN_LENGTH = 4  # characters of a line; fewer are no evidence
_SAME = 0.6  # the least similarity of two readings of one line
_PITCHES = (0.55, 1.1)  # the distance of two characters, in heights of a line
_PITCH_STEP = 0.25  # pixels
_OFFSETS = 8  # tried for each pitch
_BLANK = 10  # pixels around the characters
_ADDED = re.compile("[\u3001-\u303f\u3041-\u30ff！？・…°`']+")  # what a first reading may lack
_PUNCTUATION = str.maketrans({"°": "。", "`": "、", "'": "、"})  # in the corner of a cell it looks like these


def read_vertical(engine: OcrEngine, image: Image, lines: Sequence[OcrLine]) -> list[OcrLine] | None:
    """Return the lines of a page that was turned, read with upright characters; None if the page is not vertical.

    `image` is the turned image; `lines` and their boxes are those that were read in it.
    """
    long = sorted((line for line in lines if _is_ideographic(line.text)), key=lambda line: -len(line.text))
    if sum(len(line.text) for line in long) * 2 <= sum(len(line.text) for line in lines):
        return None
    samples = [line for line in long[:_SAMPLES] if len(line.text) >= _MIN_LENGTH]
    if not samples or median(_similarity(line, _read_line(engine, image, line)) for line in samples) < _SAME:
        return None
    return [_read_again(engine, image, line) if _is_ideographic(line.text) else line for line in lines]


def _read_again(engine: OcrEngine, image: Image, line: OcrLine) -> OcrLine:
    """Return a line with the characters that a second reading adds, unless its characters form no grid."""
    again = _read_line(engine, image, line)
    return replace(line, text=_merged(line.text, again.text)) if _similarity(line, again) >= _SAME else line


def _merged(text: str, again: str) -> str:
    """Return a text with the punctuation and kana of another reading of it where it has nothing."""
    parts: list[str] = []
    for kind, start, end, first, last in SequenceMatcher(None, text, again, autojunk=False).get_opcodes():
        is_added = kind == "insert" and _ADDED.fullmatch(again, first, last)
        parts.append(again[first:last].translate(_PUNCTUATION) if is_added else text[start:end])
    return "".join(parts)


def _is_ideographic(text: str) -> bool:
    return 2 * len(_IDEOGRAPHIC.findall(text)) > len(text)


def _similarity(line: OcrLine, other: OcrLine) -> float:
    """Return the similarity of two readings, 0-1."""
    return SequenceMatcher(None, line.text, other.text, autojunk=False).ratio()


def _read_line(engine: OcrEngine, image: Image, line: OcrLine) -> OcrLine:
    """Read a line again, with upright characters side by side."""
    strip = _cut(image, line)
    parts = [np.rot90(part, -1) for part in np.split(strip, _cuts(strip), axis=1) if part.shape[1]]
    height, width = max(part.shape[0] for part in parts), sum(part.shape[1] for part in parts)
    row = np.full((height + 2 * _BLANK, width + 2 * _BLANK, 3), int(np.median(strip)), np.uint8)
    left = _BLANK
    for part in parts:
        row[_BLANK : _BLANK + part.shape[0], left : left + part.shape[1]] = part
        left += part.shape[1]
    (found,) = engine.read([row])
    found = sorted((part for part in found if part.text), key=lambda part: part.box[0])
    return replace(line, text="".join(part.text for part in found))


def _cut(image: Image, line: OcrLine) -> Image:
    left, top, right, bottom = (round(edge) for edge in line.box)
    return image[max(0, top) : max(bottom, top + 1), max(0, left) : max(right, left + 1)]


def _cuts(strip: Image) -> NDArray[np.int64]:
    """Return where to cut a line into characters: the grid whose lines cross the least ink."""
    height, width = strip.shape[:2]
    grey = strip[:, :, 1].astype(np.float64)
    ink = np.abs(grey - np.median(grey)).sum(axis=0)
    least, best = np.inf, np.array([], np.int64)
    for pitch in np.arange(_PITCHES[0] * height, _PITCHES[1] * height, _PITCH_STEP):
        for offset in np.arange(0, pitch, pitch / _OFFSETS):
            cuts = np.arange(offset, width, pitch).astype(np.int64)
            crossed = ink[cuts].mean() if len(cuts) else np.inf
            if crossed < least:
                least, best = crossed, cuts
    return best
