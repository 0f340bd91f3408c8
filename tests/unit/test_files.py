"""A job's files: whole or not at all, the first end stands."""

from __future__ import annotations

import io
from pathlib import Path

import fsspec
import pytest

from slimgest_celery.errors import JobUnknown, PageUnknown, StorageUnavailable
from slimgest_celery.files import JobFiles
from slimgest_celery.model import End, Job, JobStatus, Options, Page, now


@pytest.fixture(params=["local", "memory"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> JobFiles:
    if request.param == "local":
        return JobFiles(str(tmp_path / "jobs"))
    fsspec.filesystem("memory").rm("/", recursive=True) if fsspec.filesystem("memory").ls("/") else None
    return JobFiles("memory://jobs")


JOB = Job(job_id="a", filename="x.pdf", options=Options(), created_at=now())


def _page(number: int, status: str = "ok", text: str = "") -> Page:
    return Page.model_validate({"page_number": number, "status": status, "text": text})


def test_a_job_is_there_after_it_was_created_and_gone_after_it_was_deleted(files: JobFiles) -> None:
    with pytest.raises(JobUnknown):
        files.job("a")
    files.create(JOB, io.BytesIO(b"%PDF-content"), "secret")
    assert files.job("a") == JOB and files.exists("a") and files.job_ids() == ["a"]
    with files.source("a") as path:
        assert path.read_bytes() == b"%PDF-content"
    assert files.password("a") == "secret"
    files.forget_password("a")
    files.forget_password("a")
    assert files.password("a") is None
    files.delete("a")
    files.delete("a")
    assert files.job_ids() == []


def test_nothing_stays_of_an_upload_that_breaks(files: JobFiles) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise ConnectionResetError("the client left")

    with pytest.raises(StorageUnavailable):
        files.create(JOB, Broken(), None)
    assert files.job_ids() == []


def test_the_first_end_stands(files: JobFiles) -> None:
    files.create(JOB, io.BytesIO(b"%PDF"), None)
    first = End(status=JobStatus.CANCELLED, completed_at=now())
    assert files.put_end("a", first) == first
    assert files.put_end("a", End(status=JobStatus.COMPLETED, completed_at=now())) == first
    assert files.end("a") == first


def test_pages_are_found_in_whichever_span_holds_them_and_a_good_one_beats_a_failed_one(files: JobFiles) -> None:
    files.put_pages("a", [_page(4), _page(5, "failed"), _page(6)])
    files.put_pages("a", [_page(1, text="one")])
    files.put_pages("a", [_page(5, text="five")])
    assert list(files.pages("a")) == [1, 4, 5, 6]
    assert files.pages("a")[5].text == "five" == files.page("a", 5).text
    with pytest.raises(PageUnknown):
        files.page("a", 2)


def test_a_storage_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageUnavailable):
        JobFiles(str(tmp_path / "file" / "jobs")).check()
