"""The decision between text layer and OCR, row by row of its table."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from slimgest_celery.engines.protocol import Image, OcrLine
from slimgest_celery.models.job import Mode
from slimgest_celery.models.page import Source
from slimgest_celery.pdf.document import Pdf
from slimgest_celery.reading import text_layer_decision
from slimgest_celery.reading.text_layer_decision import Decision
from slimgest_celery.reading.text_layer_fonts import LocalFontVerdicts
from tests.support import font_pdfs, pdfs

PROSE = "\n".join(pdfs.PROSE)
NEXT_LETTER = {c: chr(ord(c) + 1) for c in "abcdefghijklmnopqrstuvwxy"}
SCAN_WITH_LAYER = pdfs.pictured(pdfs.picture(), layer=pdfs.PROSE)
SAMPLE = " ".join(pdfs.PROSE[:4]).split()  # the words in the part of the scan that is compared


class SampleReader:
    """An engine that reads these lines in every sample, spread over its whole height."""

    name = "sample-reader"
    version = "1"
    batch_size = 1

    def __init__(self, *texts: str, confidence: float = 0.99) -> None:
        self._texts, self._confidence = texts, confidence

    def read(self, images: Sequence[Image]) -> list[list[OcrLine]]:
        return [
            [OcrLine(text=text, confidence=self._confidence, box=(0, 0, image.shape[1], 20)) for text in self._texts]
            for image in images
        ]

    def warm_up(self, image: Image) -> None:
        pass


def _decide(pdf: Pdf, mode: Mode) -> Decision:
    with pdf.page(1) as page:
        return text_layer_decision.decide(page, mode, LocalFontVerdicts())


def _verify(pdf: Pdf, engine: SampleReader) -> Decision:
    with pdf.page(1) as page:
        layer = text_layer_decision.decide(page, Mode.AUTO, LocalFontVerdicts()).layer
        assert layer is not None
        return text_layer_decision.verify(layer, engine, page.render(100, 10**7).image, LocalFontVerdicts())


@pytest.mark.parametrize(
    ("content", "mode", "source", "reason"),
    [
        (pdfs.text_pages([PROSE]), Mode.OCR, Source.OCR, "mode_ocr"),
        (pdfs.text_pages([PROSE]), Mode.TEXT, Source.TEXT_LAYER, "mode_text"),
        (pdfs.text_pages([PROSE]), Mode.AUTO, Source.TEXT_LAYER, "text_layer"),
        (pdfs.numbered(1), Mode.TEXT, Source.TEXT_LAYER, "mode_text; no_text"),
        (pdfs.numbered(1), Mode.AUTO, Source.OCR, "no_text"),
        (pdfs.text_pages(["A title page"]), Mode.AUTO, Source.TEXT_LAYER, "text_layer"),
        (SCAN_WITH_LAYER, Mode.TEXT, Source.TEXT_LAYER, "mode_text"),
        (SCAN_WITH_LAYER, Mode.AUTO, None, ""),
        (pdfs.mapped(pdfs.PROSE, NEXT_LETTER), Mode.AUTO, None, ""),
    ],
)
def test_the_decision_without_ocr(
    opened: Callable[[bytes], Pdf], content: bytes, mode: Mode, source: Source | None, reason: str
) -> None:
    decision = _decide(opened(content), mode)
    assert (decision.source, decision.reason) == (source, reason)
    assert (decision.layer is None) == (mode == Mode.OCR), "mode=ocr does not examine the layer"


@pytest.mark.parametrize(
    ("content", "texts", "source", "reason"),
    [
        (SCAN_WITH_LAYER, SAMPLE, Source.TEXT_LAYER, "ocr_layer"),
        (
            SCAN_WITH_LAYER,
            ["Quite another text, in vain"],
            Source.OCR,
            "wrong_ocr_layer",
        ),
        (pdfs.mapped(pdfs.PROSE, NEXT_LETTER), pdfs.PROSE, Source.OCR, "garbled_text"),
        (pdfs.pictured(pdfs.picture(), stamp="Copy 17"), pdfs.PROSE, Source.OCR, "text_beside_scan"),
        (pdfs.mapped(pdfs.PROSE, NEXT_LETTER), [], Source.TEXT_LAYER, "text_layer"),
    ],
)
def test_the_decision_after_ocr_of_a_sample(
    opened: Callable[[bytes], Pdf], content: bytes, texts: list[str], source: Source, reason: str
) -> None:
    decision = _verify(opened(content), SampleReader(*texts))
    assert (decision.source, decision.reason) == (source, reason)


def test_a_sample_read_with_little_confidence_is_no_evidence(opened: Callable[[bytes], Pdf]) -> None:
    pdf = opened(SCAN_WITH_LAYER)
    decision = _verify(pdf, SampleReader("Quite another text, in vain", confidence=0.5))
    assert (decision.source, decision.reason) == (Source.TEXT_LAYER, "ocr_layer")


@pytest.mark.parametrize(
    ("content", "mode", "expected"),
    [
        (pdfs.text_pages([PROSE] * 2), Mode.AUTO, Source.TEXT_LAYER),
        (pdfs.numbered(2), Mode.AUTO, Source.OCR),
        (pdfs.numbered(2), Mode.TEXT, Source.TEXT_LAYER),
        (pdfs.text_pages([PROSE] * 2), Mode.OCR, Source.OCR),
    ],
)
def test_the_source_is_predicted_from_sample_pages(
    opened: Callable[[bytes], Pdf], content: bytes, mode: Mode, expected: Source
) -> None:
    assert text_layer_decision.predict_source(opened(content), mode, [1, 2]) == expected


# Sequential codes, as many programs write them for a subset without a map: nothing says what the letters are.
WORDS = "where we were there were three trees here"
SEQUENTIAL = {letter: 0x41 + index for index, letter in enumerate(dict.fromkeys(WORDS))}
UNMAPPED = font_pdfs.with_glyphs(WORDS, has_cmap=False, codes=[SEQUENTIAL[letter] for letter in WORDS])
UNMAPPED_WORD = font_pdfs.with_glyphs("Phone", has_cmap=False, codes=[0x22, 0x37, 0x2B, 0x25, 0x2D])


@pytest.mark.parametrize(
    ("content", "read", "source", "reason"),
    [
        (UNMAPPED, WORDS, Source.OCR, "garbled_text"),
        (UNMAPPED_WORD, "Phone", Source.OCR, "garbled_text"),
        (UNMAPPED_WORD, '"7+%-', Source.TEXT_LAYER, "text_layer"),
        (UNMAPPED_WORD, "", Source.TEXT_LAYER, "text_layer"),
    ],
)
def test_text_in_a_font_that_does_not_say_what_its_letters_are_is_sampled(
    opened: Callable[[bytes], Pdf], content: bytes, read: str, source: Source, reason: str
) -> None:
    decision = _verify(opened(content), SampleReader(read))
    assert (decision.source, decision.reason) == (source, reason)


def test_unmapped_text_that_reads_as_a_language_is_not_sampled(opened: Callable[[bytes], Pdf]) -> None:
    text = " ".join(pdfs.PROSE)
    decision = _decide(opened(font_pdfs.with_glyphs(text, has_cmap=False, codes=[ord(c) for c in text])), Mode.AUTO)
    assert (decision.source, decision.reason) == (Source.TEXT_LAYER, "text_layer")
    assert decision.layer and decision.layer.text.startswith(pdfs.PROSE[0])


def test_much_unmapped_text_unlike_any_language_needs_no_other_evidence(opened: Callable[[bytes], Pdf]) -> None:
    text = WORDS * 3
    codes = [0x21 + list(SEQUENTIAL).index(letter) for letter in text]
    decision = _verify(opened(font_pdfs.with_glyphs(text, has_cmap=False, codes=codes)), SampleReader(""))
    assert (decision.source, decision.reason) == (Source.OCR, "garbled_text")


@pytest.mark.parametrize(("confidence", "source"), [(0.65, Source.OCR), (0.5, Source.TEXT_LAYER)])
def test_a_single_word_without_a_map_needs_less_evidence(
    opened: Callable[[bytes], Pdf], confidence: float, source: Source
) -> None:
    assert _verify(opened(UNMAPPED_WORD), SampleReader("Phone", confidence=confidence)).source == source
