"""An API and a worker that use the same Redis and different storages."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from slimgest_celery.cli.doctor import check_machine
from tests.support import pdfs
from tests.support.stack import Stack, running, wait_for
from workers.devices import DetectedDevices, plan_workers

WITHIN_S = 10.0


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A service whose only worker has another storage than its API."""
    folder = tmp_path_factory.mktemp("split")
    with running(folder, workers=0) as stack:
        env = {**plan_workers(stack.settings, DetectedDevices())[0].env, "SLIMGEST_STORAGE_URL": str(folder / "other")}
        command = [sys.executable, "-m", "celery", "-A", "slimgest_celery", "worker", "-n", "far@%h", "-l", "INFO"]
        stack.spawn(*command, log="far", env=env)
        stack.wait_ready(1)
        yield stack


def test_a_job_ends_within_seconds_with_the_reason(split: Stack) -> None:
    started_s = time.monotonic()
    answer = split.post("/process-pdf", pdfs.numbered(2))
    assert (answer.status_code, answer.json()["code"]) == (422, "storage.not_shared")
    assert time.monotonic() - started_s < WITHIN_S
    job_id = split.submit(pdfs.numbered(2))
    status = split.wait_end(job_id, within_s=WITHIN_S)
    assert (status["status"], status["error"]["code"]) == ("failed", "storage.not_shared")
    assert [event.type for event in split.events(job_id)] == ["error"]
    assert split.files.end(job_id), "the API has stored the end"
    assert split.get("/").json()["queue"]["pending_jobs"] == 0
    log = (split.folder / "far.log").read_text()
    assert "Traceback" not in log and "JobUnknown" not in log, log[-2000:]


def test_readiness_and_doctor_name_the_worker(split: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    ready = split.get("/health/ready")
    assert ready.status_code == 503 and "far@" in ready.json()["checks"]["storage"]
    monkeypatch.setenv("SLIMGEST_REDIS_URL", str(split.settings.redis_url))
    monkeypatch.setenv("SLIMGEST_STORAGE_URL", split.settings.storage_url)
    (finding,) = [finding for finding in check_machine() if finding.name == "storage"]
    assert "far@" in finding.advice and "storage.not_shared" in finding.advice


def test_the_same_folder_under_two_names_is_one_storage(tmp_path: Path) -> None:
    with running(tmp_path, workers=1) as stack:
        (tmp_path / "link").symlink_to(tmp_path / "jobs")
        url = stack.start_api(SLIMGEST_STORAGE_URL=str(tmp_path / "link"))
        stack.apis.reverse()
        assert stack.url == url
        wait_for(lambda: stack.get("/health/ready").status_code == 200, what="readiness", logs=tmp_path)
        assert stack.wait_end(stack.submit(pdfs.numbered(1)))["status"] == "completed"
