"""The last step of a job: set its end state once. `tasks.finish` calls `finish_job`, as chord body and as errback."""

from __future__ import annotations

from collections.abc import Sequence

from slimgest_celery.errors import AllPagesFailed, JobFailure, JobWorkerLost, PageFailure, PageWorkerLost
from slimgest_celery.events.event_log import EventLog
from slimgest_celery.jobs.service import JobService
from slimgest_celery.models.job import End, JobStatus
from slimgest_celery.models.problem import Problem
from slimgest_celery.models.record import now
from slimgest_celery.pipeline.page_store import store_and_publish
from slimgest_celery.reading.page_reader import failed_page
from slimgest_celery.state.job_state import JobState
from slimgest_celery.storage.job_files import JobFiles
from slimgest_celery.telemetry import metrics


def finish_job(
    job_id: str, retry_count: int = 0, *, jobs: JobService, files: JobFiles, job_state: JobState, events: EventLog
) -> End | None:
    """Set, store and publish the end state of a job. Safe to repeat.

    Missing pages (all attempts of their tasks were lost) are recorded as failed first. A finish from before a retry
    does nothing and returns None; so does one of a job that was deleted.
    """
    if job_state.retry_count(job_id) != retry_count or job_state.expired(job_id):
        return None
    end, plan = files.end(job_id), files.plan(job_id)
    if end is None and plan is None and not files.exists(job_id):
        jobs.end_unseen(job_id)
        return None
    if end is None and plan is None:
        return fail_job(jobs, job_id, JobWorkerLost())
    if end is None and plan is not None:
        job_state.mark_activity(job_id)
        is_ok, warned = {}, 0
        for page in files.iterate_stored(job_id):
            is_ok[page.page_number] = page.status == "ok"
            warned += page.has_warnings
        for number in plan.page_numbers:
            if number not in is_ok:
                fail_page(job_id, number, PageWorkerLost(), files=files, events=events)
        end = files.put_end(job_id, _end_state([is_ok.get(number, False) for number in plan.page_numbers], warned))
    return jobs.publish_end(job_id, end, retry_count) if end else None


def fail_job(jobs: JobService, job_id: str, error: JobFailure) -> End:
    """End a job whose PDF could not be read."""
    return jobs.end_job(job_id, End(status=JobStatus.FAILED, completed_at=now(), error=Problem.from_error(error)))


def fail_page(job_id: str, page_number: int, error: PageFailure, *, files: JobFiles, events: EventLog) -> None:
    """Store and publish a page as failed."""
    plan = files.plan(job_id)
    total, engine = (len(plan.page_numbers), plan.engine.name) if plan else (0, metrics.NONE)
    store_and_publish(job_id, [failed_page(page_number, error)], total, engine, files=files, events=events)


def _end_state(is_ok: Sequence[bool], pages_with_warnings: int) -> End:
    failed = len(is_ok) - sum(is_ok)
    status = JobStatus.COMPLETED if not failed else JobStatus.FAILED if failed == len(is_ok) else JobStatus.PARTIAL
    error = Problem.from_error(AllPagesFailed()) if status == JobStatus.FAILED else None
    return End(
        status=status,
        completed_at=now(),
        pages_failed=failed,
        pages_with_warnings=pages_with_warnings,
        error=error,
    )
