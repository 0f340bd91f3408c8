"""The retry of an ended job: its failed pages, or pages that the client names, are read again under the same id."""

from __future__ import annotations

from pydantic import ValidationError

from slimgest_celery.errors import JobRunning, OptionInvalid
from slimgest_celery.events.event_log import EventLog
from slimgest_celery.jobs.capacity import AdmissionControl
from slimgest_celery.jobs.service import JobService
from slimgest_celery.models.job import Options, Plan, Status
from slimgest_celery.state.errors import broker_errors
from slimgest_celery.storage.job_files import JobFiles


def retry_job(
    job_id: str,
    pages: str | None,
    password: str | None = None,
    *,
    jobs: JobService,
    files: JobFiles,
    events: EventLog,
    admission: AdmissionControl,
) -> Status:
    """Read an ended job's failed and unread pages again, or those of its pages that `pages` names.

    The job keeps its id and its good pages. Raises `JobRunning`, `QueueFull`, `OptionInvalid`, and as
    `JobService.job`.
    """
    job, end, plan = jobs.job(job_id), files.end(job_id), files.plan(job_id)
    if end is None:
        raise JobRunning
    page_numbers = _select_pages(files, job_id, plan, pages)
    with broker_errors():
        admission.admit([job])
        files.delete_pages(job_id, page_numbers)
        events.reopen(job_id, page_numbers)
        files.reopen(job_id, password)
        jobs.send(job)
        return jobs.status(job_id)


def _select_pages(files: JobFiles, job_id: str, plan: Plan | None, pages: str | None) -> set[int]:
    """Return the numbers of the stored pages to delete and read again."""
    if plan is None:  # the PDF could not be opened: nothing is stored, and the whole job is tried again
        return set()
    stored = {page.page_number: page.status for page in files.iterate_stored(job_id)}
    if pages in (None, "failed"):
        failed = {number for number, status in stored.items() if status == "failed"}
        if not failed and set(stored) >= set(plan.page_numbers):
            raise OptionInvalid("pages: no page of this job has failed; name those to read again, such as 1-3.")
        return failed
    try:
        named = set(Options(pages=pages).page_numbers(plan.page_numbers[-1]))
    except ValidationError as error:
        raise OptionInvalid("pages: must be `failed`, or page numbers and ranges such as 1-3,7.") from error
    if not named & set(plan.page_numbers):
        raise OptionInvalid("pages: none of these pages belongs to the job.")
    return named & set(plan.page_numbers)
