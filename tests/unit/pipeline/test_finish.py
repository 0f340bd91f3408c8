"""The end state of a job depends on its stored pages. It ends only once: see tests/unit/jobs/test_job_endings.py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from slimgest_celery.models.job import End
from slimgest_celery.models.warning import LOW_CONFIDENCE, make_warning
from slimgest_celery.pipeline.finish import finish_job
from tests.support.worker_context import JOB_ID, FakeDevice, LocalContext, store_job, store_pages, worker_context


@pytest.fixture
def context(tmp_path: Path) -> Iterator[LocalContext]:
    with worker_context(tmp_path, FakeDevice(0, batch_size=1)) as context:
        store_job(context, page_count=2)
        yield context


def _finish(context: LocalContext) -> End:
    end = finish_job(JOB_ID, jobs=context.jobs, files=context.files, job_state=context.job_state, events=context.events)
    assert end is not None
    return end


@pytest.mark.parametrize(
    ("statuses", "status", "pages_failed"),
    [(["ok", "ok"], "completed", 0), (["ok", "failed"], "partial", 1), (["failed", "failed"], "failed", 2)],
)
def test_the_end_state_depends_on_the_number_of_failed_pages(
    context: LocalContext, statuses: list[str], status: str, pages_failed: int
) -> None:
    store_pages(context, 2, *statuses)
    end = _finish(context)
    assert (end.status, end.pages_failed) == (status, pages_failed)


def test_pages_with_warnings_are_counted_at_the_end(context: LocalContext) -> None:
    store_pages(context, 2, "ok", "ok")
    page = context.files.page(JOB_ID, 1)
    quoting = page.model_copy(update={"text": 'a text with "warnings":[{'})
    doubtful = page.model_copy(update={"page_number": 2, "warnings": [make_warning(LOW_CONFIDENCE)]})
    context.files.put_pages(JOB_ID, [quoting])
    context.files.put_pages(JOB_ID, [doubtful])
    end = _finish(context)
    assert (end.pages_with_warnings, context.jobs.document_head(JOB_ID).pages_with_warnings) == (1, 1)
    assert context.jobs._progress_from_files(JOB_ID).pages_with_warnings == 1, "as for a job that Redis has lost"


def test_pages_whose_tasks_were_lost_are_stored_as_failed(context: LocalContext) -> None:
    store_pages(context, 2, "ok")
    assert _finish(context).status == "partial"
    error = context.files.page(JOB_ID, 2).error
    assert error is not None and error.code == "page.worker_lost"


def test_a_job_without_a_plan_fails_because_its_ingest_was_lost(context: LocalContext) -> None:
    end = _finish(context)
    assert end.error is not None and (end.status, end.error.code) == ("failed", "job.worker_lost")


def test_a_second_finish_changes_nothing(context: LocalContext) -> None:
    store_pages(context, 2, "ok", "ok")
    assert _finish(context) == _finish(context)
