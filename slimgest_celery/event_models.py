"""What the events of a job carry, by their type: `start`, `page`, `complete` and `error`."""

from __future__ import annotations

from typing import Literal

from .model import JobStatus, Record, Source


class StartData(Record):
    """The pages are counted, and about to be read."""

    job_id: str
    filename: str
    total_pages: int  # to be read: those chosen, not those that the PDF has


class PageData(Record):
    """A page was read, or could not be."""

    page_number: int  # in the PDF, from 1; pages come in the order in which they are done
    status: Literal["ok", "failed"]
    source: Source | None  # where the text came from; None of a page that failed
    total_pages: int
    pages_done: int  # with this one, read or failed
    pages_failed: int
    page_text: str


class CompleteData(Record):
    """The job has ended with a document."""

    status: JobStatus  # `completed`, or `partial` where some pages failed
    total_pages: int
    pages_failed: int
    result_url: str  # below the service's root


class ErrorData(Record):
    """The job failed, or was cancelled (`job.cancelled`)."""

    code: str
    message: str
