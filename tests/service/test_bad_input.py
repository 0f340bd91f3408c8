"""Bad input: it gets an error code and a sentence at once, and leaves nothing in the queue or in storage."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import httpx
import psutil
import pytest

from tests.support import pdfs
from tests.support.stack import Stack

GOOD = pdfs.text_pages(["A good page."])


def _problem(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == "application/problem+json", answer.text
    body = answer.json()
    assert body["status"] == answer.status_code and body["detail"] and isinstance(body["retryable"], bool)
    assert "Traceback" not in answer.text
    return answer.status_code, body["code"]


@pytest.mark.parametrize("path", ["/process-pdf", "/process-pdf-stream", "/jobs"])
@pytest.mark.parametrize(
    ("files", "form", "expected"),
    [
        ({"file": ("a.txt", b"just text")}, {}, (415, "upload.not_pdf")),
        ({"file": ("a.pdf", b"")}, {}, (400, "upload.empty")),
        ({"upload": ("a.pdf", GOOD)}, {}, (400, "request.invalid")),
        ({}, {"dpi": "150"}, (400, "request.invalid")),
        ({"file": ("a.pdf", GOOD)}, {"dpi": "9"}, (422, "request.option")),
        ({"file": ("a.pdf", GOOD)}, {"dpi": "nan"}, (422, "request.option")),
        ({"file": ("a.pdf", GOOD)}, {"mode": "magic"}, (422, "request.option")),
        ({"file": ("a.pdf", GOOD)}, {"pages": "3-x"}, (422, "request.option")),
        ({"file": ("a.pdf", GOOD)}, {"pages": "0"}, (422, "request.option")),
        ({"file": ("a.pdf", GOOD)}, {"colour": "red"}, (400, "request.invalid")),
        ({"file": ("a.pdf", b"%PDF-1.4" + b"\0" * (4 << 20))}, {}, (413, "upload.too_large")),
    ],
)
def test_a_bad_request_is_refused_at_once(stack: Stack, path: str, files, form, expected) -> None:  # type: ignore[no-untyped-def]
    before = sorted(stack.files.job_ids())
    assert _problem(httpx.post(stack.url + path, files=files or None, data=form, timeout=30)) == expected
    assert sorted(stack.files.job_ids()) == before
    assert stack.get("/").json()["queue"]["pending_jobs"] == 0


@pytest.mark.parametrize(
    ("pdf", "form", "code"),
    [
        (b"%PDF-1.4\nnothing of a PDF", {}, "pdf.unreadable"),
        (pdfs.without_pages(), {}, "pdf.no_pages"),
        (pdfs.text_pages(["secret"], password="sesame"), {}, "pdf.encrypted"),
        (pdfs.text_pages(["secret"], password="sesame"), {"password": "wrong"}, "pdf.wrong_password"),
        (pdfs.numbered(2), {"pages": "5-9"}, "pdf.page_range"),
        (pdfs.text_pages(["x"] * 301), {}, "pdf.too_many_pages"),
    ],
)
def test_a_pdf_that_cannot_be_read_ends_its_job_with_a_code(stack: Stack, pdf: bytes, form, code: str) -> None:  # type: ignore[no-untyped-def]
    assert _problem(stack.post("/process-pdf", pdf, **form)) == (422, code)
    status = stack.wait_end(stack.submit(pdf, **form))
    assert (status["status"], status["error"]["code"], status["has_result"]) == ("failed", code, False)


def test_a_zero_page_file_after_a_wrong_password_is_not_called_encrypted(stack: Stack) -> None:
    """PDFium does not reset its error code between files."""
    locked = pdfs.text_pages(["secret"], password="sesame")
    for _ in range(2):  # so that each worker gets both
        stack.post("/process-pdf", locked, password="wrong")
        assert _problem(stack.post("/process-pdf", pdfs.without_pages())) == (422, "pdf.no_pages")
        assert _problem(stack.post("/process-pdf", b"%PDF-1.4 broken")) == (422, "pdf.unreadable")


def test_a_password_opens_its_pdf_and_is_not_stored(stack: Stack) -> None:
    job_id = stack.submit(pdfs.text_pages(["The secret text."], password="sesame"), password="sesame")
    stack.wait_end(job_id)
    assert stack.document(job_id)["pages"][0]["text"] == "The secret text."
    kept = b"".join(file.read_bytes() for file in (stack.folder / "jobs" / job_id).rglob("*.json*"))
    assert b"sesame" not in kept
    assert stack.files.password(job_id) is None


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "..\\..\\boot.ini", "/etc/passwd", "a\nb\x00c.pdf", "é" * 400, ".."]
)
def test_a_client_s_file_name_is_displayed_and_never_used_as_a_path(stack: Stack, name: str) -> None:
    answer = httpx.post(f"{stack.url}/jobs", files={"file": (name, GOOD)}, timeout=30)
    if answer.status_code != 202:
        assert _problem(answer)[0] == 400
        return
    shown = stack.wait_end(answer.json()["job_id"])["filename"]
    assert "/" not in shown and "\\" not in shown and shown.isprintable() and len(shown) <= 255
    assert {path.name for path in (stack.folder / "jobs").iterdir()} == {"storage.id", *stack.files.job_ids()}


def test_an_unknown_address_or_method_gets_a_problem_document(stack: Stack) -> None:
    assert _problem(stack.get("/nowhere")) == (404, "request.not_found")
    wrong = httpx.put(f"{stack.url}/jobs")
    assert _problem(wrong) == (405, "request.method")
    assert "POST" in wrong.headers["Allow"]
    assert _problem(stack.get("/jobs", params={"limit": "many"})) == (422, "request.option")
    assert _problem(httpx.post(f"{stack.url}/jobs", content=GOOD)) == (400, "request.invalid")


def test_a_result_before_the_end_and_an_unknown_format_are_refused(stack: Stack) -> None:
    job_id = stack.submit(pdfs.numbered(200))
    try:
        assert _problem(stack.get(f"/jobs/{job_id}/result")) == (409, "job.not_ready")
        assert _problem(stack.get(f"/jobs/{job_id}/result", params={"format": "docx"})) == (422, "request.option")
    finally:
        httpx.delete(f"{stack.url}/jobs/{job_id}")


@pytest.mark.alone
def test_a_full_queue_refuses_jobs_and_concurrent_submissions_do_not_exceed_its_limit(stack: Stack) -> None:
    answers: list[httpx.Response] = []
    together = threading.Barrier(40)

    def submit() -> None:
        together.wait()
        answers.append(stack.post("/jobs", pdfs.numbered(40)))

    threads = [threading.Thread(target=submit) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    try:
        accepted = [answer.json()["job_id"] for answer in answers if answer.status_code == 202]
        refused = [answer for answer in answers if answer.status_code != 202]
        assert len(accepted) == 20, "SLIMGEST_MAX_PENDING_JOBS of this stack"
        assert {_problem(answer) for answer in refused} == {(429, "queue.full")}
        assert all(int(answer.headers["Retry-After"]) > 0 for answer in refused)
        assert stack.get("/").json()["queue"]["pending_jobs"] == 20
        both = [("files", ("a.pdf", GOOD)), ("files", ("b.pdf", GOOD))]
        httpx.delete(f"{stack.url}/jobs/{accepted[0]}")
        several = httpx.post(f"{stack.url}/process-pdfs", files=both, timeout=30)
        assert _problem(several) == (429, "queue.full"), "two files and one free place: both are refused"
    finally:
        for job_id in accepted:
            httpx.delete(f"{stack.url}/jobs/{job_id}")
    assert stack.post("/process-pdf", GOOD).status_code == 200


def test_an_upload_is_never_completely_in_memory(stack: Stack, tmp_path: Path) -> None:
    """The memory of the API does not grow by the size of uploads (2 MB each, ten of them)."""
    pid = stack.apis[0][1].pid
    children = psutil.Process(pid).children()
    before = sum(child.memory_info().rss for child in children)
    body = GOOD + b"\n%" + os.urandom(1 << 10) * 1900
    for _ in range(10):
        job_id = stack.submit(body)
        stack.wait_end(job_id)
    assert sum(child.memory_info().rss for child in children) - before < 15 << 20
