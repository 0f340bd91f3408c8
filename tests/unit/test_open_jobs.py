"""What a worker child holds open of a job, and for how long: seen by the files that this process has open."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

import pytest
from celery import signals

from slimgest_celery import tasks
from slimgest_celery.errors import JobUnknown, PdfUnreadable
from slimgest_celery.files import JobFiles
from slimgest_celery.model import Engine, Job, Options, Plan, now
from slimgest_celery.open_jobs import OpenJobs
from tests.support import pdfs


class Counted(JobFiles):
    """Knows how many uploads are in use."""

    in_use = 0

    @contextmanager
    def source(self, job_id: str) -> Iterator[Path]:
        with super().source(job_id) as path:
            self.in_use += 1
            try:
                yield path
            finally:
                self.in_use -= 1


def _stored(files: JobFiles, pdf: bytes) -> str:
    job = Job(job_id=str(uuid4()), filename="test.pdf", options=Options(), created_at=now())
    files.create(job, io.BytesIO(pdf), None)
    return job.job_id


def _open(job_id: str) -> bool:
    """Whether this process has the job's upload open."""
    return any(job_id in str(Path(link).resolve()) for link in Path("/proc/self/fd").iterdir())


@pytest.fixture
def files(tmp_path: Path) -> JobFiles:
    return JobFiles(str(tmp_path))


def test_a_job_is_held_open_from_one_task_to_the_next_and_let_go_for_another(files: JobFiles) -> None:
    jobs, one, other = OpenJobs(files), _stored(files, pdfs.numbered(2)), _stored(files, pdfs.numbered(1))
    held = jobs.hold(one, 0)
    assert jobs.hold(one, 0) is held and _open(one)
    assert jobs.hold(other, 0) is not held
    assert not _open(one) and _open(other)
    jobs.release()
    assert not _open(other)


def test_an_upload_that_cannot_be_opened_is_not_kept_in_use(tmp_path: Path) -> None:
    files = Counted(str(tmp_path))
    jobs = OpenJobs(files)
    with pytest.raises(PdfUnreadable):
        jobs.hold(_stored(files, b"no PDF"), 0)
    assert files.in_use == 0


def test_a_worker_without_tasks_holds_no_upload_open(files: JobFiles) -> None:
    jobs, job_id = OpenJobs(files, idle_s=0), _stored(files, pdfs.numbered(1))
    jobs.hold(job_id, 0)
    jobs.rest()
    deadline_s = time.monotonic() + 20
    while _open(job_id):
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def test_a_task_that_comes_in_time_finds_its_job_open(files: JobFiles) -> None:
    jobs, job_id = OpenJobs(files, idle_s=3600), _stored(files, pdfs.numbered(1))
    held = jobs.hold(job_id, 0)
    jobs.rest()
    jobs.wake()
    assert jobs.hold(job_id, 0) is held and _open(job_id)
    jobs.release()


def test_the_signals_of_celery_tell_when_tasks_begin_and_end(files: JobFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    for signal in (signals.task_prerun, signals.task_postrun):
        monkeypatch.setattr(signal, "receivers", [])
    monkeypatch.setattr(tasks, "jobs", lambda: SimpleNamespace(files=files))
    jobs, job_id = tasks.open_jobs.__wrapped__(), _stored(files, pdfs.numbered(1))
    held, before = jobs.hold(job_id, 0), set(threading.enumerate())
    signals.task_postrun.send(sender=None, task=SimpleNamespace(name="slimgest.pages"))
    resting = set(threading.enumerate()) - before
    assert resting
    signals.task_prerun.send(sender=None, task=SimpleNamespace(name="slimgest.pages"))
    assert not any(thread.is_alive() for thread in resting)
    assert jobs.hold(job_id, 0) is held and _open(job_id)
    signals.task_prerun.send(sender=None, task=SimpleNamespace(name="slimgest.image"))
    assert not _open(job_id)


def test_a_retry_is_opened_anew_for_it_may_bring_another_password(files: JobFiles) -> None:
    jobs, job_id = OpenJobs(files), _stored(files, pdfs.numbered(1))
    assert jobs.hold(job_id, 0) is not jobs.hold(job_id, 1)
    jobs.release()


def test_what_was_read_for_long_is_opened_anew(files: JobFiles) -> None:
    jobs, job_id = OpenJobs(files), _stored(files, pdfs.numbered(1))
    held = [jobs.hold(job_id, 0) for _ in range(100)]
    assert 1 < len({id(job) for job in held}) < 20
    jobs.release()


def test_a_deleted_job_is_not_read_on(files: JobFiles) -> None:
    jobs, job_id = OpenJobs(files), _stored(files, pdfs.numbered(1))
    jobs.hold(job_id, 0)
    files.delete(job_id)
    with pytest.raises(JobUnknown):
        jobs.hold(job_id, 0)
    jobs.release()


def test_the_plan_is_read_when_it_is_asked_for(files: JobFiles) -> None:
    jobs, job_id = OpenJobs(files), _stored(files, pdfs.numbered(5))
    job = jobs.hold(job_id, 0)  # by ingest, before there is one
    files.put_plan(job_id, Plan(page_numbers=[2, 3], engine=Engine(name="e", version="1"), started_at=now()))
    assert (job.first, job.total) == (2, 2)
    jobs.release()
