"""Storage on S3: a real S3 server, used by the API and the workers instead of a folder."""

from __future__ import annotations

import io
import os
import re
import signal
import threading
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from celery import Celery

from slimgest_celery.app import Components
from slimgest_celery.errors import StorageUnavailable
from slimgest_celery.models.job import End, Job, JobStatus, Options
from slimgest_celery.models.record import now
from slimgest_celery.storage.job_files import JobFiles
from tests.support import pdfs
from tests.support.engines import RAISE_ONCE
from tests.support.s3 import S3Server, s3_server
from tests.support.stack import Stack, running, wait_for


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3_server(tmp_path_factory.mktemp("s3")) as server, pytest.MonkeyPatch.context() as patch:
        for name, value in server.env.items():
            patch.setenv(name, value)
        yield server


@pytest.fixture(scope="module")
def stack(s3: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("on-s3")
    (folder / "once").mkdir()
    env = {"TEST_ENGINE_SECONDS": "0.1", "TEST_ENGINE_ONCE": str(folder / "once")}
    with running(folder, beat=True, **env, **s3.env) as started:
        yield started


@pytest.fixture
def files(s3: S3Server) -> JobFiles:
    return JobFiles(s3.env["SLIMGEST_STORAGE_URL"])


def _job() -> Job:
    return Job(job_id=str(uuid.uuid4()), filename="x.pdf", options=Options(), created_at=now())


# --- The files alone --------------------------------------------------------------------------------------------------


def test_the_first_of_simultaneous_ends_of_a_job_is_kept(files: JobFiles) -> None:
    for _ in range(10):
        job_id, together = _job().job_id, threading.Barrier(4)

        def end(failed: int, job_id: str = job_id, together: threading.Barrier = together) -> End:
            together.wait()
            return files.put_end(job_id, End(status=JobStatus.PARTIAL, completed_at=now(), pages_failed=failed))

        with ThreadPoolExecutor(4) as threads:
            assert list(threads.map(end, range(4))) == [files.end(job_id)] * 4


@pytest.mark.parametrize("size", [100, (10 << 20) - 1, 10 << 20, 21 << 20])
def test_an_upload_of_any_size_is_complete_and_is_downloaded_once(files: JobFiles, size: int) -> None:
    job, content = _job(), os.urandom(size)
    files.create(job, io.BytesIO(content), None)
    for _ in range(3):
        with files.source(job.job_id) as path:
            assert path.read_bytes() == content
    files.delete(job.job_id)
    with pytest.raises(FileNotFoundError), files.source(job.job_id):
        pytest.fail("a copy of a deleted upload")


def test_an_abandoned_upload_has_an_age_and_can_be_deleted(files: JobFiles) -> None:
    job = _job()
    files.create(job, io.BytesIO(b"%PDF"), None)
    assert 0 <= files.age_s(job.job_id, time.time() + 1) < 30
    assert files.age_s(job.job_id, time.time() + 7200) > 7000
    files.delete(job.job_id)
    assert job.job_id not in files.job_ids()


def test_a_missing_bucket_is_a_storage_error(s3: S3Server) -> None:
    with pytest.raises(StorageUnavailable, match="no such bucket"):
        JobFiles("s3://none-of-this-name/jobs").check()


# --- The whole service ------------------------------------------------------------------------------------------------


def test_a_job_completes_and_each_worker_downloads_its_upload_once(stack: Stack, s3: S3Server) -> None:
    job_id = stack.submit(pdfs.numbered(20))
    assert stack.wait_end(job_id)["status"] == "completed"
    assert [page["text"] for page in stack.document(job_id)["pages"]] == [f"page {n}" for n in range(1, 21)]
    assert [event.type for event in stack.events(job_id)] == ["start", *["page"] * 20, "complete"]
    log = (s3.folder / "s3.log").read_text()
    copies = re.findall(rf"GET /\S*{job_id}/source.pdf", log)
    assert 1 <= len(copies) <= 2, "two workers"


def test_many_simultaneous_requests_all_succeed(stack: Stack) -> None:
    with ThreadPoolExecutor(12) as clients:
        job_ids = list(clients.map(lambda _: stack.submit(pdfs.numbered(1)), range(12)))
        for status in clients.map(stack.wait_end, job_ids):
            assert status["status"] == "completed"
        for document in clients.map(stack.document, job_ids):
            assert [page["text"] for page in document["pages"]] == ["page 1"]


def test_a_cancelled_job_keeps_its_end_and_can_be_resumed(stack: Stack) -> None:
    job_id = stack.submit(pdfs.numbered(40))
    wait_for(lambda: stack.status(job_id)["pages_done"] > 0, what="a page")
    assert stack.request("DELETE", f"/jobs/{job_id}").json()["status"] == "cancelled"
    assert stack.status(job_id)["status"] == "cancelled"
    assert stack.request("POST", f"/jobs/{job_id}/retry").status_code == 202
    assert stack.wait_end(job_id)["status"] == "completed"
    assert len(stack.document(job_id)["pages"]) == 40


def test_a_failed_page_is_read_again(stack: Stack) -> None:
    job_id = stack.submit(pdfs.coloured([(0, 1, 0), RAISE_ONCE]))
    assert stack.wait_end(job_id)["status"] == "partial"
    assert stack.request("POST", f"/jobs/{job_id}/retry").status_code == 202
    assert stack.wait_end(job_id)["status"] == "completed"


def test_images_and_searchable_pdfs_are_made_and_stored(stack: Stack) -> None:
    job_id = stack.submit(pdfs.numbered(2))
    stack.wait_end(job_id)
    image = stack.get(f"/jobs/{job_id}/pages/2/image")
    assert (image.status_code, image.headers["Content-Type"]) == (200, "image/webp")
    assert stack.files.image(job_id, "000002-100.webp") == image.content
    packed = wait_for(lambda: _made(stack, job_id, format="zip", formats="txt,pdf"), what="the PDF", within_s=60)
    with zipfile.ZipFile(io.BytesIO(packed.content)) as archive:
        assert archive.read("document.searchable.pdf").startswith(b"%PDF-")


def _made(stack: Stack, job_id: str, **params: str) -> httpx.Response | None:
    answer = stack.get(f"/jobs/{job_id}/result", params=params)
    return None if answer.status_code == 202 else answer


def test_an_expired_job_leaves_nothing_in_the_bucket(stack: Stack) -> None:
    job_id = stack.submit(pdfs.numbered(2))
    stack.wait_end(job_id)
    with Celery(broker=stack.settings.redis_url, backend=stack.settings.redis_url) as celery:
        maintenance = Components(stack.settings, stack.redis, celery).maintenance
        maintenance.sweep(time.time() + 2 * stack.settings.retention_s)
    assert job_id not in stack.files.job_ids()
    assert (stack.get(f"/jobs/{job_id}").status_code, stack.get("/jobs").json()["total"]) == (410, 0)


def test_a_job_survives_a_storage_outage_that_the_api_reports_in_time(stack: Stack, s3: S3Server) -> None:
    job_id = stack.submit(pdfs.numbered(30))
    wait_for(lambda: stack.status(job_id)["pages_done"] > 2, what="some pages")
    with _frozen(s3):
        with ThreadPoolExecutor(3) as clients:
            ready = clients.submit(stack.get, "/health/ready")
            asked = (lambda: stack.get(f"/jobs/{job_id}"), lambda: stack.post("/jobs", pdfs.numbered(1)))
            waiting = [clients.submit(_timed, ask) for ask in asked]
            while not all(answer.done() for answer in waiting):
                answer, took_s = _timed(lambda: stack.get("/health/live"))
                assert answer.status_code == 200 and took_s < 5, "requests that need no storage do not wait for it"
                time.sleep(0.2)
        for answer, took_s in (each.result() for each in waiting):
            assert (answer.status_code, answer.json()["code"]) == (503, "storage.unavailable")
            assert took_s < 30
        assert ready.result().json()["checks"]["storage"] != "ok"
    assert stack.wait_end(job_id, within_s=90)["status"] == "completed"
    assert [page["text"] for page in stack.document(job_id)["pages"]] == [f"page {n}" for n in range(1, 31)]
    assert [event.type for event in stack.events(job_id)] == ["start", *["page"] * 30, "complete"]


def _timed(ask: Callable[[], httpx.Response]) -> tuple[httpx.Response, float]:
    started_s = time.monotonic()
    return ask(), time.monotonic() - started_s


@contextmanager
def _frozen(s3: S3Server) -> Iterator[None]:
    """Stop the server: connections stay open without answers."""
    os.kill(s3.process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(s3.process.pid, signal.SIGCONT)


def test_no_log_holds_a_secret(stack: Stack, s3: S3Server) -> None:
    written = [log.read_text() for log in (*stack.folder.glob("*.log"), *Path(s3.folder).glob("*.log"))]
    assert written and not [log for log in written if s3.env["AWS_SECRET_ACCESS_KEY"] in log]
