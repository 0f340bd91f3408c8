"""Doubts about a text layer, settled on the page's own pixels: a sample is read by OCR and compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import median

import numpy as np
from numpy.typing import NDArray

from . import trust
from .engines import Engine, Line
from .engines.protocol import Image
from .text_layer import TextLine
from .trust import Doubt, Layer

Window = tuple[int, int, int, int]  # left, top, right, bottom in pixels

_SURE = 0.8  # confidence of a sample that may prove a text layer wrong
_ENOUGH = 12  # characters that a sample must hold to prove anything
_RUNNING = 60  # characters beside a page's own text that are more than the labels of a figure
_AGREES = 0.75  # from this agreement on, a layer says what is printed
_SAME = 0.9  # from this agreement on, two lines are the same
_SHIFT, _ASIDE = 0.7, 3.0  # heights of a line that it may be away, and so many times as far sideways
_HIGH = 0.18  # of a sample, which is as wide as the page so that it cuts no line, as a share of the page's height
_EDGE = 64  # difference of brightness between neighbours that counts as print
_PRINTED = 0.002  # of a window's pixels that are such edges, where anything is printed
_PRINTED_TEXT = 0.1  # the same where it is running text from edge to edge, coarsely seen; drawings have less
_MARGIN = 0.004  # around boxes of text, as a share of the page: glyphs reach out of them
_CONTRAST = 24  # darkest against lightest, where text is seen


def settle(engine: Engine, image: Image, layer: Layer) -> Layer:
    """The layer without doubt: trusted, or distrusted for a reason. Raises whatever the engine raises."""
    if layer.doubt == Doubt.COVERAGE:
        layer = _covers(engine, image, layer)
    if layer.doubt == Doubt.AGREEMENT:
        layer = _agrees(engine, image, layer)
    return layer


def glance(image: Image, layer: Layer) -> Layer:
    """The layer without a doubt that needs no reading: a coarse image shows nothing printed beside its lines."""
    least = _PRINTED if layer.is_scarce else _PRINTED_TEXT
    if layer.doubt != Doubt.COVERAGE or _beside(image, layer)[1] > least:
        return layer
    return _covering(layer)


def seen(lines: Sequence[TextLine], image: Image) -> list[TextLine]:
    """The lines without those that are white on white: where nothing stands out in the rendered page."""
    return [line for line in lines if not line.white or _stands_out(image, line)]


def _stands_out(image: Image, line: TextLine) -> bool:
    left, top, right, bottom = _pixels(line, image, margin=0.0)
    patch = image[top : max(bottom, top + 1), left : max(right, left + 1), 1]
    return bool(patch.size and int(patch.max()) - int(patch.min()) >= _CONTRAST)


def _covers(engine: Engine, image: Image, layer: Layer) -> Layer:
    """Whether anything that can be read is printed beside the layer's lines."""
    window, share = _beside(image, layer)
    found = _sample(engine, image, window) if share > _PRINTED else []
    beside = [line for line in found if line.confidence >= _SURE and not _is_covered(line, window, image, layer.lines)]
    if sum(len(line.text.replace(" ", "")) for line in beside) >= (_ENOUGH if layer.is_scarce else _RUNNING):
        return replace(layer, score=0.1, reason="text_beside_scan", doubt=None)
    return _covering(layer)


def _covering(layer: Layer) -> Layer:
    """A layer that covers what is printed."""
    text = "".join(line.text for line in layer.lines)
    return replace(layer, score=0.9, doubt=Doubt.AGREEMENT if layer.ocr or trust.is_odd(text) else None)


def _beside(image: Image, layer: Layer) -> tuple[Window, float]:
    """Where most is printed beside the layer's lines, and which share of the pixels there are edges of it."""
    edges = _edges(image)
    for line in layer.lines:
        left, top, right, bottom = _pixels(line, image, margin=_MARGIN)
        edges[top:bottom, left:right] = False
    window = _densest(edges)
    left, top, right, bottom = window
    return window, float(edges[top:bottom, left:right].mean())


def _agrees(engine: Engine, image: Image, layer: Layer) -> Layer:
    """Whether a sample of the page, where the layer has most text, or most that looks odd, reads as the layer says."""
    suspects = trust.suspects(layer.lines)
    lines = suspects or layer.lines
    print_ = np.zeros(image.shape[:2], dtype=np.bool_)
    for line in lines:
        left, top, right, bottom = _pixels(line, image, margin=0.0)
        print_[top:bottom, left:right] = True
    window = _densest(print_)
    found = _sample(engine, image, window)
    if suspects:  # what is printed beside them may be all right
        found = [line for line in found if _is_covered(line, window, image, suspects)]
    read = "".join(line.text for line in found)
    length = sum(len(line.text) for line in found)
    confidence = sum(len(line.text) * line.confidence for line in found) / max(1, length)
    said = "".join(line.text for line in lines if _is_within(line, window, image))
    if length < _ENOUGH or confidence < _SURE:  # what cannot be read proves nothing
        return replace(layer, score=0.5, doubt=None)
    alike = round(trust.agreement(said, read), 3)
    if alike >= _AGREES and not (layer.ocr and _is_shifted(found, window, image, lines)):
        return replace(layer, score=alike, doubt=None)
    return replace(layer, score=alike, reason="wrong_ocr_layer" if layer.ocr else "garbled_text", doubt=None)


def _is_shifted(found: Sequence[Line], window: Window, image: Image, lines: Sequence[TextLine]) -> bool:
    """Whether lines of a sample stand a line's height or more away from where the layer has them."""
    height, width = image.shape[:2]
    shifts = []
    for line in found:
        known = max(lines, key=lambda known: trust.agreement(known.text, line.text))
        if len(line.text) >= _ENOUGH and trust.agreement(known.text, line.text) >= _SAME:
            high = line.box[3] - line.box[1]
            left, top = line.box[0] + window[0], (line.box[1] + line.box[3]) / 2 + window[1]
            away = abs(known.box[0] * width - left), abs((known.box[1] + known.box[3]) / 2 * height - top)
            shifts.append(max(away[0] / _ASIDE, away[1]) / max(high, 1.0))
    return bool(shifts) and median(shifts) > _SHIFT


def _sample(engine: Engine, image: Image, window: Window) -> list[Line]:
    left, top, right, bottom = window
    (lines,) = engine.read([np.ascontiguousarray(image[top:bottom, left:right])])
    return lines


def _edges(image: Image) -> NDArray[np.bool_]:
    grey = image[:, :, 1].astype(np.int16)
    edges = np.zeros(grey.shape, dtype=np.bool_)
    edges[:, 1:] = np.abs(np.diff(grey, axis=1)) > _EDGE
    return edges


def _densest(marks: NDArray[np.bool_]) -> Window:
    """The strip across the page with the most marks in it."""
    height, width = marks.shape
    high = max(1, int(height * _HIGH))
    sums = np.concatenate(([0], marks.sum(axis=1, dtype=np.int64).cumsum()))
    top = int(np.argmax(sums[high:] - sums[:-high]))
    return 0, top, width, top + high


def _is_covered(line: Line, window: Window, image: Image, lines: Sequence[TextLine]) -> bool:
    """Whether a line of a sample stands where one of these is."""
    x = (window[0] + (line.box[0] + line.box[2]) / 2) / image.shape[1]
    y = (window[1] + (line.box[1] + line.box[3]) / 2) / image.shape[0]
    boxes = (known.box for known in lines)
    return any(left <= x <= right and top <= y <= bottom for left, top, right, bottom in boxes)


def _is_within(line: TextLine, window: Window, image: Image) -> bool:
    x = (line.box[0] + line.box[2]) / 2 * image.shape[1]
    y = (line.box[1] + line.box[3]) / 2 * image.shape[0]
    return bool(window[0] <= x <= window[2] and window[1] <= y <= window[3])


def _pixels(line: TextLine, image: Image, *, margin: float) -> Window:
    height, width = image.shape[:2]
    left, top, right, bottom = line.box
    return (
        max(0, int((left - margin) * width)),
        max(0, int((top - margin) * height)),
        min(width, int((right + margin) * width) + 1),
        min(height, int((bottom + margin) * height) + 1),
    )
