"""The decision between a page's text layer and OCR.

`decide` needs no OCR engine. Where it leaves the source open, `verify` compares the text layer with OCR of a sample of
the page. The first row that fits applies; "in question" is an `OpenQuestion` of text_layer_quality.py.

    mode  text layer                                                          source      reason
    ----  ------------------------------------------------------------------  ----------  ----------------------
    ocr   any; it is not examined                                             OCR         mode_ocr
    text  distrusted for a REASON, as below                                   text layer  mode_text; REASON
    text  any other, also one in question                                     text layer  mode_text
    auto  nothing is drawn on the page                                        text layer  blank
    auto  empty                                                               OCR         no_text
    auto  only invisible text, and no scan on the page                        OCR         hidden_text
    auto  more than 10 % broken characters                                    OCR         garbled_text
    auto  no question                                                         text layer  text_layer
    auto  only AGREEMENT in question, no scan: all fonts are valid or checked text layer  text_layer
    auto  the same, and a sample of another page has shown a font to be wrong OCR         garbled_text
    auto  COVERAGE in question: the page shows readable text beside the layer OCR         text_beside_scan
    auto  AGREEMENT in question: the sample has other text than the layer     OCR         garbled_text
    auto  the same, or at another place, and the layer is an OCR layer        OCR         wrong_ocr_layer
    auto  unmapped and unlike any language, and the sample cannot be read     OCR         garbled_text
    auto  in question, and the sample has the same text or none               text layer  text_layer or ocr_layer
    auto  in question, and the engine fails on the sample                     OCR         (none)

COVERAGE (is all that is printed in the layer?) is in question for short text, and for little text on a scan. An image
of 50 dpi can answer it without OCR: nothing is printed beside the layer's lines. Beside more text, pictures are read by
themselves (pictures/). AGREEMENT (is the layer's text what is printed?) is in question for an OCR layer, for text
over a scan, for text unlike any language, for drawings labelled in signs, and for unmapped text, whose embedded fonts
do not say what its characters are; where no scan is below the text, its fonts may answer it (text_layer_fonts.py).
`ocr_layer` is text that an OCR program added to a scan.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from slimgest_celery.engines.protocol import OcrEngine
from slimgest_celery.errors import PageFailure
from slimgest_celery.models.job import Mode
from slimgest_celery.models.page import Source
from slimgest_celery.pdf.document import Image, Pdf, PdfPage
from slimgest_celery.reading import page_text, text_layer_check, text_layer_fonts, text_layer_quality
from slimgest_celery.reading.text_layer_fonts import FontVerdicts
from slimgest_celery.reading.text_layer_quality import OpenQuestion, TextLayer

# The share of sampled pages with a good text layer from which the text layer is the expected source. A page that needs
# OCR after all delays only the rest of its task.
_MIN_TEXT_SHARE = 0.75
# The resolution and the largest size of the image that may answer a question without OCR.
_QUICK_CHECK_DPI, _QUICK_CHECK_PIXELS = 50.0, 4_000_000


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The source of a page's text, and the reason."""

    source: Source | None  # None: open until `verify`
    reason: str
    layer: TextLayer | None = None  # None: not examined


def decide(page: PdfPage, mode: Mode, verdicts: FontVerdicts) -> Decision:
    """Return the decision that is possible without OCR; raises `PageTooMuchText`."""
    if mode == Mode.OCR:
        return Decision(source=Source.OCR, reason="mode_ocr")
    if mode == Mode.AUTO and page.is_empty():
        return Decision(source=Source.TEXT_LAYER, reason="blank", layer=TextLayer(lines=[], score=1.0))
    layer = _examine(page)
    if mode == Mode.TEXT:
        reason = "; ".join(filter(None, ["mode_text", layer.reason]))
        return Decision(source=Source.TEXT_LAYER, reason=reason, layer=layer)
    return _decide_by_layer(text_layer_fonts.answer_by_fonts(page, layer, verdicts))


def verify(layer: TextLayer, engine: OcrEngine, image: Image, verdicts: FontVerdicts) -> Decision:
    """Return the decision for a layer in question, from the page's image; raises whatever the engine raises."""
    verified = text_layer_check.verify_by_ocr(engine, image, layer)
    if layer.fonts_in_question:
        verdicts.record(layer.fonts_in_question, is_right=verified.reason is None)
    return _decide_by_layer(verified)


def predict_source(pdf: Pdf, mode: Mode, page_numbers: Sequence[int]) -> Source:
    """Return the probable source of most text of a PDF, from the statistics of these sample pages alone."""
    if mode != Mode.AUTO:
        return Source.TEXT_LAYER if mode == Mode.TEXT else Source.OCR
    text = sum(_is_probably_text(pdf, number) for number in page_numbers)
    return Source.TEXT_LAYER if text >= _MIN_TEXT_SHARE * len(page_numbers) else Source.OCR


def has_trusted_text(page: PdfPage) -> bool:
    """Return True if the statistics of the page's text layer leave no question."""
    layer = _assess(page)
    return layer.is_trusted or text_layer_fonts.has_valid_fonts(page, layer)


def _decide_by_layer(layer: TextLayer) -> Decision:
    if layer.reason is not None:
        return Decision(source=Source.OCR, reason=layer.reason, layer=layer)
    if layer.open_question is not None:
        return Decision(source=None, reason="", layer=layer)
    return Decision(source=Source.TEXT_LAYER, reason="ocr_layer" if layer.is_ocr else "text_layer", layer=layer)


def _examine(page: PdfPage) -> TextLayer:
    """Assess the text layer, with a coarse image only if text is white or COVERAGE is in question."""
    lines = page.text_lines()
    page_text.check_lines([line.text for line in lines])
    if any(line.white for line in lines):
        lines = text_layer_check.drop_invisible(lines, _quick_check_image(page))
    layer = text_layer_fonts.with_unmapped(page, text_layer_quality.assess(lines, page.picture_cover()))
    if layer.open_question == OpenQuestion.COVERAGE:
        return text_layer_check.quick_check(_quick_check_image(page), layer)
    return layer


def _quick_check_image(page: PdfPage) -> Image:
    return page.render(_QUICK_CHECK_DPI, _QUICK_CHECK_PIXELS).image


def _assess(page: PdfPage) -> TextLayer:
    return text_layer_quality.assess(page.text_lines(), page.picture_cover())


def _is_probably_text(pdf: Pdf, page_number: int) -> bool:
    try:
        with pdf.page(page_number) as page:
            if page.is_empty():  # no evidence against text on the other pages
                return True
            layer = _assess(page)
            return layer.is_probably_trusted or text_layer_fonts.has_valid_fonts(page, layer)
    except (PageFailure, MemoryError):
        return False
