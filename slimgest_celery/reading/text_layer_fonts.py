"""The answer of a page's fonts to the open question AGREEMENT: is the text of its layer what is printed?

Code, formulas and tables of numbers look unlike any language, and are still correct. A font with a valid map to Unicode
(pdf/fonts/font_maps.py) is not in question because of its signs. Other fonts are checked by OCR of a sample, once per
document: all pages share the verdict, and a document has at most MAX_FONT_SAMPLES samples.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Protocol

from slimgest_celery.config import MAX_FONT_SAMPLES
from slimgest_celery.pdf.document import PdfPage
from slimgest_celery.reading import text_layer_quality
from slimgest_celery.reading.text_layer_quality import OpenQuestion, TextLayer

_WRONG_FONT_SCORE, _UNCHECKED_SCORE = 0.1, 0.6
_MAX_UNMAPPED = 0.3  # of the characters of a page: with more of them without a map, it is in question
_SHORT = 12  # characters


class FontVerdicts(Protocol):
    """The results of samples for the fonts of one document. All workers that read it share them."""

    def find(self, fonts: Iterable[str]) -> dict[str, bool]:
        """Return the known verdicts of these fonts: True if the text of a font is what is printed."""
        ...

    def any_wrong(self) -> bool:
        """Return True if a font of the document was found wrong."""
        ...

    def record(self, fonts: Iterable[str], is_right: bool) -> None:
        """Store the verdict of a sample. A font that was found wrong stays wrong."""
        ...

    def take_sample(self) -> bool:
        """Return True if one more sample is allowed, and count it."""
        ...


class LocalFontVerdicts:
    """Verdicts of a document that one process reads alone."""

    def __init__(self) -> None:
        self._verdicts: dict[str, bool] = {}
        self._samples = 0

    def find(self, fonts: Iterable[str]) -> dict[str, bool]:
        return {font: self._verdicts[font] for font in fonts if font in self._verdicts}

    def any_wrong(self) -> bool:
        return not all(self._verdicts.values())

    def record(self, fonts: Iterable[str], is_right: bool) -> None:
        for font in fonts:
            self._verdicts[font] = is_right and self._verdicts.get(font, True)

    def take_sample(self) -> bool:
        self._samples += 1
        return self._samples <= MAX_FONT_SAMPLES


def with_unmapped(page: PdfPage, layer: TextLayer) -> TextLayer:
    """Return the layer with AGREEMENT in question if its fonts do not say what many of its characters are.

    PDFium gives such characters by their codes. Text that reads as a language shows that the codes are right.
    """
    if layer.reason is not None or layer.is_over_scan or not _is_unmapped(page, layer):
        return layer
    if layer.open_question is None:
        layer = replace(layer, score=0.5, open_question=OpenQuestion.AGREEMENT)
    return replace(layer, is_unmapped=True)


def _is_unmapped(page: PdfPage, layer: TextLayer) -> bool:
    errors = page.map_errors
    if errors.share_in_embedded + errors.share_in_type3 > _MAX_UNMAPPED:
        if text_layer_quality.reads_as_latin(layer.text):
            return False
        return errors.share_in_embedded > _MAX_UNMAPPED or _has_invalid(page)
    # PDFium reports no errors for a symbolic font, which may show anything.
    is_short = len(layer.text.strip()) < _SHORT
    return is_short and text_layer_quality.is_odd(layer.text) and _has_invalid(page)


def answer_by_fonts(page: PdfPage, layer: TextLayer, verdicts: FontVerdicts) -> TextLayer:
    """Return the layer with AGREEMENT answered if the page's fonts allow it, else with the fonts to check.

    A layer over a scan stays in question: its text was not drawn with the fonts of the print.
    """
    if layer.open_question != OpenQuestion.AGREEMENT or layer.is_over_scan:
        return layer
    fonts = page.fonts()
    if fonts is None:  # qpdf cannot read the page's fonts
        return layer
    in_question = _in_question(layer, fonts)
    known = verdicts.find(in_question)
    unchecked = in_question - known.keys()
    if all(known.values()) and not unchecked:
        return replace(layer, score=1.0, open_question=None)
    if all(known.values()) and verdicts.take_sample():
        # A short text proves something about its page, and nothing about its fonts.
        is_short = len(layer.text.strip()) < _SHORT
        return layer if is_short else replace(layer, fonts_in_question=unchecked)
    if not all(known.values()) or verdicts.any_wrong():
        return replace(layer, score=_WRONG_FONT_SCORE, reason="garbled_text", open_question=None)
    return replace(layer, score=_UNCHECKED_SCORE, open_question=None)


def _in_question(layer: TextLayer, fonts: dict[str, bool]) -> frozenset[str]:
    # Rare letters may be those of a wrong map that looks valid, so then every font is in question.
    if text_layer_quality.has_rare_letters(layer.text):
        return frozenset(fonts)
    invalid = _invalid(fonts)
    # A map that looks valid may still lack most of the codes in use.
    return frozenset(fonts) if layer.is_unmapped and not invalid else invalid


def has_valid_fonts(page: PdfPage, layer: TextLayer) -> bool:
    """Return True for a text layer that is in question but has valid fonts: it will nearly always be trusted."""
    fonts = page.fonts() if layer.open_question == OpenQuestion.AGREEMENT and not layer.is_over_scan else None
    return fonts is not None and not _invalid(fonts)


def _has_invalid(page: PdfPage) -> bool:
    """Return True if a font of the page is invalid, or qpdf cannot read the page's fonts."""
    fonts = page.fonts()
    return fonts is None or bool(_invalid(fonts))


def _invalid(fonts: dict[str, bool]) -> frozenset[str]:
    return frozenset(font for font, is_valid in fonts.items() if not is_valid)
