"""The check of a text layer against the page's image: OCR of a sample answers the layer's open question."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from statistics import median

import numpy as np
from numpy.typing import NDArray

from slimgest_celery.engines.protocol import Image, OcrEngine, OcrLine
from slimgest_celery.geometry import PixelWindow
from slimgest_celery.pdf.text_line import TextLine
from slimgest_celery.reading import orientation, page_text, skew, text_layer_quality
from slimgest_celery.reading.text_layer_quality import OpenQuestion, TextLayer

_MIN_CONFIDENCE = 0.8  # of a sample that may prove a text layer wrong
_MIN_CHARACTERS = 12  # of a sample that may prove anything
_MIN_CONFIDENCE_SHORT = 0.6  # the same for a word in a font without a map, which is probably wrong
_MIN_CHARACTERS_UNMAPPED = 3  # the same if the fonts of the layer have no map: it is probably wrong
_WORD_MARGIN = 48  # pixels around a short text
_MIN_ODD = 60  # characters of a cipher
_MAX_LABELS = 60  # characters beside the page's own text; more are not just the labels of a figure
_MIN_AGREEMENT = 0.75  # of a layer with the sample
_MIN_LINE_AGREEMENT = 0.9  # of two lines that are the same
# In heights of a line: the largest vertical distance of a line from its place in the layer, and the factor sideways.
_MAX_SHIFT, _SIDEWAYS_FACTOR = 0.7, 3.0
_SAMPLE_HEIGHT = 0.18  # as a share of the page's height; a sample is as wide as the page, so that it cuts no line
# The same for text that is no OCR layer: the first of these with so many characters, without cutting a line.
_FONT_SAMPLE_HEIGHTS, _FONT_SAMPLE_CHARACTERS = (0.05, 0.09, _SAMPLE_HEIGHT), 250
_FONT_SAMPLE_MARGIN = 8  # pixels above and below its lines
_EDGE = 64  # the difference in brightness between neighbouring pixels that counts as print
_PRINTED = 0.002  # the share of edge pixels in a window where anything is printed
_PRINTED_TEXT = 0.1  # the same for running text over the whole width in a coarse image; drawings have less
_MARGIN = 0.004  # around boxes of text, as a share of the page: glyphs extend beyond their boxes
_MIN_CONTRAST = 12  # in one of the colours, of visible text: white on a pale ground
_LONG_WORD = re.compile(r"\S{3,}")


def verify_by_ocr(engine: OcrEngine, image: Image, layer: TextLayer) -> TextLayer:
    """Return the layer trusted, or distrusted for a reason. Raises as the engine does."""
    if layer.open_question == OpenQuestion.COVERAGE:
        layer = _check_coverage(engine, image, layer)
    if layer.open_question == OpenQuestion.AGREEMENT:
        layer = _check_agreement(engine, image, layer)
    return layer


def quick_check(image: Image, layer: TextLayer) -> TextLayer:
    """Return the layer with COVERAGE answered, if a coarse image shows nothing printed beside the layer's lines."""
    limit = _PRINTED if layer.is_scarce else _PRINTED_TEXT
    if layer.open_question != OpenQuestion.COVERAGE or _densest_beside(image, layer)[1] > limit:
        return layer
    return _with_coverage(layer)


def drop_invisible(lines: Sequence[TextLine], image: Image) -> list[TextLine]:
    """Return the lines without white text on white: lines where the rendered page has no contrast."""
    return [line for line in lines if not line.white or _is_visible(image, line)]


def _is_visible(image: Image, line: TextLine) -> bool:
    left, top, right, bottom = _to_pixels(line, image, margin=0.0)
    patch = image[top : max(bottom, top + 1), left : max(right, left + 1)]
    return bool(patch.size and np.ptp(patch, axis=(0, 1)).max() >= _MIN_CONTRAST)


def _check_coverage(engine: OcrEngine, image: Image, layer: TextLayer) -> TextLayer:
    """Answer COVERAGE: distrust the layer if OCR finds text beside its lines."""
    window, share = _densest_beside(image, layer)
    found = _read_sample(engine, image, window) if share > _PRINTED else []
    beside = [
        line
        for line in found
        if line.confidence >= _MIN_CONFIDENCE and not _is_covered(line, window, image, layer.lines)
    ]
    length = sum(len(line.text.replace(" ", "")) for line in beside)
    is_unread = share > _PRINTED and length < _MIN_CHARACTERS
    if length >= (_MIN_CHARACTERS if layer.is_scarce else _MAX_LABELS) or (is_unread and _is_across(image, layer)):
        return replace(layer, score=0.1, reason="text_beside_scan", open_question=None)
    return _with_coverage(layer)


def _is_across(image: Image, layer: TextLayer) -> bool:
    """Return True if the layer's lines run across those of the scan below it. A sample of it cannot be read then."""
    slope = skew.measure(image) if layer.is_over_scan else None
    if slope is None:
        return False
    is_sideways = page_text.main_turn(layer.lines) % 180 != 0
    return (slope.across if not is_sideways else 1 / max(slope.across, 1e-6)) >= orientation.SIDEWAYS_RATIO


def _with_coverage(layer: TextLayer) -> TextLayer:
    """Return a layer that covers all print; AGREEMENT may still be in question."""
    is_doubtful = layer.is_ocr or layer.is_unmapped or text_layer_quality.is_odd(layer.text)
    return replace(layer, score=0.9, open_question=OpenQuestion.AGREEMENT if is_doubtful else None)


def _densest_beside(image: Image, layer: TextLayer) -> tuple[PixelWindow, float]:
    """Return the window with most print beside the layer's lines, and the share of edge pixels in it."""
    edges = _edges(image)
    for line in layer.lines:
        left, top, right, bottom = _to_pixels(line, image, margin=_MARGIN)
        edges[top:bottom, left:right] = False
    window = _densest_strip(edges)
    left, top, right, bottom = window
    return window, float(edges[top:bottom, left:right].mean())


def _check_agreement(engine: OcrEngine, image: Image, layer: TextLayer) -> TextLayer:
    """Answer AGREEMENT: compare the layer with OCR where it has most text, or most suspicious text."""
    suspicious_lines = text_layer_quality.suspicious_lines(layer.lines)
    lines = suspicious_lines or layer.lines
    is_short = layer.is_unmapped and len(layer.text) < _MIN_CHARACTERS
    window = _sample_window(image, layer, lines, is_short)
    found = _read_sample(engine, image, window)
    if suspicious_lines:  # the text beside them may be right
        found = [line for line in found if _is_covered(line, window, image, suspicious_lines)]
    read_text = "".join(line.text for line in found)
    length = sum(len(line.text) for line in found)
    confidence = sum(len(line.text) * line.confidence for line in found) / max(1, length)
    layer_text = "".join(line.text for line in lines if _is_within(line, window, image))
    wrong_reason = "wrong_ocr_layer" if layer.is_ocr else "garbled_text"
    min_length = _MIN_CHARACTERS_UNMAPPED if layer.is_unmapped else _MIN_CHARACTERS
    min_confidence = _MIN_CONFIDENCE_SHORT if is_short else _MIN_CONFIDENCE
    if length < min_length or confidence < min_confidence:  # unreadable, so no evidence
        is_wrong = _is_across(image, layer) or (layer.is_ocr and _is_rubbish(layer)) or _is_cipher(layer)
        return replace(
            layer, score=0.1 if is_wrong else 0.5, reason=wrong_reason if is_wrong else None, open_question=None
        )
    agreement = round(text_layer_quality.agreement(layer_text, read_text), 3)
    if agreement >= _MIN_AGREEMENT and not (layer.is_ocr and _is_shifted(found, window, image, lines)):
        return replace(layer, score=agreement, open_question=None)
    return replace(layer, score=agreement, reason=wrong_reason, open_question=None)


def _sample_window(image: Image, layer: TextLayer, lines: Sequence[TextLine], is_short: bool) -> PixelWindow:
    """Return the window of the sample that is compared with these lines of a layer."""
    marks = np.zeros(image.shape[:2], dtype=np.bool_)
    for line in lines:
        left, top, right, bottom = _to_pixels(line, image, margin=0.0)
        marks[top:bottom, left:right] = True
    if is_short:
        return _around(marks)  # an engine may overlook a single word in a wide strip
    if layer.is_ocr or layer.is_over_scan:
        return _densest_strip(marks)
    samples = [
        [line for line in lines if _is_within(line, _densest_strip(marks, height), image)]
        for height in _FONT_SAMPLE_HEIGHTS
    ]
    lengths = [sum(len(line.text) for line in sample) for sample in samples]
    enough = min(_FONT_SAMPLE_CHARACTERS, lengths[-1])
    sample = next(sample for sample, length in zip(samples, lengths, strict=True) if length >= enough)
    return _around_lines(image, sample) if sample else _densest_strip(marks)


def _around_lines(image: Image, lines: Sequence[TextLine]) -> PixelWindow:
    """Return the strip across the page that cuts none of these lines."""
    boxes = [_to_pixels(line, image, margin=0.0) for line in lines]
    top = min(box[1] for box in boxes) - _FONT_SAMPLE_MARGIN
    bottom = max(box[3] for box in boxes) + _FONT_SAMPLE_MARGIN
    return 0, max(0, top), image.shape[1], min(image.shape[0], bottom)


def _is_rubbish(layer: TextLayer) -> bool:
    """Return True if less than half of a layer's characters are in words of three or more characters."""
    text = "".join(f"{line.text} " for line in layer.lines)
    in_words = sum(map(len, _LONG_WORD.findall(text)))
    return 2 * in_words < sum(not character.isspace() for character in text)


def _is_cipher(layer: TextLayer) -> bool:
    """Return True for much text that is unlike any language, in fonts that do not say what its characters are."""
    return layer.is_unmapped and len(layer.text) >= _MIN_ODD and text_layer_quality.is_odd(layer.text)


def _is_shifted(found: Sequence[OcrLine], window: PixelWindow, image: Image, lines: Sequence[TextLine]) -> bool:
    """Return True if the layer has the sample's lines at another place, by 0.7 of a line's height or more."""
    height, width = image.shape[:2]
    shifts = []
    for line in found:
        known = max(lines, key=lambda known: text_layer_quality.agreement(known.text, line.text))
        agreement = text_layer_quality.agreement(known.text, line.text)
        if len(line.text) >= _MIN_CHARACTERS and agreement >= _MIN_LINE_AGREEMENT:
            line_height = line.box[3] - line.box[1]
            left, top = line.box[0] + window[0], (line.box[1] + line.box[3]) / 2 + window[1]
            distances = abs(known.box[0] * width - left), abs((known.box[1] + known.box[3]) / 2 * height - top)
            shifts.append(max(distances[0] / _SIDEWAYS_FACTOR, distances[1]) / max(line_height, 1.0))
    return bool(shifts) and median(shifts) > _MAX_SHIFT


def _read_sample(engine: OcrEngine, image: Image, window: PixelWindow) -> list[OcrLine]:
    left, top, right, bottom = window
    (lines,) = engine.read([np.ascontiguousarray(image[top:bottom, left:right])])
    return lines


def _edges(image: Image) -> NDArray[np.bool_]:
    grey = image[:, :, 1].astype(np.int16)
    edges = np.zeros(grey.shape, dtype=np.bool_)
    edges[:, 1:] = np.abs(np.diff(grey, axis=1)) > _EDGE
    return edges


def _densest_strip(marks: NDArray[np.bool_], share: float = _SAMPLE_HEIGHT) -> PixelWindow:
    """Return the strip across the page, this share of it high, with the most marks."""
    height, width = marks.shape
    strip = max(1, int(height * share))
    sums = np.concatenate(([0], marks.sum(axis=1, dtype=np.int64).cumsum()))
    top = int(np.argmax(sums[strip:] - sums[:-strip]))
    return 0, top, width, top + strip


def _around(marks: NDArray[np.bool_]) -> PixelWindow:
    """Return the window of all marks, with a margin."""
    rows, columns = np.flatnonzero(marks.any(axis=1)), np.flatnonzero(marks.any(axis=0))
    if not rows.size:
        return _densest_strip(marks)
    top, bottom, left, right = (int(edge) for edge in (rows[0], rows[-1], columns[0], columns[-1]))
    height, width = marks.shape
    return (
        max(0, left - _WORD_MARGIN),
        max(0, top - _WORD_MARGIN),
        min(width, right + 1 + _WORD_MARGIN),
        min(height, bottom + 1 + _WORD_MARGIN),
    )


def _is_covered(line: OcrLine, window: PixelWindow, image: Image, lines: Sequence[TextLine]) -> bool:
    """Return True if the middle of a sample's line is inside one of these lines."""
    x = (window[0] + (line.box[0] + line.box[2]) / 2) / image.shape[1]
    y = (window[1] + (line.box[1] + line.box[3]) / 2) / image.shape[0]
    boxes = (known.box for known in lines)
    return any(left <= x <= right and top <= y <= bottom for left, top, right, bottom in boxes)


def _is_within(line: TextLine, window: PixelWindow, image: Image) -> bool:
    x = (line.box[0] + line.box[2]) / 2 * image.shape[1]
    y = (line.box[1] + line.box[3]) / 2 * image.shape[0]
    return bool(window[0] <= x <= window[2] and window[1] <= y <= window[3])


def _to_pixels(line: TextLine, image: Image, *, margin: float) -> PixelWindow:
    height, width = image.shape[:2]
    left, top, right, bottom = line.box
    return (
        max(0, int((left - margin) * width)),
        max(0, int((top - margin) * height)),
        min(width, int((right + margin) * width) + 1),
        min(height, int((bottom + margin) * height) + 1),
    )
