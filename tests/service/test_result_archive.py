"""The documents of several jobs in one zip, and the pages of running jobs."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import httpx

from slimgest_celery.api_keys import make_key
from tests.support import pdfs
from tests.support.stack import Stack, running, wait_for


def _named(stack: Stack, name: str, text: str) -> str:
    answer = stack.request("POST", "/jobs", files={"file": (name, pdfs.text_pages([text]))})
    job_id: str = answer.json()["job_id"]
    stack.wait_end(job_id)
    return job_id


def _archive(stack: Stack, *job_ids: str, **params: str) -> httpx.Response:
    return stack.get("/results.zip", params=[*(("job", job_id) for job_id in job_ids), *params.items()])


def _prepared(stack: Stack, *job_ids: str) -> httpx.Response:
    """Return the answer when the searchable PDFs are made, or one of them cannot be made."""

    def ready() -> httpx.Response | None:
        answer = _archive(stack, *job_ids, format="pdf")
        return answer if answer.status_code != 202 else None

    found = wait_for(ready, what="the searchable PDFs", within_s=90)
    assert found is not None
    return found


def _code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_documents_come_under_their_own_names_in_the_order_of_the_request(stack: Stack) -> None:
    jobs = [_named(stack, name, text) for name, text in [("b.pdf", "One."), ("a.pdf", "Two."), ("b.pdf", "Three.")]]
    answer = _archive(stack, *jobs, jobs[0], format="txt")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/zip")
    assert answer.headers["Content-Disposition"] == "inline; filename=documents.zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.namelist() == ["b.txt", "a.txt", "b (2).txt"], "each job once"
        assert [archive.read(name).decode().strip() for name in archive.namelist()] == ["One.", "Two.", "Three."]
    part = stack.get("/results.zip", params=[("job", jobs[0])], headers={"Range": "bytes=2-5"})
    whole = _archive(stack, jobs[0])
    assert (part.status_code, part.content) == (206, whole.content[2:6])
    again = stack.get("/results.zip", params=[("job", jobs[0])], headers={"If-None-Match": whole.headers["ETag"]})
    assert again.status_code == 304


def test_searchable_pdfs_are_made_for_all(stack: Stack) -> None:
    jobs = [_named(stack, f"{name}.pdf", name) for name in ("one", "two")]
    with zipfile.ZipFile(io.BytesIO(_prepared(stack, *jobs).content)) as archive:
        assert archive.namelist() == ["one.searchable.pdf", "two.searchable.pdf"]
        assert all(archive.read(name).startswith(b"%PDF") for name in archive.namelist())


def test_a_wrong_request_is_refused_as_a_whole(stack: Stack) -> None:
    job_id = _named(stack, "a.pdf", "One.")
    unknown = "00000000-0000-4000-8000-000000000000"
    assert _code(_archive(stack)) == (422, "request.option")
    assert _code(_archive(stack, "x")) == (422, "request.option")
    assert _code(_archive(stack, job_id, format="zip")) == (422, "request.option")
    assert _code(_archive(stack, *[job_id] * 81)) == (422, "request.option")
    assert _code(_archive(stack, job_id, unknown)) == (404, "job.unknown")
    locked = stack.submit(pdfs.text_pages(["One."], password="p"), password="p")
    stack.wait_end(locked)
    assert _code(_prepared(stack, job_id, locked)) == (422, "pdf.encrypted")


def test_the_pages_of_a_running_job_are_sent_if_the_client_asks_for_them(tmp_path: Path) -> None:
    with running(tmp_path, workers=1, TEST_ENGINE_SECONDS="0.2") as stack:
        ended = _named(stack, "ended.pdf", "Done.")
        job_id = stack.submit(pdfs.numbered(250))
        wait_for(lambda: stack.status(job_id)["pages_done"] >= 3, what="the first pages")
        for path, jobs in ((f"/jobs/{job_id}/result", []), ("/results.zip", [("job", ended), ("job", job_id)])):
            assert _code(stack.get(path, params=jobs)) == (409, "job.not_ready")
            assert _code(stack.get(path, params=[*jobs, ("format", "pdf"), ("partial", "true")])) == (
                409,
                "job.not_ready",
            )
        text = stack.get(f"/jobs/{job_id}/result", params={"format": "txt", "partial": "true"}).text
        assert text.startswith("page 1") and "page 250" not in text
        document = stack.get(f"/jobs/{job_id}/result", params={"partial": "true"}).json()
        assert document["status"] == "processing" and document["completed_at"] is None
        assert 3 <= len(document["pages"]) < 250
        answer = _archive(stack, ended, job_id, format="txt", partial="true")
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            assert len(archive.namelist()) == 2
        assert stack.request("DELETE", f"/jobs/{job_id}").json()["status"] == "cancelled"


def test_a_zip_has_no_documents_of_another_owner(tmp_path: Path) -> None:
    (alice, alices), (bob, bobs) = make_key("alice"), make_key("bob")
    with running(tmp_path, workers=1, bearer=alice, SLIMGEST_API_KEYS=f"{alices},{bobs}") as stack:
        job_id = _named(stack, "secret.pdf", "Of Alice.")
        params = [("job", job_id)]
        assert stack.get("/results.zip", params=params).status_code == 200
        assert _code(stack.get("/results.zip", params=params, headers={"Authorization": f"Bearer {bob}"})) == (
            404,
            "job.unknown",
        )
        without = httpx.get(f"{stack.url}/results.zip", params=params)
        assert _code(without) == (401, "access.key_missing")
