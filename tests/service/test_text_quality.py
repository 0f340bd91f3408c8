"""The quality of text with RapidOCR: scans in any orientation, and text layers that are correct or wrong."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.support import pdfs
from tests.support.pdfs import PROSE
from tests.support.stack import Stack
from tests.support.text import order, word_f1

SHIFTED = ["".join(chr(ord(c) + 1) if c.isalpha() else c for c in line) for line in PROSE]
OTHER = [
    "Payment is due within thirty days of delivery.",
    "Goods remain our property until paid in full.",
    "Complaints must reach us in writing at once.",
    "The courts of our registered office decide.",
    "Offers are subject to change without notice.",
    "Prices are quoted exclusive of packaging.",
    "Partial deliveries are permitted in all cases.",
    "Oral agreements need written confirmation.",
]


def _pages(stack: Stack, pdf: bytes, **form: str) -> list[dict[str, Any]]:
    (document,) = stack.post("/process-pdf", pdf, **form).json()["pdfs"]
    assert document["status"] == "completed"
    pages: list[dict[str, Any]] = document["pages"]
    return pages


def _page(stack: Stack, pdf: bytes, **form: str) -> dict[str, Any]:
    (page,) = _pages(stack, pdf, **form)
    return page


# --- Drawn here ---


@pytest.mark.parametrize(("turned", "skew"), [(0, 0), (90, 0), (180, 3), (270, 0), (0, -5)])
def test_a_scan_in_any_orientation_is_read_upright(rapid: Stack, turned: int, skew: float) -> None:
    page = _page(rapid, pdfs.pictured(pdfs.picture(turned=turned, skew=skew)), mode="ocr")
    assert word_f1(page["text"], "\n".join(PROSE)) > 0.95
    assert order(page["text"], "\n".join(PROSE)) > 0.95
    assert page["rotation"] == page["turned"] == -turned % 360
    first = page["blocks"][0]
    assert first["text"].startswith("The harbour")
    left, top, right, bottom = first["box"]
    across, down = (left + right) / 2, (top + bottom) / 2
    expected = {0: (0.48, 0.14), 90: (0.86, 0.48), 180: (0.52, 0.86), 270: (0.14, 0.52)}[turned]
    assert (across, down) == pytest.approx(expected, abs=0.07), "its place on the page as displayed"
    assert (right - left > bottom - top) == (turned in (0, 180))


def test_a_correct_ocr_layer_is_used(rapid: Stack) -> None:
    page = _page(rapid, pdfs.pictured(pdfs.picture(), layer=PROSE))
    assert (page["source"], page["reason"]) == ("text_layer", "ocr_layer")
    assert page["text"].split("\n") == PROSE and page["trust"] > 0.8


@pytest.mark.parametrize(("layer", "invisible"), [(OTHER, True), (SHIFTED, True), (OTHER, False)])
def test_a_wrong_ocr_layer_is_not_used(rapid: Stack, layer: list[str], invisible: bool) -> None:
    # Some programs make the text invisible, others draw it under the picture.
    draw = pdfs.pictured if invisible else pdfs.beneath
    page = _page(rapid, draw(pdfs.picture(), layer=layer))
    assert page["source"] == "ocr" and page["reason"] in ("wrong_ocr_layer", "garbled_text")
    assert word_f1(page["text"], "\n".join(PROSE)) > 0.95 and page["trust"] < 0.75
    codes = ["ocr_layer.rejected"] if page["reason"] == "wrong_ocr_layer" else []
    assert [warning["code"] for warning in page["warnings"]] == codes


def test_a_correct_ocr_layer_under_the_scan_is_used(rapid: Stack) -> None:
    page = _page(rapid, pdfs.beneath(pdfs.picture(), layer=PROSE))
    assert (page["source"], page["reason"]) == ("text_layer", "ocr_layer")
    assert page["text"].split("\n") == PROSE and page["trust"] > 0.8


@pytest.mark.parametrize(("lower_mm", "source"), [(1, "text_layer"), (6, "ocr")])
def test_an_ocr_layer_is_used_only_at_the_place_of_the_print(rapid: Stack, lower_mm: float, source: str) -> None:
    page = _page(rapid, pdfs.pictured(pdfs.picture(), layer=PROSE, lower_mm=lower_mm))
    assert page["source"] == source
    assert page["blocks"][0]["box"][1] == pytest.approx(0.125, abs=0.02), "where the first line is printed"


def test_the_scanned_half_of_a_page_is_read_by_ocr_and_the_typed_half_is_not(rapid: Stack) -> None:
    typed = [f"Typed line {row} of the upper half of this page, which is text." for row in range(20)]
    page = _page(rapid, pdfs.half_scanned(typed))
    assert (page["source"], page["reason"]) == ("text_layer", "text_layer; text_in_pictures")
    assert page["text"].split("\n")[: len(typed)] == typed and "lamp in the tower" in page["text"]
    assert [block["source"] for block in page["blocks"]][len(typed) - 1 : len(typed) + 1] == ["text_layer", "ocr"]


def test_labels_with_a_wrong_font_map_are_read_by_ocr(rapid: Stack) -> None:
    labels = ["Harbour of stone", "Lamp on the tower", "Sails of the fleet", "Boats in the water"] * 3
    page = _page(rapid, pdfs.with_broken_labels(PROSE * 2, labels))
    assert (page["source"], page["reason"]) == ("ocr", "garbled_text")
    assert "Sails of the fleet" in page["text"] and "lamp in the tower" in page["text"]


def test_only_the_text_under_a_bar_is_left_out(rapid: Stack) -> None:
    page = _page(rapid, pdfs.barred(PROSE, barred=2))
    assert page["source"] == "text_layer" and page["text"].split("\n") == PROSE[:2] + PROSE[3:]


def test_a_scan_with_a_stamp_is_read_by_ocr(rapid: Stack) -> None:
    page = _page(rapid, pdfs.pictured(pdfs.picture(), stamp="Copy 17"))
    assert (page["source"], page["reason"]) == ("ocr", "text_beside_scan")
    assert "lamp in the tower" in page["text"]


def test_printed_text_with_a_wrong_font_map_is_read_by_ocr(rapid: Stack) -> None:
    page = _page(rapid, pdfs.mapped(PROSE, {c: chr(ord(c) + 1) for c in "abcdefghijklmnopqrstuvwxy"}))
    assert (page["source"], page["reason"]) == ("ocr", "garbled_text")
    assert word_f1(page["text"], "\n".join(PROSE)) > 0.95


def test_a_scan_with_an_incomplete_ocr_layer_is_read_by_ocr(rapid: Stack) -> None:
    page = _page(rapid, pdfs.pictured(pdfs.picture(), layer=PROSE[:1]))
    assert (page["source"], page["reason"]) == ("ocr", "text_beside_scan")


def test_short_text_on_a_page_without_pictures_is_used(rapid: Stack) -> None:
    page = _page(rapid, pdfs.text_pages(["A title page"]))
    assert (page["source"], page["reason"], page["text"]) == ("text_layer", "text_layer", "A title page")


def test_white_text_on_white_is_left_out(rapid: Stack) -> None:
    page = _page(rapid, pdfs.with_white("Printed in black", "printed in white"))
    assert page["text"] == "Printed in black"


def test_mode_text_uses_a_wrong_layer_and_mode_ocr_ignores_it(rapid: Stack) -> None:
    pdf = pdfs.pictured(pdfs.picture(), layer=OTHER)
    by_text, by_ocr = _page(rapid, pdf, mode="text"), _page(rapid, pdf, mode="ocr")
    assert (by_text["source"], by_text["text"].split("\n")) == ("text_layer", OTHER)
    assert by_ocr["source"] == "ocr" and by_ocr["text"].startswith(PROSE[0])


def test_a_text_layer_and_a_scan_of_it_give_the_same_blocks(rapid: Stack) -> None:
    layer = _page(rapid, pdfs.pictured(pdfs.picture(), layer=PROSE))
    scan = _page(rapid, pdfs.pictured(pdfs.picture()), mode="auto")
    assert [b["text"] for b in layer["blocks"]] == [b["text"] for b in scan["blocks"]]
    assert layer["paragraphs"] == scan["paragraphs"]
    for one, other in zip(layer["blocks"], scan["blocks"], strict=True):
        # The fonts of the layer and of the picture differ, but lines start at the same place.
        assert one["box"][:2] == pytest.approx(other["box"][:2], abs=0.03)


# --- Real documents ---


def _corpus_pages(stack: Stack, pdf: Path, **form: str) -> list[str]:
    return [page["text"] for page in _pages(stack, pdf.read_bytes(), **form)]


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("name", "least_f1", "least_order"),
    [
        ("made_multi_page", 0.97, 0.95),
        ("tesstest_isri_8087_054", 0.96, 0.90),
        ("ocrmypdf_linn", 0.97, 0.90),
    ],
)
def test_a_scan_is_read_nearly_without_errors(
    rapid: Stack, corpus: Path, name: str, least_f1: float, least_order: float
) -> None:
    pdf = corpus / "scanned" / f"{name}.pdf"
    found = "\n".join(_corpus_pages(rapid, pdf, mode="ocr"))
    truth = pdf.with_suffix(".gt.txt").read_text()
    assert word_f1(found, truth) >= least_f1
    assert order(found, truth) >= least_order


@pytest.mark.corpus
def test_a_clean_scan_is_read_without_errors(rapid: Stack, corpus: Path) -> None:
    pdf = corpus / "scanned/docling_ocr_test_rotated_90.pdf"
    found = " ".join(_corpus_pages(rapid, pdf, mode="ocr"))
    assert found.split() == pdf.with_suffix(".gt.txt").read_text().split()


@pytest.mark.corpus
def test_a_page_in_four_orientations_is_read_alike(rapid: Stack, corpus: Path) -> None:
    pdf = corpus / "scanned/ocrmypdf_linn_cardinal.pdf"
    truth = pdf.with_suffix(".gt.txt").read_text().split("\f")
    pages = _pages(rapid, pdf.read_bytes(), mode="ocr")
    for page, its_truth in zip(pages, truth, strict=False):
        assert word_f1(page["text"], its_truth) >= 0.95, page["page_number"]
        assert order(page["text"], its_truth) >= 0.90, page["page_number"]
    assert {page["turned"] for page in pages} == {0, 90, 180, 270}


@pytest.mark.corpus
@pytest.mark.slow  # about two minutes of OCR; `make slow` runs it, `make quality` prints the same for each page
@pytest.mark.timeout(600)
def test_text_layer_and_ocr_of_all_pages_of_a_paper_agree(rapid: Stack, corpus: Path) -> None:
    pdf = corpus / "born_digital/pdfjs_tracemonkey.pdf"
    by_layer, by_ocr = (_pages(rapid, pdf.read_bytes(), mode=mode) for mode in ("auto", "ocr"))
    assert order("\n".join(p["text"] for p in by_layer), "\n".join(p["text"] for p in by_ocr)) >= 0.95
    broken = [page["page_number"] for page in by_layer if page["reason"] == "garbled_text"]
    assert broken == [10, 13], "charts whose labels have a wrong font map"


@pytest.mark.corpus
def test_text_layer_and_ocr_of_a_paper_in_two_columns_agree(rapid: Stack, corpus: Path) -> None:
    pdf = corpus / "born_digital/pdfjs_tracemonkey.pdf"
    by_layer = _corpus_pages(rapid, pdf, mode="auto", pages="1-2,4")
    by_ocr = _corpus_pages(rapid, pdf, mode="ocr", pages="1-2,4")
    assert order("\n".join(by_layer), "\n".join(by_ocr)) >= 0.95
    for text in (by_layer[0], by_ocr[0]):
        flat = re.sub(r"\s+", " ", re.sub(r"-\n", "", text))
        assert flat.index("Abstract") < flat.index("Categories and Subject") < flat.index("Introduction")
        assert "more difficult to compile than statically typed ones" in flat, "over lines of one column"
