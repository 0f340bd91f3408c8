"""A job's files: whole or not at all, the first end stands."""

from __future__ import annotations

import io
import threading
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


ID = "00000000-0000-4000-8000-00000000000a"
JOB = Job(job_id=ID, filename="x.pdf", options=Options(), created_at=now())


def _page(number: int, status: str = "ok", text: str = "") -> Page:
    return Page.model_validate({"page_number": number, "status": status, "text": text})


def test_a_job_is_there_after_it_was_created_and_gone_after_it_was_deleted(files: JobFiles) -> None:
    with pytest.raises(JobUnknown):
        files.job(ID)
    files.create(JOB, io.BytesIO(b"%PDF-content"), "secret")
    assert files.job(ID) == JOB and files.exists(ID) and files.job_ids() == [ID]
    with files.source(ID) as path:
        assert path.read_bytes() == b"%PDF-content"
    assert files.password(ID) == "secret"
    files.forget_password(ID)
    files.forget_password(ID)
    assert files.password(ID) is None
    files.delete(ID)
    files.delete(ID)
    assert files.job_ids() == []


def test_an_upload_that_breaks_is_no_job(files: JobFiles) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise ConnectionResetError("the client left")

    with pytest.raises(StorageUnavailable):
        files.create(JOB, Broken(), None)
    assert not files.exists(ID)
    with pytest.raises(FileNotFoundError), files.source(ID):
        pytest.fail("half an upload")
    files.delete(ID)
    assert files.job_ids() == []


def test_the_first_end_stands(files: JobFiles) -> None:
    files.create(JOB, io.BytesIO(b"%PDF"), None)
    first = End(status=JobStatus.CANCELLED, completed_at=now())
    assert files.put_end(ID, first) == first
    assert files.put_end(ID, End(status=JobStatus.COMPLETED, completed_at=now())) == first
    assert files.end(ID) == first


def test_of_many_that_end_a_job_at_once_one_succeeds(tmp_path: Path) -> None:
    files = JobFiles(str(tmp_path / "jobs"))
    files.create(JOB, io.BytesIO(b"%PDF"), None)
    for number in range(30):
        files.reopen(ID, None)
        together, stood = threading.Barrier(4), []

        def end(failed: int, together: threading.Barrier = together, stood: list[End] = stood) -> None:
            together.wait()
            stood.append(files.put_end(ID, End(status=JobStatus.PARTIAL, completed_at=now(), pages_failed=failed)))

        threads = [threading.Thread(target=end, args=(number * 4 + each,)) for each in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert stood == [files.end(ID)] * 4


def test_other_folders_in_the_storage_are_none_of_its_business(tmp_path: Path) -> None:
    (tmp_path / "jobs/lost+found").mkdir(parents=True)
    assert JobFiles(str(tmp_path / "jobs")).job_ids() == []


def test_a_torn_record_is_a_failure_of_the_storage_not_a_traceback(tmp_path: Path) -> None:
    files = JobFiles(str(tmp_path / "jobs"))
    files.create(JOB, io.BytesIO(b"%PDF"), None)
    (tmp_path / "jobs" / ID / "end.json").write_text('{"status": "comp')
    with pytest.raises(StorageUnavailable, match="cannot be read"):
        files.end(ID)


def test_pages_are_found_in_whichever_span_holds_them_and_a_good_one_beats_a_failed_one(files: JobFiles) -> None:
    files.put_pages(ID, [_page(4), _page(5, "failed"), _page(6)])
    files.put_pages(ID, [_page(1, text="one")])
    files.put_pages(ID, [_page(5, text="five")])
    assert list(files.pages(ID)) == [1, 4, 5, 6]
    assert files.pages(ID)[5].text == "five" == files.page(ID, 5).text
    with pytest.raises(PageUnknown):
        files.page(ID, 2)


def test_a_storage_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageUnavailable):
        JobFiles(str(tmp_path / "file" / "jobs")).check()
