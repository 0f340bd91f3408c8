"""What the `data` of a job's events hold, by the event's type."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from .model import JobStatus, Source


class EventData(BaseModel):
    """Base of these: immutable. A later version may tell more."""

    model_config = ConfigDict(frozen=True)


class StartData(EventData):
    """`start`: the PDF is open and its pages are counted."""

    job_id: str
    filename: str = Field(description="As the client named it.")
    total_pages: int = Field(description="Pages to read.")


class PageData(EventData):
    """`page`: a page is read and stored, or has failed."""

    page_number: int = Field(ge=1)
    status: Literal["ok", "failed"]
    source: Source | None = Field(description="Where its text came from.")
    total_pages: int = Field(description="Pages to read.")
    pages_done: int = Field(description="Read or failed, with this one.")
    pages_failed: int
    page_text: str = Field(description="Its text; empty where it failed.")


class CompleteData(EventData):
    """`complete`: the last event of a job that has a result."""

    status: JobStatus = Field(description="`completed` or `partial`.")
    total_pages: int
    pages_failed: int
    result_url: str = Field(description="Where the document is, below the service's root.")


class ErrorData(EventData):
    """`error`: the last event of a job that failed or was cancelled."""

    code: str = Field(description="As a problem's `code`.")
    message: str = Field(description="What happened, and what to do.")
