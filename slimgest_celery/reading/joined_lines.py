"""Lines that an engine read over two columns of a scan with a narrow gutter: they are split at the gutter.

The gutter is known from other lines of the page, which end and begin there. A line over it is split if the image is
white at the gutter, wider than between two words. The text is split at the nearest space, by usual widths of letters.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from statistics import median

import numpy as np
from numpy.typing import NDArray

from slimgest_celery.engines.protocol import Image, OcrLine
from slimgest_celery.layout.columns import LineBox, by_middle, find_gutters, may_have_columns
from slimgest_celery.layout.running_text import Side
from slimgest_celery.layout.word_boxes import words
from slimgest_celery.models.page import Block

_LIGHT = 170  # a pixel of the background is at least as light
_MAX_DARK = 0.1  # share of the pixels of a column of pixels between two lines of text
# In heights of a line.
_MIN_WHITE = 0.4  # width of the gutter; spaces between words are narrower
_NEAR = 0.5  # from the gutter to the white space
_AT_GUTTER = 3.0  # from the gutter to the ends of lines to its left, and to the beginnings of those to its right
_MIN_PART = 4.0  # of a line on each side of the gutter
_MARGIN = 0.15  # above and below the letters in the box of a line
_MAX_PITCH = 1.6  # from the middle of a line to that of the next
_MIN_LINES = 4  # that end, and that begin, at a gutter


def split_at_gutters(lines: Sequence[OcrLine], image: Image) -> list[OcrLine]:
    """Return the lines, with those over two columns of text in two parts."""
    found = list(lines)
    if not may_have_columns([line.box for line in found]):
        return found
    height = median(line.box[3] - line.box[1] for line in found)
    boxes = [LineBox(n, *line.box, (line.box[1] + line.box[3]) / 2, line.text) for n, line in enumerate(found)]
    boxes.sort(key=by_middle)
    for x in find_gutters(boxes, height):
        if extent := _columns_beside(boxes, x, height):
            found = _split_all(found, image, x, extent, height)
    return found


def _columns_beside(boxes: list[LineBox], x: float, height: float) -> tuple[float, float] | None:
    """Return the outer edges of the columns of running text on both sides of this x, or None."""
    left = [box for box in boxes if x - _AT_GUTTER * height < box.right <= x + _NEAR * height]
    right = [box for box in boxes if x - _NEAR * height <= box.left < x + _AT_GUTTER * height]
    if min(len(left), len(right)) < _MIN_LINES or not all(Side(side, height).is_running_text for side in (left, right)):
        return None
    reach = _AT_GUTTER * height  # the last line of a paragraph, or an indented one
    return median(box.left for box in left) + reach, median(box.right for box in right) - reach


def _split_all(
    lines: list[OcrLine], image: Image, x: float, extent: tuple[float, float], height: float
) -> list[OcrLine]:
    """Return the lines, with those over the gutter at x in two parts. A line over both columns has this extent."""
    over = [line for line in lines if _is_over(line, x, height)]
    wide = [line for line in over if line.box[0] < extent[0] and line.box[2] > extent[1]]
    splits = {id(line): split for line in wide if (split := _split(line, image, x, height))}
    # Lines of a paragraph over the whole width may have a space at the gutter too, but not all of them.
    whole = [line for line in over if id(line) not in splits]
    single = [line for line in lines if line.box[2] <= x + _NEAR * height or line.box[0] >= x - _NEAR * height]
    found: list[OcrLine] = []
    for line in lines:
        split = splits.get(id(line))
        group = _connected(line, [other for other in over if id(other) in splits], height) if split else []
        is_joined = any(_is_next_to(one, other, height) for one in group for other in single)
        is_whole = any(_is_next_to(one, other, height) for one in group for other in whole)
        found += split if split and is_joined and not is_whole else (line,)
    return found


def _is_over(line: OcrLine, x: float, height: float) -> bool:
    left, top, right, bottom = line.box
    reach = _MIN_PART * height
    return left < x - reach and right > x + reach and bottom - top < 2 * height


def _connected(line: OcrLine, others: Sequence[OcrLine], height: float) -> list[OcrLine]:
    """Return the line with those of the others that are next to it, and next to these, and so on."""
    group, grown = [line], 0
    while grown < len(group):
        group += [other for other in others if _is_next_to(group[grown], other, height) and other not in group]
        grown += 1
    return group


def _is_next_to(line: OcrLine, other: OcrLine, height: float) -> bool:
    """Return True if one line is just above or below the other, or beside it."""
    distance = abs(line.box[1] + line.box[3] - other.box[1] - other.box[3]) / 2
    overlaps = line.box[0] < other.box[2] and other.box[0] < line.box[2]
    return distance < _MAX_PITCH * height and overlaps


def _split(line: OcrLine, image: Image, x: float, height: float) -> tuple[OcrLine, OcrLine] | None:
    """Return the two parts of a line, or None if there is no white space at the gutter."""
    left, top, right, bottom = line.box
    white = _white_space(line, image, x, height)
    if white is None:
        return None
    at = _space_nearest(line.text, (white[0] - left) / (right - left - (white[1] - white[0])))
    if at is None:
        return None
    return (
        replace(line, text=line.text[:at].strip(), box=(left, top, white[0], bottom)),
        replace(line, text=line.text[at:].strip(), box=(white[1], top, right, bottom)),
    )


def _white_space(line: OcrLine, image: Image, x: float, height: float) -> tuple[float, float] | None:
    """Return the start and end of the white space near x, or None if there is none that is wide enough."""
    _, top, _, bottom = line.box
    margin = _MARGIN * (bottom - top)
    first = max(0, round(x - 2 * height))
    part = image[max(0, round(top + margin)) : round(bottom - margin), first : round(x + 2 * height), 1]
    if not part.size:
        return None
    white: NDArray[np.bool_] = (part < _LIGHT).mean(axis=0) <= _MAX_DARK
    edges = np.flatnonzero(np.diff(white.astype(np.int8), prepend=0, append=0))
    for start, end in edges.reshape(-1, 2).tolist():
        near = first + start < x + _NEAR * height and first + end > x - _NEAR * height
        if near and end - start >= _MIN_WHITE * height:
            return float(first + start), float(first + end)
    return None


def _space_nearest(text: str, share: float) -> int | None:
    """Return the index of the space before which the words have this share of the width of all; None for one word."""
    spaces = [match.start() for match in re.finditer(r"\s+", text.strip())]
    parts = list(words(Block(text=text, confidence=1, box=(0, 0, 1, 1)), 0))
    if len(parts) < 2:
        return None
    shares = [one.box[2] / (1 - other.box[0] + one.box[2]) for one, other in pairwise(parts)]
    return min(zip(shares, spaces, strict=True), key=lambda space: abs(space[0] - share))[1]
