"""The decision which pages keep their own text. The limits of the process: tests/unit/jobs/test_searchable_pdf.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from slimgest_celery.pdf.document import open_pdf
from slimgest_celery.reading.text_layer_decision import has_trusted_text
from tests.support import pdfs
from tests.support.pdfs import PROSE


@pytest.mark.parametrize(
    ("pdf", "trusted"),
    [
        (pdfs.text_pages(["\n".join(PROSE)]), True),
        (pdfs.text_pages([""]), False),
        (pdfs.pictured(pdfs.picture(), layer=["Wrong words all over"] * 3), False),
    ],
    ids=["printed text", "no text", "invisible text over a scan"],
)
def test_a_page_keeps_its_own_text_only_if_the_text_can_be_trusted(tmp_path: Path, pdf: bytes, trusted: bool) -> None:
    (tmp_path / "source.pdf").write_bytes(pdf)
    reader = open_pdf(tmp_path / "source.pdf")
    with reader.page(1) as page:
        assert has_trusted_text(page) is trusted
    reader.close()
