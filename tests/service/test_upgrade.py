"""Version 0.1.0 is replaced while it reads: processes of both versions work on one Redis and one storage."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import pdfs
from tests.support.processes import embedded_redis
from tests.support.stack import ROOT, Stack, wait_for

OLD_COMMIT = "ebacd3a"  # the state of version 0.1.0
_WITHIN_S = 300
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source of version 0.1.0, from the history of this checkout."""
    archive = subprocess.run(["git", "archive", OLD_COMMIT], cwd=ROOT, capture_output=True)
    if archive.returncode:
        pytest.skip(f"the history of this checkout does not contain {OLD_COMMIT}")
    folder = tmp_path_factory.mktemp("old")
    (folder / "source.tar").write_bytes(archive.stdout)
    with tarfile.open(folder / "source.tar") as source:
        source.extractall(folder, filter="data")
    return folder


@pytest.fixture
def service(tmp_path: Path, old: Path) -> Iterator[Stack]:
    """An API and a worker of the old version; a page takes half a second."""
    with embedded_redis(tmp_path / "redis") as url:
        stack = Stack(tmp_path, url, {"TEST_ENGINE_SECONDS": "0.5"})
        try:
            stack.start_api(PYTHONPATH=str(old))
            _start_worker(stack, "old", PYTHONPATH=str(old))
            stack.wait_ready(1)
            yield stack
        finally:
            stack.stop()


def _start_worker(stack: Stack, name: str, **env: str) -> None:
    command = [sys.executable, "-m", "celery", "-A", "slimgest_celery", "worker", "-n", f"{name}@%h", "-l", "INFO"]
    stack.workers[name] = stack.spawn(*command, log=name, env=env)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    process.wait(120)


def test_a_job_of_the_old_version_is_continued_by_the_new_one(service: Stack) -> None:
    before = service.submit(pdfs.numbered(2))
    service.wait_end(before, _WITHIN_S)
    running = _submit_and_begin(service)
    _end(service.workers["old"])
    _end(service.apis.pop()[1])
    service.start_api()
    _start_worker(service, "new")
    service.start_beat()
    _check_whole(service, before, 2)
    _check_whole(service, running, 40)
    assert "page read" in (service.folder / "new.log").read_text()


def test_workers_of_both_versions_read_the_jobs_of_both(service: Stack) -> None:
    first = _submit_and_begin(service)
    _start_worker(service, "new")
    _, old_api = service.apis.pop()
    service.start_api()
    service.wait_ready(2)
    second = service.submit(pdfs.numbered(6, 100))
    wait_for(lambda: service.status(first)["pages_done"] > 20, what="more pages", within_s=_WITHIN_S)
    _end(old_api)
    _end(service.workers["old"])
    service.start_beat()
    _check_whole(service, first, 40)
    _check_whole(service, second, 6)
    for name in ("old", "new"):
        assert f"worker={name}@{os.uname().nodename}" in (service.folder / f"{name}.log").read_text()


def _submit_and_begin(service: Stack) -> str:
    job_id = service.submit(pdfs.numbered(40))
    wait_for(lambda: service.status(job_id)["pages_done"] > 1, what="pages", within_s=_WITHIN_S, logs=service.folder)
    return job_id


def _check_whole(service: Stack, job_id: str, pages: int) -> None:
    """Check through the newest API that the job is complete: its status, its pages, and each event once."""
    assert service.wait_end(job_id, _WITHIN_S)["status"] == "completed"
    read = service.document(job_id)["pages"]
    assert [page["page_number"] for page in read] == list(range(1, pages + 1))
    assert all(page["status"] == "ok" and page["text"] for page in read)
    assert [event.type for event in service.events(job_id)] == ["start", *["page"] * pages, "complete"]
