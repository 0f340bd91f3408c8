"""A page that breaks every worker that loads its text, among those that are sampled when the job is planned."""

from __future__ import annotations

import io
from pathlib import Path

import pikepdf
import pytest

from tests.faults.fuzz import LIMITS
from tests.support import pdfs
from tests.support.stack import running


def _with_hostile_page(number: int) -> bytes:
    stored = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdfs.text_pages(["one", "two", "three", "four"]))) as pdf:
        pieces = b"BT /F1 6 Tf " + b"1 0 0 1 100 100 Tm (a) Tj " * 3_000_000 + b"ET"
        pdf.pages[number - 1].Contents = pdf.make_stream(pieces)
        pdf.save(stored, compress_streams=True, recompress_flate=True)
    return stored.getvalue()


@pytest.mark.alone
@pytest.mark.parametrize("mode", ["auto", "text"])
def test_a_hostile_page_costs_only_itself_in_every_mode(tmp_path: Path, mode: str) -> None:
    pdf = _with_hostile_page(2)
    with running(tmp_path, workers=1, **{**LIMITS, "SLIMGEST_PAGE_TIMEOUT": "3"}) as stack:
        job_id = stack.submit(pdf, mode=mode)
        assert stack.wait_end(job_id, within_s=120)["status"] == "partial"
        pages = stack.document(job_id)["pages"]
        assert [page["text"] for page in pages] == ["one", "", "three", "four"]
        assert pages[1]["error"]["code"].startswith("page.")
