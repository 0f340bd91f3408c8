"""A job's PDF between the tasks of one worker child."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from unittest import mock
from uuid import uuid4

import pytest

from slimgest_celery import open_jobs
from slimgest_celery.errors import JobUnknown, PdfUnreadable
from slimgest_celery.files import JobFiles
from slimgest_celery.model import Engine, Job, Options, Plan, now
from slimgest_celery.open_jobs import OpenJobs
from tests.support import pdfs


@pytest.fixture
def files(tmp_path: Path) -> JobFiles:
    return JobFiles(str(tmp_path))


@pytest.fixture
def holding(files: JobFiles) -> Iterator[OpenJobs]:
    held = OpenJobs(files)
    yield held
    held.release()


def _job(files: JobFiles, pdf: bytes) -> str:
    job = Job(job_id=str(uuid4()), filename="a.pdf", options=Options(), created_at=now())
    files.create(job, io.BytesIO(pdf), None)
    return job.job_id


def test_a_job_is_opened_once_for_all_tasks_of_a_run(files: JobFiles, holding: OpenJobs) -> None:
    job_id, other = _job(files, pdfs.numbered(3)), _job(files, pdfs.numbered(2))
    first = holding.hold(job_id, 0)
    assert holding.hold(job_id, 0) is first and len(first.pdf) == 3
    assert holding.hold(job_id, 1) is not first, "a retry may bring another password"
    assert len(holding.hold(other, 0).pdf) == 2
    with mock.patch.object(open_jobs, "open_pdf", side_effect=AssertionError("opened again")):
        holding.hold(other, 0)


def test_what_was_read_for_long_is_opened_anew(files: JobFiles, holding: OpenJobs) -> None:
    job_id = _job(files, pdfs.numbered(1))
    held = [holding.hold(job_id, 0) for _ in range(100)]
    assert 1 < len({id(job) for job in held}) < 10


def test_a_deleted_job_is_not_read_on(files: JobFiles, holding: OpenJobs) -> None:
    job_id = _job(files, pdfs.numbered(1))
    holding.hold(job_id, 0)
    files.delete(job_id)
    with pytest.raises(JobUnknown):
        holding.hold(job_id, 0)


def test_a_pdf_that_cannot_be_opened_is_not_held(files: JobFiles, holding: OpenJobs) -> None:
    good, bad = _job(files, pdfs.numbered(1)), _job(files, b"%PDF-1.7 and no more")
    holding.hold(good, 0)
    for _ in range(2):
        with pytest.raises(PdfUnreadable):
            holding.hold(bad, 0)
    assert len(holding.hold(good, 0).pdf) == 1


def test_the_plan_is_read_when_it_is_asked_for(files: JobFiles, holding: OpenJobs) -> None:
    job_id = _job(files, pdfs.numbered(5))
    job = holding.hold(job_id, 0)  # by ingest, before there is one
    files.put_plan(job_id, Plan(page_numbers=[2, 3], engine=Engine(name="e", version="1"), started_at=now()))
    assert (job.first, job.total) == (2, 2)
