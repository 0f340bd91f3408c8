"""Images are turned upright, and boxes are converted back. Service tests check with real engines which way is up."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageDraw

from slimgest_celery.engines.protocol import Image, OcrLine
from slimgest_celery.reading import orientation
from slimgest_celery.reading.orientation import PageTransform
from tests.support import pdfs


def _image(slope: float = 0.0) -> Image:
    return np.asarray(pdfs.picture(skew=slope).convert("RGB"))


class Counting:
    """An engine that reads one line in every image and stores the sizes of the images."""

    name = "counting"
    version = "1"
    batch_size = 1

    def __init__(self, confidence: float = 0.99) -> None:
        self.shapes: list[tuple[int, ...]] = []
        self._confidence = confidence

    def read(self, images: Sequence[Image]) -> list[list[OcrLine]]:
        self.shapes += [image.shape for image in images]
        return [[OcrLine(text="line", confidence=self._confidence, box=(0, 0, 100, 20))] for _ in images]

    def warm_up(self, image: Image) -> None:
        pass


@pytest.mark.parametrize("turned", [0, 90, 180, 270])
@pytest.mark.parametrize("deskew_degrees", [0.0, -4.0])
def test_boxes_are_converted_to_the_original_image(turned: int, deskew_degrees: float) -> None:
    image = np.full((400, 600, 3), 255, dtype=np.uint8)
    image[100:110, 450:480] = 0  # a dark spot
    transform = PageTransform(width=600, height=400, turned=turned, deskew_degrees=deskew_degrees)
    upright = transform.apply(image)
    ys, xs = np.nonzero(upright[:, :, 0] < 128)
    spot = (float(xs.min()), float(ys.min()), float(xs.max() + 1), float(ys.max() + 1))
    restored = transform.to_original(spot, upright.shape[1], upright.shape[0])
    assert restored == pytest.approx((450, 100, 480, 110), abs=4 if deskew_degrees else 0.01)


def test_an_upright_page_is_read_once_and_unchanged() -> None:
    engine = Counting()
    (result,) = orientation.read_upright(engine, [_image()])
    assert engine.shapes == [(1240, 875, 3)]
    assert result.transform == PageTransform(width=875, height=1240)


def test_a_page_read_with_little_confidence_is_read_the_other_way_up_on_a_sample_only() -> None:
    engine = Counting(confidence=0.6)
    (result,) = orientation.read_upright(engine, [_image()])
    assert result.transform.turned == 0, "the confidence is equal both ways"
    assert len(engine.shapes) == 3 and all(shape[0] < 600 for shape in engine.shapes[1:])


def test_rules_are_found_on_the_upright_image_if_lines_are_side_by_side() -> None:
    page = Pillow.new("RGB", (600, 400), "white")
    ImageDraw.Draw(page).line((50, 300, 550, 300), fill=0, width=2)
    image = np.asarray(page)
    engine = Counting()
    (result,) = orientation.read_upright(engine, [image])
    assert result.rules == (), "a single line is in no table"
    lines = [OcrLine(text="cell", confidence=1, box=(x, y, x + 50, y + 20)) for x in (10, 90) for y in (10, 40)]
    engine.read = lambda images: [lines for _ in images]  # type: ignore[method-assign]
    (result,) = orientation.read_upright(engine, [image])
    assert [pytest.approx((50, 300, 550, 302), abs=3)] == list(result.rules)


class Reading(Counting):
    """An engine that reads one text in wide images and another in high ones."""

    def __init__(self, wide: str, high: str) -> None:
        super().__init__()
        self._wide, self._high = wide, high

    def read(self, images: Sequence[Image]) -> list[list[OcrLine]]:
        self.shapes += [image.shape for image in images]
        texts = [self._wide if image.shape[1] > image.shape[0] else self._high for image in images]
        return [[OcrLine(text=text, confidence=0.97, box=(0, 0, 100, 20))] if text else [] for text in texts]


@pytest.mark.parametrize(
    ("wide", "high", "turned"),
    [
        ("nkd", "quiet when the boats came in", 0),  # upright, as the photograph of a sign may be
        ("quiet when the boats came in", "nkd", 90),
        ("", "T", 0),
        ("o", "", 0),  # a shape that looks like a letter
    ],
)
def test_an_image_is_turned_only_for_a_text_of_some_length(wide: str, high: str, turned: int) -> None:
    image = np.asarray(pdfs.picture(turned=270).convert("RGB"))[:, :800]  # higher than wide
    (result,) = orientation.read_upright(Reading(wide, high), [image])
    assert result.transform.turned == turned


def test_a_sample_with_little_text_is_weak_evidence_for_a_turn() -> None:
    image = np.asarray(pdfs.picture(turned=270).convert("RGB"))[:, :800]
    engine = Reading("Seoul", "")
    (result,) = orientation.read_upright(engine, [image])
    assert result.transform.turned == 90
    assert engine.shapes[3:5] == [image.shape, image.transpose(1, 0, 2).shape], "the whole image, after the sample"


def test_pages_of_a_batch_are_read_in_one_call() -> None:
    calls = []
    engine = Counting()
    read = engine.read
    engine.read = lambda images: calls.append(len(images)) or read(images)  # type: ignore[method-assign,func-returns-value]
    assert len(orientation.read_upright(engine, [_image(), _image(slope=2), _image()])) == 3
    assert calls == [3]
