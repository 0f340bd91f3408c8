"""The lines that the commands print about jobs."""

from __future__ import annotations

import pytest

from slimgest_celery.cli.output import event_text, print_queued
from slimgest_celery.client import JobCompleted, JobStarted
from slimgest_celery.models.job import Status


def _completed(total: int, failed: int, warned: int) -> JobCompleted:
    status = "partial" if failed else "completed"
    return JobCompleted.model_validate(
        {"id": "1-0", "status": status, "total_pages": total, "pages_failed": failed, "result_url": "/jobs/7/result"}
        | {"pages_with_warnings": warned}
    )


def test_the_end_of_a_job_says_what_was_read_and_how_to_read_the_rest() -> None:
    assert event_text(_completed(1, 0, 0), "7") == "completed: 1 page read"
    assert event_text(_completed(3, 0, 2), "7") == "completed: 3 pages read, 2 with warnings"
    said = event_text(_completed(3, 1, 0), "7")
    assert said == "partial: 1 of 3 pages failed. Read what failed again with `slimgest retry 7`."
    started = JobStarted(id="1-0", job_id="7", filename="a.pdf", total_pages=1)
    assert event_text(started, "7") == "a.pdf: 1 page to read"


def _status(status: str, pages_ahead: int) -> Status:
    return Status.model_validate(
        {
            "job_id": "7", "status": status, "created_at": "2026-11-30T00:00:00Z", "completed_at": None,
            "has_result": False, "error": None, "filename": "a.pdf", "total_pages": None, "pages_done": 0,
            "pages_failed": 0, "pages_ahead": pages_ahead,
            "links": {"self": "/a", "events": "/b", "result": "/c"},
        }
    )  # fmt: skip


@pytest.mark.parametrize(
    ("status", "pages_ahead", "says"),
    [
        ("queued", 0, "a.pdf: queued\n"),
        ("queued", 1, "a.pdf: queued; 1 page of earlier jobs to read first\n"),
        ("processing", 5, ""),
    ],
)
def test_a_job_that_waits_says_so(capsys: pytest.CaptureFixture[str], status: str, pages_ahead: int, says: str) -> None:
    print_queued(_status(status, pages_ahead))
    assert capsys.readouterr() == ("", says)
