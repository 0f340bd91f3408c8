"""How an image lies, and how boxes find back to it. Which way is up only a real engine tells: see the service tests."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from slimgest_celery import orientation, skew
from slimgest_celery.engines import Line
from slimgest_celery.engines.protocol import Image
from slimgest_celery.orientation import Stance
from tests.support import pdfs


def _image(*, turned: int = 0, slope: float = 0.0) -> Image:
    return np.asarray(pdfs.picture(turned=turned, skew=slope).convert("RGB"))


class Counting:
    """Reads one sure line in every image, and counts them."""

    name = "counting"
    version = "1"
    batch_size = 1

    def __init__(self, confidence: float = 0.99) -> None:
        self.shapes: list[tuple[int, ...]] = []
        self._confidence = confidence

    def read(self, images: Sequence[Image]) -> list[list[Line]]:
        self.shapes += [image.shape for image in images]
        return [[Line(text="sure", confidence=self._confidence, box=(0, 0, 100, 20))] for _ in images]

    def warm_up(self, image: Image) -> None:
        pass


@pytest.mark.parametrize("slope", [0, 1.5, -3, 5, -5])
@pytest.mark.parametrize("turned", [0, 90])
def test_the_slope_of_lines_is_measured(slope: float, turned: int) -> None:
    measured = skew.measure(_image(turned=turned, slope=slope))
    assert measured is not None
    assert measured.degrees == pytest.approx(-slope, abs=0.3)
    assert (measured.across > 1.5) == (turned == 90)


def test_an_empty_page_has_no_slope() -> None:
    assert skew.measure(np.full((800, 600, 3), 255, dtype=np.uint8)) is None


def test_a_picture_beside_the_text_does_not_tilt_it() -> None:
    image = _image(slope=3).copy()
    rng = np.random.default_rng(5)
    image[700:1200, 50:800] = rng.integers(0, 90, (500, 750, 1), dtype=np.uint8)
    measured = skew.measure(image)
    assert measured is not None and measured.degrees == pytest.approx(-3, abs=0.3)


@pytest.mark.parametrize("turned", [0, 90, 180, 270])
@pytest.mark.parametrize("straightened", [0.0, -4.0])
def test_boxes_find_back_to_the_image_as_it_was(turned: int, straightened: float) -> None:
    image = np.full((400, 600, 3), 255, dtype=np.uint8)
    image[100:110, 450:480] = 0  # a dark spot
    stance = Stance(width=600, height=400, turned=turned, straightened=straightened)
    upright = stance.apply(image)
    ys, xs = np.nonzero(upright[:, :, 0] < 128)
    spot = (float(xs.min()), float(ys.min()), float(xs.max() + 1), float(ys.max() + 1))
    restored = stance.restore(spot, upright.shape[1], upright.shape[0])
    assert restored == pytest.approx((450, 100, 480, 110), abs=4 if straightened else 0.01)


def test_an_upright_page_is_read_once_and_as_it_is() -> None:
    engine = Counting()
    (reading,) = orientation.read(engine, [_image()])
    assert engine.shapes == [(1240, 875, 3)]
    assert reading.stance == Stance(width=875, height=1240)


def test_a_page_read_with_little_confidence_is_tried_the_other_way_up_on_a_sample_only() -> None:
    engine = Counting(confidence=0.6)
    (reading,) = orientation.read(engine, [_image()])
    assert reading.stance.turned == 0, "neither way is surer"
    assert len(engine.shapes) == 3 and all(shape[0] < 600 for shape in engine.shapes[1:])


def test_pages_of_a_batch_are_read_in_one_call() -> None:
    calls = []
    engine = Counting()
    read = engine.read
    engine.read = lambda images: calls.append(len(images)) or read(images)  # type: ignore[method-assign,func-returns-value]
    assert len(orientation.read(engine, [_image(), _image(slope=2), _image()])) == 3
    assert calls == [3]
