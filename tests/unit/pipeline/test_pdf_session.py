"""The open PDF of a worker child: which one is open, and for how long. Checked by the open files of this process."""

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
from slimgest_celery.models.job import EngineInfo, Job, Options, Plan
from slimgest_celery.models.record import now
from slimgest_celery.pipeline.pdf_session import PdfSessions
from slimgest_celery.storage.job_files import JobFiles
from tests.support import pdfs


class CountingFiles(JobFiles):
    """Counts the uploads in use."""

    in_use = 0

    @contextmanager
    def source(self, job_id: str) -> Iterator[Path]:
        with super().source(job_id) as path:
            self.in_use += 1
            try:
                yield path
            finally:
                self.in_use -= 1


def _store(files: JobFiles, pdf: bytes) -> str:
    job = Job(job_id=str(uuid4()), filename="test.pdf", options=Options(), created_at=now())
    files.create(job, io.BytesIO(pdf), None)
    return job.job_id


def _is_open(job_id: str) -> bool:
    """Return True if this process has the job's upload open."""
    return any(job_id in str(Path(link).resolve()) for link in Path("/proc/self/fd").iterdir())


@pytest.fixture
def files(tmp_path: Path) -> JobFiles:
    return JobFiles(str(tmp_path))


def test_a_pdf_stays_open_between_tasks_until_a_task_of_another_job_begins(files: JobFiles) -> None:
    sessions, one, other = PdfSessions(files), _store(files, pdfs.numbered(2)), _store(files, pdfs.numbered(1))
    session = sessions.get(one, 0)
    assert sessions.get(one, 0) is session and _is_open(one)
    assert sessions.get(other, 0) is not session
    assert not _is_open(one) and _is_open(other)
    sessions.release()
    assert not _is_open(other)


def test_an_upload_that_cannot_be_opened_is_released(tmp_path: Path) -> None:
    files = CountingFiles(str(tmp_path))
    sessions = PdfSessions(files)
    with pytest.raises(PdfUnreadable):
        sessions.get(_store(files, b"no PDF"), 0)
    assert files.in_use == 0


def test_the_pdf_is_closed_after_some_time_without_tasks(files: JobFiles) -> None:
    sessions, job_id = PdfSessions(files, idle_s=0), _store(files, pdfs.numbered(1))
    sessions.get(job_id, 0)
    sessions.start_idle_timer()
    deadline_s = time.monotonic() + 20
    while _is_open(job_id):
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def test_a_task_that_begins_before_the_idle_time_ends_finds_the_pdf_open(files: JobFiles) -> None:
    sessions, job_id = PdfSessions(files, idle_s=3600), _store(files, pdfs.numbered(1))
    session = sessions.get(job_id, 0)
    sessions.start_idle_timer()
    sessions.cancel_idle_timer()
    assert sessions.get(job_id, 0) is session and _is_open(job_id)
    sessions.release()


def test_celery_s_signals_start_and_cancel_the_idle_timer(files: JobFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    for signal in (signals.task_prerun, signals.task_postrun):
        monkeypatch.setattr(signal, "receivers", [])
    monkeypatch.setattr(tasks, "components", lambda: SimpleNamespace(files=files))
    sessions, job_id = tasks.pdf_sessions.__wrapped__(), _store(files, pdfs.numbered(1))
    session, before = sessions.get(job_id, 0), set(threading.enumerate())
    signals.task_postrun.send(sender=None, task=SimpleNamespace(name="slimgest.pages"))
    timers = set(threading.enumerate()) - before
    assert timers
    signals.task_prerun.send(sender=None, task=SimpleNamespace(name="slimgest.pages"))
    assert not any(thread.is_alive() for thread in timers)
    assert sessions.get(job_id, 0) is session and _is_open(job_id)
    signals.task_prerun.send(sender=None, task=SimpleNamespace(name="slimgest.image"))
    assert not _is_open(job_id)


def test_a_retry_opens_the_pdf_again_because_its_password_may_differ(files: JobFiles) -> None:
    sessions, job_id = PdfSessions(files), _store(files, pdfs.numbered(1))
    assert sessions.get(job_id, 0) is not sessions.get(job_id, 1)
    sessions.release()


def test_a_pdf_is_opened_again_after_several_tasks_if_the_process_has_grown(files: JobFiles) -> None:
    sessions, job_id = PdfSessions(files), _store(files, pdfs.numbered(1))
    first = sessions.get(job_id, 0)
    assert all(sessions.get(job_id, 0) is first for _ in range(20))
    grown = bytearray(b"x") * (400 << 20)  # other tests of this process may free a part of that meanwhile
    again = sessions.get(job_id, 0)
    assert again is not first
    assert all(sessions.get(job_id, 0) is again for _ in range(20)), f"only once for {len(grown)} bytes"
    sessions.release()


def test_a_deleted_job_is_not_read_further(files: JobFiles) -> None:
    sessions, job_id = PdfSessions(files), _store(files, pdfs.numbered(1))
    sessions.get(job_id, 0)
    files.delete(job_id)
    with pytest.raises(JobUnknown):
        sessions.get(job_id, 0)
    sessions.release()


def test_the_plan_is_read_from_storage_when_it_is_needed(files: JobFiles) -> None:
    sessions, job_id = PdfSessions(files), _store(files, pdfs.numbered(5))
    session = sessions.get(job_id, 0)  # as by ingest, before there is a plan
    files.put_plan(job_id, Plan(page_numbers=[2, 3], engine=EngineInfo(name="e", version="1"), started_at=now()))
    assert (session.first, session.total) == (2, 2)
    sessions.release()
