"""Real PDFs from other sources, read by RapidOCR, the default engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import pdfs
from tests.support.stack import Stack

pytestmark = pytest.mark.corpus


def _text(stack: Stack, pdf: Path, **form: str) -> str:
    (document,) = stack.post("/process-pdf", pdf.read_bytes(), pdf.name, **form).json()["pdfs"]
    assert document["status"] == "completed"
    return "\f".join(page["text"] for page in document["pages"])


def test_a_drawn_scan_is_read_word_for_word(rapid: Stack) -> None:
    line = "Every word of this picture is read"
    (document,) = rapid.post("/process-pdf", pdfs.scanned([line, "and of the second one too"])).json()["pdfs"]
    assert [page["text"] for page in document["pages"]] == [line, "and of the second one too"]
    (block,) = document["pages"][0]["blocks"]
    assert block["confidence"] > 0.9
    left, top, right, bottom = block["box"]
    assert 0.06 < left < 0.11 and 0.06 < top < 0.1 and 0.6 < right < 0.8 and 0.1 < bottom < 0.13


def test_a_manual_of_193_pages_is_read_from_its_text_layer(rapid: Stack, corpus: Path) -> None:
    pdf = corpus / "large/debian_policy_193p.pdf"
    (document,) = rapid.post("/process-pdf", pdf.read_bytes(), mode="auto").json()["pdfs"]
    assert [page["page_number"] for page in document["pages"]] == list(range(1, 194))
    assert {page["source"] for page in document["pages"] if page["text"]} == {"text_layer"}
    assert "Debian Policy Manual" in document["pages"][0]["text"]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("enc_pypdfium2.pdf", "pdf.encrypted"),
        ("bad_arturt_corrupted.pdf", "pdf.unreadable"),
        ("zero_pages_qpdf_c-empty.pdf", "pdf.no_pages"),
    ],
)
def test_hostile_files_get_their_code_and_the_service_continues(
    rapid: Stack, corpus: Path, name: str, code: str
) -> None:
    answer = rapid.post("/process-pdf", (corpus / "hostile" / name).read_bytes())
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert rapid.post("/process-pdf", pdfs.text_pages(["well"])).status_code == 200


def test_the_encrypted_file_opens_with_its_password(rapid: Stack, corpus: Path) -> None:
    assert "Encrypted" in _text(rapid, corpus / "hostile/enc_pypdfium2.pdf", password="test_user")


def test_a_huge_page_is_read_at_a_lower_dpi(rapid: Stack, corpus: Path) -> None:
    pdf = (corpus / "hostile/huge_ocrmypdf_hugemono.pdf").read_bytes()
    (document,) = rapid.post("/process-pdf", pdf, dpi="200").json()["pdfs"]
    assert document["status"] == "completed" and "dpi lowered" in document["pages"][0]["reason"]


def test_every_born_digital_file_is_read(rapid: Stack, corpus: Path) -> None:
    for pdf in sorted((corpus / "born_digital").glob("*.pdf")):
        assert len(_text(rapid, pdf, mode="text")) > 500, pdf.name
