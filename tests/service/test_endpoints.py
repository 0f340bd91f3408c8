"""Every endpoint of the API, with real workers."""

from __future__ import annotations

import io
import time
import uuid
import zipfile
from datetime import datetime

import httpx
import pytest

from tests.support import pdfs
from tests.support.engines import GARBAGE, RAISE
from tests.support.stack import Stack, wait_for

TEXT = "The first line is here.\nAnd a second one below it."


def test_process_pdf_answers_with_the_whole_document(stack: Stack) -> None:
    answer = stack.post("/process-pdf", pdfs.text_pages([TEXT, "Page two of the letter."]), "letter.pdf")
    assert answer.status_code == 200
    (document,) = answer.json()["pdfs"]
    assert (document["filename"], document["status"], document["total_pages"]) == ("letter.pdf", "completed", 2)
    assert document["engine"] == {"name": "by-colour", "version": "1"}
    assert document["options"] == {"dpi": 150.0, "languages": "auto", "mode": "auto", "pages": None}
    first = document["pages"][0]
    assert (first["page_number"], first["status"], first["source"], first["reason"]) == (
        1,
        "ok",
        "text_layer",
        "text_layer",
    )
    assert first["text"] == TEXT
    assert [block["text"] for block in first["blocks"]] == TEXT.split("\n")
    left, top, right, bottom = first["blocks"][0]["box"]
    assert 0.11 < left < 0.13 and 0.09 < top < bottom < 0.13 and left < right < 0.5
    assert (first["width"], first["height"]) == (1240, 1755)


def test_process_pdfs_answers_for_each_file_in_the_order_sent(stack: Stack) -> None:
    files = [("files", (f"{n}.pdf", pdfs.numbered(1, first=n))) for n in (1, 2, 3)]
    answer = httpx.post(f"{stack.url}/process-pdfs", files=files, timeout=60)
    assert [d["filename"] for d in answer.json()["pdfs"]] == ["1.pdf", "2.pdf", "3.pdf"]
    assert [d["pages"][0]["text"] for d in answer.json()["pdfs"]] == ["page 1", "page 2", "page 3"]


def test_process_pdfs_with_one_bad_file_still_answers_for_the_good_one(stack: Stack) -> None:
    files = [("files", ("good.pdf", pdfs.numbered(1))), ("files", ("bad.pdf", b"%PDF-1.4 nothing more"))]
    answer = httpx.post(f"{stack.url}/process-pdfs", files=files, timeout=60)
    assert answer.status_code == 200
    assert [d["status"] for d in answer.json()["pdfs"]] == ["completed", "failed"]
    assert answer.json()["pdfs"][1]["error"]["code"] == "pdf.unreadable"


def test_a_page_without_text_is_rendered_and_read_by_the_engine(stack: Stack) -> None:
    (document,) = stack.post("/process-pdf", pdfs.numbered(1, first=7), dpi="100").json()["pdfs"]
    (page,) = document["pages"]
    assert (page["text"], page["source"], page["reason"]) == ("page 7", "ocr", "no_text")
    assert (page["width"], page["height"]) == (414, 584)
    assert page["blocks"] == [{"text": "page 7", "confidence": 0.5, "box": [0, 0, 0.5, 0.5], "source": "ocr"}]
    assert page["worker"].startswith("cpu") and page["seconds"]["render"] > 0 and page["attempts"] == 1


def test_jobs_are_queued_followed_and_fetched(stack: Stack) -> None:
    answer = stack.post("/jobs", pdfs.numbered(3), "three.pdf")
    assert answer.status_code == 202
    job_id = answer.json()["job_id"]
    assert answer.headers["Location"] == f"/jobs/{job_id}" == answer.json()["links"]["self"]
    status = stack.wait_end(job_id)
    assert status["status"] == "completed" and status["has_result"] and status["error"] is None
    assert (status["total_pages"], status["pages_done"], status["pages_failed"]) == (3, 3, 0)
    assert status["created_at"].endswith("Z") and status["completed_at"].endswith("Z")
    assert datetime.fromisoformat(status["created_at"]) < datetime.fromisoformat(status["completed_at"])
    assert stack.get(f"/jobs/{job_id}/pages/2").json()["text"] == "page 2"
    assert stack.get(f"/jobs/{job_id}/pages/4").json()["code"] == "page.unknown"
    listed = stack.get("/jobs").json()
    assert listed["jobs"][0]["job_id"] == job_id and listed["total"] >= 1


@pytest.mark.parametrize(
    ("form", "media_type", "expected"),
    [
        ("md", "text/markdown", "<!-- page 1 -->\n\npage 1"),
        ("html", "text/html", '<section id="page-1" aria-label="Page 1">\n<p>page 1</p>'),
        ("txt", "text/plain", "page 1\n\f"),
        ("chunks", "application/x-ndjson", '{"number":1,"kind":"text","text":"page 1","page_numbers":[1],'),
        ("json", "application/json", '"text":"page 1"'),
        ("ndjson", "application/x-ndjson", '{"page_number":1,'),
        ("hocr", "text/vnd.hocr+html", ">page</span>"),
        ("alto", "application/xml", 'CONTENT="page"'),
    ],
)
def test_results_come_in_several_formats(stack: Stack, form: str, media_type: str, expected: str) -> None:
    job_id = stack.submit(pdfs.numbered(1))
    stack.wait_end(job_id)
    answer = stack.get(f"/jobs/{job_id}/result", params={"format": form})
    assert answer.headers["Content-Type"].startswith(media_type)
    assert expected in answer.text
    assert answer.headers["Content-Disposition"].startswith("inline; filename=test.")


def test_the_options_of_a_format_are_followed_and_checked(stack: Stack) -> None:
    job_id = stack.post("/jobs", pdfs.numbered(1), "a_b.pdf").json()["job_id"]
    stack.wait_end(job_id)
    path = f"/jobs/{job_id}/result"
    assert stack.get(path, params={"format": "md"}).text.startswith("<!-- page 1 -->")
    assert stack.get(path, params={"format": "md", "title": "filename"}).text.startswith("# a\\_b.pdf\n\n<!--")
    packed = stack.get(path, params={"format": "zip", "formats": "html", "title": "filename"})
    with zipfile.ZipFile(io.BytesIO(packed.content)) as archive:
        assert b"<h1>a_b.pdf</h1>" in archive.read("document.html")
    for name, value in (
        ("title", "x"),
        ("headers", ""),
        ("max_tokens", "31"),
        ("max_tokens", "1_000"),
        ("overlap", "9999"),
    ):
        refused = stack.get(path, params={"format": "md", name: value})
        assert (refused.status_code, refused.json()["code"]) == (422, "request.option"), (name, value)
        assert refused.json()["detail"].startswith(f"{name}: ")


def test_several_formats_come_as_one_zip(stack: Stack) -> None:
    job_id = stack.submit(pdfs.numbered(2))
    stack.wait_end(job_id)
    answer = stack.get(f"/jobs/{job_id}/result", params={"format": "zip", "formats": "md,md-plain,alto,json"})
    assert answer.headers["Content-Type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        names = ["document.md", "document.md-plain.md", "document.alto.xml", "document.json"]
        assert archive.namelist() == names
        assert archive.read("document.json") == stack.get(f"/jobs/{job_id}/result").content
    unknown = stack.get(f"/jobs/{job_id}/result", params={"format": "zip", "formats": "md,docx"})
    assert (unknown.status_code, unknown.json()["code"]) == (422, "request.option")
    assert "hocr" in unknown.json()["detail"]


def test_pages_can_be_selected(stack: Stack) -> None:
    (document,) = stack.post("/process-pdf", pdfs.numbered(9), pages="2-3, 7-").json()["pdfs"]
    assert [page["text"] for page in document["pages"]] == ["page 2", "page 3", "page 7", "page 8", "page 9"]
    assert document["total_pages"] == 5


def test_mode_text_never_uses_ocr_and_mode_ocr_always_does(stack: Stack) -> None:
    (by_text,) = stack.post("/process-pdf", pdfs.numbered(1), mode="text").json()["pdfs"]
    assert (by_text["pages"][0]["source"], by_text["pages"][0]["text"]) == ("text_layer", "")
    assert by_text["pages"][0]["reason"] == "mode_text; no_text"
    (by_ocr,) = stack.post("/process-pdf", pdfs.text_pages([TEXT]), mode="ocr").json()["pdfs"]
    assert (by_ocr["pages"][0]["source"], by_ocr["pages"][0]["reason"]) == ("ocr", "mode_ocr")


def test_a_page_that_fails_leaves_the_others_and_the_job_partial(stack: Stack) -> None:
    (document,) = stack.post("/process-pdf", pdfs.coloured([(0, 1, 0), RAISE, (0, 3, 0)])).json()["pdfs"]
    assert document["status"] == "partial"
    assert [page["text"] for page in document["pages"]] == ["page 1", "", "page 3"]
    assert document["pages"][1]["error"]["code"] == "page.engine_failed"


def test_a_page_that_cannot_be_loaded_leaves_the_others(stack: Stack) -> None:
    (document,) = stack.post("/process-pdf", pdfs.with_broken_page(["One.", "Two.", "Three."], 1)).json()["pdfs"]
    assert document["status"] == "partial"
    assert [page["status"] for page in document["pages"]] == ["ok", "failed", "ok"]
    assert document["pages"][1]["error"]["code"] == "page.unreadable"


def test_invalid_confidence_and_boxes_of_an_engine_are_corrected(stack: Stack) -> None:
    (document,) = stack.post("/process-pdf", pdfs.coloured([GARBAGE])).json()["pdfs"]
    assert document["pages"][0]["blocks"] == [{"text": "nan", "confidence": 1, "box": [0, 0, 1, 1], "source": "ocr"}]


def test_a_page_that_is_too_large_is_rendered_smaller_and_gives_the_reason(stack: Stack) -> None:
    (document,) = stack.post("/process-pdf", pdfs.huge_page(120), dpi="600").json()["pdfs"]
    (page,) = document["pages"]
    assert page["width"] * page["height"] <= stack.settings.max_page_pixels
    assert "dpi lowered to 53 by SLIMGEST_MAX_PAGE_PIXELS" in page["reason"]


@pytest.mark.alone
def test_cancel_ends_a_job_and_keeps_the_pages_read(stack: Stack) -> None:
    job_id = stack.submit(pdfs.numbered(200))
    for event in stack.events(job_id):
        if event.type == "page":
            break
    cancelled = httpx.delete(f"{stack.url}/jobs/{job_id}").json()
    assert cancelled["status"] == "cancelled" and 1 <= cancelled["pages_done"] < 200
    assert cancelled["error"]["code"] == "job.cancelled"
    assert stack.get(f"/jobs/{job_id}/pages/1").json()["text"] == "page 1"
    assert httpx.delete(f"{stack.url}/jobs/{job_id}").json() == stack.status(job_id)
    began_s = time.monotonic()
    assert stack.post("/process-pdf", pdfs.numbered(1)).status_code == 200
    assert time.monotonic() - began_s < 5, "the workers still read pages of the cancelled job"


@pytest.mark.alone
def test_the_status_of_the_service_has_its_workers_and_its_queue(stack: Stack) -> None:
    stack.get("/")
    started = time.perf_counter()
    service = stack.get("/").json()
    assert time.perf_counter() - started < 0.5, "ten times what it takes on an idle machine"
    assert service["status"] == "ok" and service["engine"] == "by-colour 1"
    assert [worker["name"].partition("@")[0] for worker in service["workers"]] == ["cpu0", "cpu1"]
    assert {worker["device"] for worker in service["workers"]} == {"cpu"}
    assert service["queue"] == {"pending_jobs": 0, "limit": 20, "pages_ahead": 0}


def test_the_status_of_a_busy_worker_has_its_page(stack: Stack) -> None:
    job_id = stack.submit(pdfs.numbered(250))
    try:

        def has_busy_worker() -> bool:
            workers = stack.get("/").json()["workers"]
            return any(w["state"] == "busy" and w["job_id"] == job_id and w["page_number"] for w in workers)

        def has_pages_ahead() -> bool:
            waiting = stack.submit(pdfs.numbered(1))
            return bool(stack.status(waiting)["pages_ahead"] > 0)

        wait_for(has_busy_worker, what="a worker that is busy with a page", logs=stack.folder)
        # The first may be read, or be next, before it is asked.
        wait_for(has_pages_ahead, what="pages ahead of a new job", logs=stack.folder)
    finally:
        httpx.delete(f"{stack.url}/jobs/{job_id}")


def test_health(stack: Stack) -> None:
    assert stack.get("/health/live").json() == {"status": "ok"}
    ready = stack.get("/health/ready")
    assert ready.status_code == 200
    assert ready.json()["checks"] == {"redis": "ok", "storage": "ok", "workers": "ok"}


def test_an_unknown_job_is_404_everywhere(stack: Stack) -> None:
    unknown = uuid.uuid4()
    for path in ("", "/events", "/result", "/pages/1"):
        answer = stack.get(f"/jobs/{unknown}{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "job.unknown"), path
    assert httpx.delete(f"{stack.url}/jobs/{unknown}").json()["code"] == "job.unknown"
    assert stack.get("/jobs/not-an-id").json()["code"] == "request.not_found"


def test_two_api_processes_serve_the_same_jobs(stack: Stack) -> None:
    job_id = stack.submit(pdfs.numbered(2))
    other, _ = stack.apis[1]
    assert [event.type for event in stack.events(job_id, url=other)] == ["start", "page", "page", "complete"]
    assert httpx.get(f"{other}/jobs/{job_id}").json() == stack.status(job_id)


# --- Behind a proxy ---------------------------------------------------------------------------------------------------


def test_behind_a_path_prefix_all_links_lead_through_the_proxy(stack: Stack) -> None:
    url = stack.start_api(SLIMGEST_TRUSTED_PROXIES="127.0.0.1")
    with httpx.Client(base_url=url, headers={"X-Forwarded-Prefix": "/slim"}, timeout=60) as proxy:
        sent = proxy.post("/jobs", files={"file": ("a.pdf", pdfs.numbered(1))})
        job_id = sent.json()["job_id"]
        assert sent.headers["Location"] == sent.json()["links"]["self"] == f"/slim/jobs/{job_id}"
        events = proxy.get(f"/jobs/{job_id}/events").text
        assert f'"result_url": "/slim/jobs/{job_id}/result"' in events
        assert proxy.get(f"/jobs/{job_id}").json()["links"]["result"] == f"/slim/jobs/{job_id}/result"
        preparing = proxy.get(f"/jobs/{job_id}/result?format=pdf")
        if preparing.status_code == 202:
            assert preparing.json()["links"]["result"] == f"/slim/jobs/{job_id}/result?format=pdf"
    assert (
        stack.get(f"/jobs/{job_id}", headers={"X-Forwarded-Prefix": "/evil"}).json()["links"]["self"]
        == f"/jobs/{job_id}"
    )


def test_the_http_server_refuses_a_foreign_host_and_honours_no_header_of_an_untrusted_proxy(stack: Stack) -> None:
    refused = stack.get("/jobs", headers={"Host": "evil.example"})
    assert (refused.status_code, refused.json()["code"]) == (403, "access.host")
    posted = stack.request("POST", "/jobs", headers={"Origin": "https://evil.example"}, files={"file": b"%PDF-"})
    assert (posted.status_code, posted.json()["code"]) == (403, "access.origin")
    assert stack.get("/health/live", headers={"X-Forwarded-Proto": "https", "SCRIPT_NAME": "/x"}).status_code == 200
