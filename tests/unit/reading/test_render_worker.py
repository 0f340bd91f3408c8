"""The requests and answers of a render worker."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import numpy as np
import pytest

from slimgest_celery.pdf.document import open_pdf
from slimgest_celery.reading import render_worker
from slimgest_celery.reading.render_worker import RenderWorker
from tests.support import pdfs

SETTINGS = {"password": None, "dpi": 100.0, "max_pixels": 10**7, "skip_text_pages": False}
NO_IMAGE = {"page": 1, "slot": 0, "shape": None, "dpi": 0.0}


@pytest.fixture
def slot() -> int:
    return os.memfd_create("test")


def _store(folder: Path, content: bytes) -> str:
    path = folder / "test.pdf"
    path.write_bytes(content)
    return str(path)


def test_the_image_of_a_page_is_in_its_slot(tmp_path: Path, slot: int) -> None:
    path = _store(tmp_path, pdfs.scanned(["one", "two"]))
    worker = RenderWorker([slot])
    worker.answer({"open": path, **SETTINGS})
    answer = worker.answer({"page": 2, "slot": 0})
    with open_pdf(Path(path)).page(2) as page:
        expected = page.render(100, 10**7).image
    assert answer == {"page": 2, "slot": 0, "shape": expected.shape[:2], "dpi": 100.0}
    stored = np.frombuffer(os.pread(slot, expected.nbytes, 0), np.uint8).reshape(expected.shape)
    assert np.array_equal(stored, expected)


@pytest.mark.parametrize("skip_text_pages", [True, False])
def test_pages_with_a_trusted_text_layer_are_skipped_on_request(
    tmp_path: Path, slot: int, skip_text_pages: bool
) -> None:
    path = _store(tmp_path, pdfs.text_pages(["A page with a text layer that can be trusted"]))
    worker = RenderWorker([slot])
    worker.answer({"open": path, **SETTINGS, "skip_text_pages": skip_text_pages})
    answer = worker.answer({"page": 1, "slot": 0})
    assert answer and (answer["shape"] is None) == skip_text_pages


def test_without_an_open_pdf_there_is_no_image(tmp_path: Path, slot: int) -> None:
    worker = RenderWorker([slot])
    assert worker.answer({"page": 1, "slot": 0}) == NO_IMAGE
    worker.answer({"open": _store(tmp_path, b"no PDF"), **SETTINGS})
    assert worker.answer({"page": 1, "slot": 0}) == NO_IMAGE
    worker.answer({"open": _store(tmp_path, pdfs.numbered(1)), **SETTINGS})
    worker.answer({"open": None})
    assert worker.answer({"page": 1, "slot": 0}) == NO_IMAGE


def test_a_damaged_page_has_no_image(tmp_path: Path, slot: int) -> None:
    worker = RenderWorker([slot])
    worker.answer({"open": _store(tmp_path, pdfs.with_broken_page(["One", "Two"], broken=0)), **SETTINGS})
    assert worker.answer({"page": 1, "slot": 0}) == NO_IMAGE


def test_a_page_too_large_for_a_slot_has_no_image(tmp_path: Path, slot: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render_worker, "_MAX_SLOT_BYTES", 100)
    worker = RenderWorker([slot])
    worker.answer({"open": _store(tmp_path, pdfs.numbered(1)), **SETTINGS})
    assert worker.answer({"page": 1, "slot": 0}) == {**NO_IMAGE, "dpi": 100.0}


def test_each_request_for_a_page_has_one_answer_in_order(tmp_path: Path, slot: int) -> None:
    requests: list[dict[str, object]] = [
        {"open": _store(tmp_path, pdfs.numbered(2)), **SETTINGS},
        {"page": 2, "slot": 0},
        {"page": 1, "slot": 0},
    ]
    answers = io.StringIO()
    render_worker.serve(RenderWorker([slot]), io.StringIO("".join(json.dumps(r) + "\n" for r in requests)), answers)
    assert [json.loads(line)["page"] for line in answers.getvalue().splitlines()] == [2, 1]
