"""The text of a page in reading order, from OCR and from a text layer."""

from __future__ import annotations

import pytest

from slimgest_celery.engines.protocol import OcrLine
from slimgest_celery.geometry import Box
from slimgest_celery.models.page import BlockSource
from slimgest_celery.pdf.text_line import TextLine
from slimgest_celery.reading.orientation import PageTransform, UprightResult
from slimgest_celery.reading.page_text import PageText

WIDTH, HEIGHT = 600, 800
TEXTS = ["First line", "Second line", "Third line"]


def _upright_box(row: int) -> Box:
    return 60.0, 100.0 + 20 * row, 300.0, 115.0 + 20 * row


def _ocr_result(turned: int = 0) -> UprightResult:
    lines = [OcrLine(text=text, confidence=0.9, box=_upright_box(row)) for row, text in enumerate(TEXTS)]
    width, height = (WIDTH, HEIGHT) if turned % 180 == 0 else (HEIGHT, WIDTH)
    transform = PageTransform(width=width, height=height, turned=turned)
    return UprightResult(lines=lines[::-1], width=WIDTH, height=HEIGHT, transform=transform)


def test_lines_of_ocr_are_put_in_reading_order() -> None:
    text = PageText.from_ocr(_ocr_result())
    assert text.turned == 0 and text.layout.text == "\n".join(TEXTS)
    first = text.layout.blocks[0]
    assert first.box == pytest.approx((0.1, 0.125, 0.5, 115 / 800), abs=1e-4) and first.confidence == 0.9


@pytest.mark.parametrize(
    ("turned", "box"),
    [
        (90, (0.125, 0.5, 115 / 800, 0.9)),
        (180, (0.5, 1 - 115 / 800, 0.9, 0.875)),
        (270, (1 - 115 / 800, 0.1, 0.875, 0.5)),
    ],
)
def test_boxes_of_a_turned_scan_are_those_of_the_page_as_displayed(turned: int, box: Box) -> None:
    text = PageText.from_ocr(_ocr_result(turned))
    assert text.turned == turned and text.layout.text == "\n".join(TEXTS)
    assert text.layout.blocks[0].box == pytest.approx(box, abs=1e-4)


def test_lines_in_a_table_of_a_scan_are_read_cell_by_cell() -> None:
    """The second cell of the second row has two lines."""
    texts = {(70, 110): "Name", (320, 110): "Result", (70, 150): "Ada", (320, 150): "98 %", (320, 175): "(97 %)"}
    lines = [OcrLine(text=text, confidence=1, box=(x, y, x + 60, y + 15)) for (x, y), text in texts.items()]
    rules = [(60, y, 500, y) for y in (100, 140, 200)] + [(x, 100, x, 200) for x in (60, 300, 500)]
    transform = PageTransform(width=WIDTH, height=HEIGHT)
    result = UprightResult(lines=lines, width=WIDTH, height=HEIGHT, transform=transform, rules=rules)
    assert PageText.from_ocr(result).layout.text == "Name\tResult\nAda\t98 % (97 %)"


def test_a_block_has_the_source_of_its_line() -> None:
    assert {block.source for block in PageText.from_ocr(_ocr_result()).layout.blocks} == {BlockSource.OCR}
    sources = [BlockSource.TEXT_LAYER, BlockSource.FORM_FIELD, BlockSource.ANNOTATION]
    for turned in (0, 90):
        for slope in (0.0, 4.0):
            lines = [
                TextLine(
                    text=text,
                    box=(0.1, 0.1 + 0.2 * row, 0.5, 0.12 + 0.2 * row),
                    size=10,
                    turned=turned,
                    slope=slope,
                    source=source,
                )
                for row, (text, source) in enumerate(zip(TEXTS, sources, strict=True))
            ]
            blocks = PageText.from_text_layer(lines, WIDTH, HEIGHT).layout.blocks
            assert {block.text: block.source for block in blocks} == dict(zip(TEXTS, sources, strict=True))


@pytest.mark.parametrize("slope", [0.0, 4.0])
def test_close_parts_of_a_row_are_joined_only_if_they_have_one_source(slope: float) -> None:
    def line(text: str, left: float, source: BlockSource) -> TextLine:
        return TextLine(text=text, box=(left, 0.1, left + 0.1, 0.12), size=12, slope=slope, source=source)

    lines = [
        line("Name:", 0.1, BlockSource.TEXT_LAYER),
        line("Ada", 0.205, BlockSource.FORM_FIELD),
        line("King", 0.31, BlockSource.FORM_FIELD),
    ]
    blocks = PageText.from_text_layer(lines, WIDTH, HEIGHT).layout.blocks
    assert {block.text for block in blocks} == {"Name:", "Ada King"}


def test_lines_of_a_text_layer_are_put_in_reading_order() -> None:
    lines = [TextLine(text=text, box=(0.1, 0.1 + 0.03 * row, 0.5, 0.12 + 0.03 * row)) for row, text in enumerate(TEXTS)]
    text = PageText.from_text_layer(lines[::-1], WIDTH, HEIGHT)
    assert text.turned == 0 and text.layout.text == "\n".join(TEXTS)


def test_most_of_the_text_decides_the_direction_of_the_page() -> None:
    """The lines run downwards on the page as displayed, except for a stamp."""
    boxes = [(0.9 - 0.03 * row, 0.1, 0.92 - 0.03 * row, 0.5) for row in range(3)]
    lines = [TextLine(text=text, box=box, turned=90) for text, box in zip(TEXTS, boxes, strict=True)]
    stamp = TextLine(text="Copy", box=(0.1, 0.9, 0.15, 0.92))
    text = PageText.from_text_layer([stamp, *lines], WIDTH, HEIGHT)
    assert text.turned == 270 and text.layout.text.split("\n")[:3] == TEXTS
    assert text.layout.blocks[0].box == pytest.approx(boxes[0], abs=1e-4)


def test_words_of_a_skewed_text_layer_are_joined_to_lines() -> None:
    words = [
        TextLine(text="right", box=(0.3, 0.205, 0.35, 0.225), size=12, slope=2),
        TextLine(text="left", box=(0.24, 0.202, 0.29, 0.222), size=12, slope=2),
        TextLine(text="far", box=(0.7, 0.218, 0.75, 0.238), size=12, slope=2),
    ]
    text = PageText.from_text_layer(words, WIDTH, HEIGHT)
    assert text.layout.text == "left right\tfar"


def test_a_page_without_text_has_an_empty_layout() -> None:
    text = PageText.from_text_layer([], WIDTH, HEIGHT)
    assert (text.layout.text, text.layout.blocks, text.layout.paragraphs) == ("", [], [])
