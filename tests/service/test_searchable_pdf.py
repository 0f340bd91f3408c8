"""Searchable PDFs, requested from the API and made by a worker, and the errors if one cannot be made."""

from __future__ import annotations

import io
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pikepdf
import pytest

from slimgest_celery.client import ApiError, Client
from slimgest_celery.jobs import searchable_pdf
from slimgest_celery.models.page import Block, Page, Source
from tests.support import pdfs, searched
from tests.support.engines import RAISE
from tests.support.stack import ROOT, Stack, running, wait_for


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A service with a page timeout of two seconds."""
    with running(tmp_path_factory.mktemp("limited"), workers=1, SLIMGEST_PAGE_TIMEOUT="2") as started:
        yield started


def _get_pdf(stack: Stack, job_id: str, **params: str) -> httpx.Response:
    """Return the answer when the file is ready; until then, 202 with `Retry-After`."""

    def ready() -> httpx.Response | None:
        answer = stack.get(f"/jobs/{job_id}/result", params={"format": "pdf", **params})
        if answer.status_code != 202:
            return answer
        assert answer.json()["status"] == "preparing" and int(answer.headers["Retry-After"]) >= 1
        return None

    found = wait_for(ready, what="the searchable PDF", within_s=60, logs=stack.folder)
    assert found is not None
    return found


def _ended(stack: Stack, pdf: bytes, **form: str) -> str:
    job_id = stack.submit(pdf, **form)
    stack.wait_end(job_id)
    return job_id


@pytest.mark.alone
@searched.needs_tools
def test_a_searchable_pdf_is_made_on_demand_and_stored(stack: Stack, tmp_path: Path) -> None:
    job_id = _ended(stack, pdfs.coloured([(0, 1, 0), RAISE, (0, 3, 0)]))
    answer = _get_pdf(stack, job_id)
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.headers["Content-Disposition"] == "inline; filename=test.searchable.pdf"
    made = tmp_path / "made.pdf"
    made.write_bytes(answer.content)
    assert [[word for word, _ in page] for page in searched.words(made)] == [["page", "1"], [], ["page", "3"]]
    with pikepdf.open(made) as pdf:
        assert "page.engine_failed" in str(pdf.pages[1].Annots[0].Contents)
    started_s = time.monotonic()
    assert _get_pdf(stack, job_id).content == answer.content and time.monotonic() - started_s < 1
    packed = _get_pdf(stack, job_id, format="zip", formats="txt,pdf")
    with zipfile.ZipFile(io.BytesIO(packed.content)) as archive:
        assert archive.read("document.searchable.pdf") == answer.content


def test_a_retried_job_gets_a_new_searchable_pdf(stack: Stack) -> None:
    job_id = _ended(stack, pdfs.numbered(2))
    _get_pdf(stack, job_id)
    (first,) = (stack.folder / "jobs" / job_id / "exports").iterdir()
    assert stack.request("POST", f"/jobs/{job_id}/retry", params={"pages": "1"}).status_code == 202
    assert stack.get(f"/jobs/{job_id}/result", params={"format": "pdf"}).status_code in (200, 202, 409)
    stack.wait_end(job_id)
    assert _get_pdf(stack, job_id).status_code == 200
    (second,) = first.parent.iterdir()
    assert second != first


def test_an_encrypted_pdf_needs_its_password_again(stack: Stack, tmp_path: Path) -> None:
    job_id = _ended(stack, pdfs.text_pages(["The secret."], password="sesame"), password="sesame")
    refused = _get_pdf(stack, job_id)
    assert (refused.status_code, refused.json()["code"]) == (422, "pdf.encrypted")
    with Client(stack.url) as client:
        with pytest.raises(ApiError) as wrong:
            client.result_as(job_id, "pdf", "open")
        assert wrong.value.problem_code == "pdf.wrong_password"
        made = client.result_as(job_id, "pdf", "sesame")
    with pytest.raises(pikepdf.PasswordError):
        pikepdf.open(io.BytesIO(made))
    with pikepdf.open(io.BytesIO(made), password="sesame") as pdf:
        assert len(pdf.pages) == 1
    stored = b"".join(path.read_bytes() for path in (stack.folder / "jobs" / job_id).rglob("*") if path.is_file())
    assert b"sesame" not in stored


def test_a_pdf_that_could_not_be_opened_cannot_be_made_searchable(stack: Stack) -> None:
    job_id = _ended(stack, b"%PDF-1.4 nothing more")
    answer = _get_pdf(stack, job_id)
    assert (answer.status_code, answer.json()["code"]) == (422, "format.failed")


def test_a_running_job_has_no_searchable_pdf(stack: Stack) -> None:
    job_id = stack.submit(pdfs.numbered(250))
    answer = stack.get(f"/jobs/{job_id}/result", params={"format": "pdf"})
    assert (answer.status_code, answer.json()["code"]) == (409, "job.not_ready")
    stack.request("DELETE", f"/jobs/{job_id}")
    assert _get_pdf(stack, job_id).status_code == 200, "of the pages read until then"


def test_the_error_for_an_unknown_format_names_all_formats(stack: Stack) -> None:
    answer = stack.get(f"/jobs/{_ended(stack, pdfs.numbered(1))}/result", params={"format": "docx"})
    assert (answer.status_code, answer.json()["code"]) == (422, "request.option")
    for form in ("json", "ndjson", "md", "md-plain", "html", "txt", "chunks", "csv", "hocr", "alto", "pdf", "zip"):
        assert form in answer.json()["detail"]


def test_a_pdf_that_cannot_be_rewritten_in_time_ends_no_worker(limited: Stack) -> None:
    """The content of the page is compressed to a hundredth; its record is written by the test."""
    job_id = _ended(limited, pdfs.numbered(1))
    (limited.folder / "jobs" / job_id / "source.pdf").write_bytes(pdfs.unfolding(b"BT 3 Tr (abc) Tj ET\n", 8_000_000))
    block = Block(text="word", confidence=1, box=(0.1, 0.1, 0.5, 0.2))
    page = Page(page_number=1, status="ok", source=Source.OCR, reason="wrong_ocr_layer", blocks=[block])
    limited.files.put_pages(job_id, [page])
    child = limited.child_of("cpu0").pid
    answer = _get_pdf(limited, job_id)
    assert (answer.status_code, answer.json()["code"]) == (422, "format.failed")
    assert "took too long" in answer.json()["detail"]
    assert limited.child_of("cpu0").pid == child
    assert limited.get(f"/jobs/{job_id}/result", params={"format": "md"}).status_code == 200


def test_a_searchable_pdf_that_is_requested_three_times_is_made_once(stack: Stack) -> None:
    job_id = _ended(stack, pdfs.numbered(1))
    end = stack.files.end(job_id)
    assert end is not None
    assert {_get_pdf(stack, job_id).status_code for _ in range(3)} == {200}
    found = list((stack.folder / "jobs" / job_id / "exports").iterdir())
    assert [path.name for path in found] == [searchable_pdf.file_name(end.completed_at)]


@pytest.mark.alone
def test_a_searchable_pdf_and_an_image_do_not_wait_for_books(tmp_path: Path) -> None:
    """The only worker reads two books, of pages that take 0.2 s each."""
    with running(tmp_path, workers=1, TEST_ENGINE_SECONDS="0.2") as stack:
        letter = _ended(stack, pdfs.numbered(2))
        books = [stack.submit(pdfs.numbered(120)) for _ in range(2)]
        wait_for(lambda: _pages_read(stack, books) >= 2, what="the first pages of the books", within_s=60)
        before = _pages_read(stack, books)
        assert _get_pdf(stack, letter).status_code == 200
        assert stack.get(f"/jobs/{letter}/pages/1/image").status_code == 200
        assert _pages_read(stack, books) - before <= 6, "about one page before each of the two"
        for book in books:
            assert stack.request("DELETE", f"/jobs/{book}").json()["status"] == "cancelled"


def _pages_read(stack: Stack, books: list[str]) -> int:
    return sum(stack.status(book)["pages_done"] for book in books)


@searched.needs_tools
def test_the_command_line_makes_searchable_pdfs(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "scan.pdf").write_bytes(pdfs.numbered(2))
    command = ["process", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "-f", "pdf", "--url", stack.url]
    done = subprocess.run(
        [sys.executable, "-m", "slimgest_celery.cli", *command],
        cwd=ROOT,
        env=stack.env,
        capture_output=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    made = tmp_path / "out" / "scan.searchable.pdf"
    assert [" ".join(word for word, _ in page) for page in searched.words(made)] == ["page 1", "page 2"]
    searched.check_opens(made)
