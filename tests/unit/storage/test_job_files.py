"""The files of jobs: each is complete or missing, and the first end state is the valid one."""

from __future__ import annotations

import io
import json
import os
import stat
import threading
from pathlib import Path
from typing import Any

import fsspec
import pytest

from slimgest_celery.errors import JobUnknown, PageUnknown, StorageUnavailable
from slimgest_celery.models.job import End, Job, JobStatus, Options
from slimgest_celery.models.page import Page
from slimgest_celery.models.record import now
from slimgest_celery.storage.job_files import JobFiles
from tests.support.stored_jobs import store_job


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


def test_a_job_exists_from_its_creation_to_its_deletion(files: JobFiles) -> None:
    with pytest.raises(JobUnknown):
        files.job(ID)
    files.create(JOB, io.BytesIO(b"%PDF-content"), "secret")
    assert files.job(ID) == JOB and files.exists(ID) and files.job_ids() == [ID]
    with files.source(ID) as path:
        assert path.read_bytes() == b"%PDF-content"
    assert files.password(ID) == "secret"
    files.delete_password(ID)
    files.delete_password(ID)
    assert files.password(ID) is None
    files.delete(ID)
    files.delete(ID)
    assert files.job_ids() == []


def test_an_interrupted_upload_creates_no_job(files: JobFiles) -> None:
    class Interrupted(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise ConnectionResetError("the client left")

    with pytest.raises(StorageUnavailable):
        files.create(JOB, Interrupted(), None)
    assert not files.exists(ID)
    with pytest.raises(FileNotFoundError), files.source(ID):
        pytest.fail("half an upload was accepted")
    files.delete(ID)
    assert files.job_ids() == []


def test_the_first_end_state_is_the_valid_one(files: JobFiles) -> None:
    files.create(JOB, io.BytesIO(b"%PDF"), None)
    first = End(status=JobStatus.CANCELLED, completed_at=now())
    assert files.put_end(ID, first) == first
    assert files.put_end(ID, End(status=JobStatus.COMPLETED, completed_at=now())) == first
    assert files.end(ID) == first


def test_if_several_threads_end_a_job_at_once_one_succeeds(tmp_path: Path) -> None:
    files = JobFiles(str(tmp_path / "jobs"))
    files.create(JOB, io.BytesIO(b"%PDF"), None)
    for number in range(30):
        files.reopen(ID, None)
        barrier, valid = threading.Barrier(4), []

        def end(failed: int, barrier: threading.Barrier = barrier, valid: list[End] = valid) -> None:
            barrier.wait()
            valid.append(files.put_end(ID, End(status=JobStatus.PARTIAL, completed_at=now(), pages_failed=failed)))

        threads = [threading.Thread(target=end, args=(number * 4 + each,)) for each in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert valid == [files.end(ID)] * 4


def test_other_folders_in_the_storage_are_ignored(tmp_path: Path) -> None:
    (tmp_path / "jobs/lost+found").mkdir(parents=True)
    assert JobFiles(str(tmp_path / "jobs")).job_ids() == []


def test_an_incomplete_record_raises_storage_unavailable(tmp_path: Path) -> None:
    files = JobFiles(str(tmp_path / "jobs"))
    files.create(JOB, io.BytesIO(b"%PDF"), None)
    (tmp_path / "jobs" / ID / "end.json").write_text('{"status": "comp')
    with pytest.raises(StorageUnavailable, match="cannot be read"):
        files.end(ID)


def test_fields_that_a_newer_version_has_added_are_ignored(tmp_path: Path) -> None:
    files = JobFiles(str(tmp_path))
    job_id = store_job(files, "x.pdf")
    before = files.job(job_id), files.plan(job_id), files.end(job_id), files.pages(job_id)
    changed = [path for path in (tmp_path / job_id).rglob("*") if path.is_file() and path.read_bytes()[:1] == b"{"]
    for path in changed:
        lines = path.read_text().splitlines()
        path.write_text("\n".join(json.dumps(_with_added_fields(json.loads(line))) for line in lines))
    assert len(changed) == 4
    assert (files.job(job_id), files.plan(job_id), files.end(job_id), files.pages(job_id)) == before
    assert next(files.iterate_stored(job_id)).summary().text == "page 1"


def _with_added_fields(node: Any) -> Any:
    """Add a field to a record and to all records in it."""
    if isinstance(node, list):
        return [_with_added_fields(entry) for entry in node]
    if not isinstance(node, dict) or not node:
        return node
    return {**{name: _with_added_fields(value) for name, value in node.items()}, "added": {"later": 1}}


def test_pages_are_found_in_all_files_and_a_good_record_is_preferred_to_a_failed_one(files: JobFiles) -> None:
    files.put_pages(ID, [_page(4), _page(5, "failed"), _page(6)])
    files.put_pages(ID, [_page(1, text="one")])
    files.put_pages(ID, [_page(5, text="five")])
    assert list(files.pages(ID)) == [1, 4, 5, 6]
    assert files.pages(ID)[5].text == "five" == files.page(ID, 5).text
    with pytest.raises(PageUnknown):
        files.page(ID, 2)


def test_the_check_of_a_storage_without_write_access_fails(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file where a folder is needed")
    with pytest.raises(StorageUnavailable):
        JobFiles(str(tmp_path / "file" / "jobs")).check()


@pytest.mark.parametrize("umask", [0, 0o022])
def test_only_the_user_who_runs_slimgest_can_read_the_files(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        store_job(JobFiles(str(tmp_path / "new" / "jobs")), "a.pdf")
    finally:
        os.umask(before)
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "new").rglob("*")}
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o700}
    assert {mode for path, mode in modes.items() if path.is_file()} == {0o600}
    assert len(modes) > 8 and stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
