"""The drawings of a page with a text layer: diagrams and plots, made of the shapes that the PDF draws. Pure.

Shapes that are close to each other are one drawing if enough of them are more than the rules of a table and the frame
of a text: curves, slanted lines, bars. A drawing that contains running text or a table is none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from slimgest_celery.geometry import Box, PageBox, clip, has_middle_in, scale, to_fractions, union
from slimgest_celery.layout.structure.elements import PageElement
from slimgest_celery.layout.structure.roles import Line, find_graphics
from slimgest_celery.models.page import RegionKind

_GAP = 14.0  # points between the shapes of two drawings, at least
_MIN_CURVED = 3  # shapes; or one, such as the curve of a plot, of a share of the drawing, with the shapes of its axes
_MIN_CURVE, _MIN_WITH_CURVE = 0.3, 12
_MANY = 300  # shapes of any kind: more than the rules of a table
_SENTENCE, _MAX_IN_SENTENCES = 40, 0.5  # characters of a line, and the share of all that are in such lines
_MIN_BARS, _MIN_BAR = 3, 3  # bars of different lengths; the least length and width in points
_MIN_SIDE, _MIN_AREA, _MAX_AREA = 0.05, 0.01, 0.6  # of the page
_EDGE = 0.02  # of the page, beyond its edges
_CONFIDENCE = 0.9
_MIN_FRAME, _MAX_LONG_LABELS = 30.0, 1  # points; lines of text in a shape of a drawing
_MAX_LABEL, _LABEL_GAP = 16, 6.0  # characters and distance in points of a label outside of the shapes


class Drawing(NamedTuple):
    """A drawing, and the lines of text that are its labels."""

    box: PageBox
    lines: list[int]


def find_drawings(
    shapes: Sequence[tuple[PageBox, bool]], lines: Sequence[tuple[str, PageBox]], width: float, height: float
) -> list[Drawing]:
    """Return the drawings of an upright page of this size in points, from top to bottom.

    `shapes`: boxes, and True for what is curved or slanted. `lines`: text and box.
    """
    visible = [(scale(box, width, height), is_curved) for box, is_curved in shapes if _may_be_part(box)]
    if not _may_be_drawn(visible):  # most pages
        return []
    texts = [Line(text, scale(box, width, height)) for text, box in lines]
    small = [one for one in visible if not _is_frame(one[0], texts)]
    clusters = [cluster for cluster in _clusters(small) if _is_drawn(cluster)] if small else []
    boxes = [box for cluster in clusters if _is_figure(box := union([one for one, _ in cluster]), width, height)]
    if not boxes:
        return []
    with_labels = [_with_labels(box, texts) for box in boxes]
    elements = [PageElement(RegionKind.FIGURE, _CONFIDENCE, box) for box in with_labels]
    found = []
    for element, inside in find_graphics(texts, elements):
        count = sum(has_middle_in(box, element.box) for box, _ in small)
        are_labels = len(inside) <= count and _are_labels([len(texts[index].text) for index in inside])
        if element.kind == RegionKind.FIGURE and are_labels:
            found.append(Drawing(clip(to_fractions(element.box, width, height)), inside))
    return sorted(found, key=lambda drawing: drawing.box[1])


def _is_frame(shape: Box, lines: Sequence[Line]) -> bool:
    """Return True if a shape is around or behind text, such as a coloured field."""
    if min(shape[2] - shape[0], shape[3] - shape[1]) < _MIN_FRAME:
        return False
    return sum(len(line.text) > _MAX_LABEL and has_middle_in(line.box, shape) for line in lines) > _MAX_LONG_LABELS


def _may_be_part(shape: PageBox) -> bool:
    """Return True for a shape on the page that is no background. One that is partly outside is clipped."""
    left, top, right, bottom = shape
    return min(left, top) >= -_EDGE and max(right, bottom) <= 1 + _EDGE and (right - left) * (bottom - top) <= _MAX_AREA


def _is_figure(box: Box, width: float, height: float) -> bool:
    wide, high = (box[2] - box[0]) / width, (box[3] - box[1]) / height
    return min(wide, high) >= _MIN_SIDE and _MIN_AREA <= wide * high <= _MAX_AREA


def _clusters(shapes: Sequence[tuple[Box, bool]]) -> Iterator[list[tuple[Box, bool]]]:
    """Yield shapes that no empty stripe divides, level or upright."""
    for axis in (1, 0):
        parts = list(_split(shapes, axis))
        if len(parts) > 1:
            for part in parts:
                yield from _clusters(part)
            return
    yield list(shapes)


def _split(shapes: Sequence[tuple[Box, bool]], axis: int) -> Iterator[list[tuple[Box, bool]]]:
    """Yield the parts of shapes between empty stripes across an axis (0: x, 1: y)."""
    ordered = sorted(shapes, key=lambda shape: shape[0][axis])
    start, end = 0, float("-inf")
    for index, (box, _) in enumerate(ordered):
        if index > start and box[axis] - end > _GAP:
            yield ordered[start:index]
            start = index
        end = max(end, box[axis + 2])
    yield ordered[start:]


def _may_be_drawn(shapes: Sequence[tuple[Box, bool]]) -> bool:
    """Return True unless no part of these shapes can be a drawing."""
    if any(is_curved for _, is_curved in shapes) or len(shapes) >= _MANY:
        return True
    return _has_bars([box for box, _ in shapes])


def _are_labels(lengths: Sequence[int]) -> bool:
    """Return True unless lines of these lengths are mostly sentences, as in a frame. One may be a title."""
    long = [length for length in lengths if length > _SENTENCE]
    return len(long) < 2 or sum(long) <= _MAX_IN_SENTENCES * sum(lengths)


def _is_drawn(cluster: Sequence[tuple[Box, bool]]) -> bool:
    """Return True if a cluster has what only drawings have."""
    boxes, curved = [box for box, _ in cluster], [box for box, is_curved in cluster if is_curved]
    if len(curved) >= _MIN_CURVED or len(cluster) >= _MANY or _has_bars(boxes):
        return True
    whole = union(boxes)
    is_large = any(
        all(box[axis + 2] - box[axis] >= _MIN_CURVE * (whole[axis + 2] - whole[axis]) for axis in (0, 1))
        for box in curved
    )
    return is_large and len(cluster) >= _MIN_WITH_CURVE


def _has_bars(boxes: Sequence[Box]) -> bool:
    """Return True for rectangles of one width that begin on one line and have different lengths."""
    for along, base in ((1, 3), (0, 0)):  # bars above a level line, or to the right of an upright one
        lengths: defaultdict[tuple[int, int], set[int]] = defaultdict(set)
        for box in boxes:
            width, length = (round(box[axis + 2] - box[axis]) for axis in (1 - along, along))
            if min(width, length) >= _MIN_BAR:
                lengths[round(box[base]), width].add(length)
        if any(len(different) >= _MIN_BARS for different in lengths.values()):
            return True
    return False


def _with_labels(drawing: Box, lines: Sequence[Line]) -> Box:
    """Return the box of a drawing with the short lines that are close to it, such as the numbers of an axis."""
    left, top, right, bottom = drawing
    return union(
        [
            drawing,
            *(
                line.box
                for line in lines
                if len(line.text) <= _MAX_LABEL
                and max(left - line.box[2], line.box[0] - right, top - line.box[3], line.box[1] - bottom) <= _LABEL_GAP
            ),
        ]
    )
