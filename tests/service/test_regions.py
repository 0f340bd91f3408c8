"""The regions and headings of a page, from its text layer and from a scan, through the whole service."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import drawn_styles
from tests.support.stack import Stack


@pytest.mark.parametrize("mode", ["text", "ocr"])
def test_a_document_has_titles_and_its_formats_have_headings(rapid: Stack, mode: str) -> None:
    pdf, headings = drawn_styles.draw(drawn_styles.STYLES[0])
    (document,) = rapid.post("/process-pdf", pdf, mode=mode).json()["pdfs"]
    pages: list[dict[str, Any]] = document["pages"]
    titles = [region for page in pages for region in page["regions"] if region["kind"] == "title"]
    assert len(titles) >= 0.8 * len(headings)
    assert all(0 <= region["box"][0] < region["box"][2] <= 1 and region["first"] is not None for region in titles)
    markdown = rapid.get(f"/jobs/{document['job_id']}/result?format=md").text
    found = [line.lstrip("# ") for line in markdown.splitlines() if line.startswith("#")]
    texts = [text for _, text in headings]
    assert len(set(found) & set(texts)) >= 0.8 * len(set(texts)), (found, texts)
