"""The drawings of a page, from the shapes that its PDF draws."""

from __future__ import annotations

import pytest

from slimgest_celery.geometry import Box, PageBox
from slimgest_celery.layout.structure.drawings import find_drawings

WIDTH, HEIGHT = 600.0, 800.0
SENTENCE = "A sentence of a paragraph that is longer than any label of a drawing"
Shapes = list[tuple[PageBox, bool]]


def _on_page(left: float, top: float, right: float, bottom: float) -> PageBox:
    return left / WIDTH, top / HEIGHT, right / WIDTH, bottom / HEIGHT


def _curves(left: float, top: float, count: int = 4) -> Shapes:
    return [(_on_page(left + 40 * n, top + 20 * n, left + 40 * n + 50, top + 20 * n + 60), True) for n in range(count)]


def _find(shapes: Shapes, lines: list[tuple[str, PageBox]] | None = None) -> list[tuple[Box, list[int]]]:
    found = find_drawings(shapes, lines or [], WIDTH, HEIGHT)
    return [(tuple(round(edge, 2) for edge in one.box), one.lines) for one in found]  # type: ignore[misc]


def test_curves_close_to_each_other_are_a_drawing_with_the_labels_in_it() -> None:
    lines = [("Start", _on_page(110, 210, 150, 220)), (SENTENCE, _on_page(50, 500, 500, 512))]
    ((box, inside),) = _find(_curves(100, 200), lines)
    assert inside == [0] and box[0] == 0.17


def test_drawings_apart_are_several_drawings() -> None:
    assert len(_find([*_curves(50, 100), *_curves(330, 100), *_curves(50, 400)])) == 3


def test_a_short_line_close_to_a_drawing_is_its_label_and_a_sentence_is_not() -> None:
    lines = [("0.5", _on_page(80, 240, 96, 250)), (SENTENCE, _on_page(100, 325, 500, 337))]
    ((box, inside),) = _find(_curves(100, 200), lines)
    assert inside == [0] and box[0] == 0.13


@pytest.mark.parametrize("is_upright", [True, False])
def test_bars_are_a_drawing(is_upright: bool) -> None:
    bars = [(100.0 + 40 * n, 300.0 - 30 * n, 120.0 + 40 * n, 320.0) for n in range(4)]
    boxes = bars if is_upright else [(100.0, left, 420 - top, right) for left, top, right, _ in bars]
    axis = _on_page(100, 320, 240, 320) if is_upright else _on_page(100, 100, 100, 240)
    assert len(_find([(axis, False), *((_on_page(*box), False) for box in boxes)])) == 1


def test_a_curve_needs_axes_to_be_a_plot() -> None:
    curve = (_on_page(110, 210, 290, 290), True)
    ticks = [(_on_page(100 + 20 * n, 300, 100 + 20 * n, 304), False) for n in range(11)]
    assert _find([curve]) == []
    assert len(_find([curve, *ticks, (_on_page(100, 200, 300, 300), False)])) == 1


def test_the_rules_of_a_table_are_no_drawing() -> None:
    rules = [(_on_page(100, 200 + 20 * n, 400, 200 + 20 * n), False) for n in range(12)]
    rules += [(_on_page(100 + 60 * n, 200, 100 + 60 * n, 420), False) for n in range(6)]
    assert _find(rules) == []


def test_frames_and_coloured_fields_with_text_are_no_drawings() -> None:
    lines = [(SENTENCE, _on_page(110, 205 + 14 * n, 480, 215 + 14 * n)) for n in range(6)]
    frames = [(_on_page(100 - n, 200 - n, 500 + n, 300 + n), True) for n in range(4)]
    assert _find(frames, lines) == []
    beside = [(SENTENCE, _on_page(310, 205 + 14 * n, 480, 215 + 14 * n)) for n in range(6)]
    ((box, inside),) = _find([*frames, *_curves(110, 210)], beside)
    assert inside == [] and box[2] < 0.52, "a drawing in a field beside text ends where the drawing ends"


def test_shapes_beyond_the_page_and_backgrounds_are_left_out() -> None:
    clipped = [(_on_page(100, -2000, 300, 3000), True), (_on_page(0, 0, 600, 800), True)]
    assert _find(clipped * 3) == []
    ((box, _),) = _find([*clipped, *_curves(100, 200)])
    assert box == (0.17, 0.25, 0.45, 0.4)
