"""The retry of an ended job: which pages are read again. Redis is in memory, the storage is a folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest

from slimgest_celery.errors import JobRunning, OptionInvalid
from slimgest_celery.jobs.retry import retry_job
from slimgest_celery.models.job import End, JobStatus
from slimgest_celery.models.record import now
from tests.support.worker_context import JOB_ID, FakeDevice, LocalContext, store_job, store_pages, worker_context


@pytest.fixture
def context(tmp_path: Path) -> Iterator[LocalContext]:
    """A job of which page 2 has failed."""
    with worker_context(tmp_path, FakeDevice(0, batch_size=1)) as context:
        store_job(context, page_count=3)
        store_pages(context, 3, "ok", "failed", "ok")
        context.files.put_end(JOB_ID, End(status=JobStatus.PARTIAL, completed_at=now(), pages_failed=1))
        yield context


def _retry(context: LocalContext, pages: str | None = None, password: str | None = None) -> None:
    parts = context.parts
    with mock.patch.object(context.jobs, "send"), mock.patch.object(context.jobs, "status"):
        retry_job(
            JOB_ID,
            pages,
            password,
            jobs=context.jobs,
            files=context.files,
            events=context.events,
            admission=parts.admission,
        )


@pytest.mark.parametrize(
    ("pages", "kept"), [(None, [1, 3]), ("failed", [1, 3]), ("1-2", [3]), ("3,99", [1, 2])], ids=str
)
def test_failed_or_named_pages_are_deleted_to_be_read_again(
    context: LocalContext, pages: str | None, kept: list[int]
) -> None:
    _retry(context, pages)
    assert list(context.files.pages(JOB_ID)) == kept


def test_a_retried_job_is_pending_without_an_end_and_has_its_password_again(context: LocalContext) -> None:
    _retry(context, password="secret")
    assert context.files.end(JOB_ID) is None and context.job_state.pending() == [JOB_ID]
    assert context.job_state.retry_count(JOB_ID) == 1
    assert context.files.password(JOB_ID) == "secret"


@pytest.mark.parametrize("pages", ["nonsense", "4-9"])
def test_pages_that_are_invalid_or_not_part_of_the_job_are_refused(context: LocalContext, pages: str) -> None:
    with pytest.raises(OptionInvalid):
        _retry(context, pages)
    assert context.files.end(JOB_ID) is not None, "the job is unchanged"


def test_a_job_that_has_not_ended_cannot_be_retried(context: LocalContext) -> None:
    _retry(context)
    with pytest.raises(JobRunning):
        _retry(context)
