"""Records of a job: options, states, plan, end, and the document that is its result."""

from __future__ import annotations

import re
from enum import StrEnum

from pydantic import Field, field_validator

from slimgest_celery.languages import AUTO, parse_tags
from slimgest_celery.models.page import Page
from slimgest_celery.models.problem import Problem
from slimgest_celery.models.record import Record, ServicePath, Timestamp


class JobStatus(StrEnum):
    """The states of a job: queued → processing → one of the four end states."""

    QUEUED = "queued"  # accepted and stored; no worker has opened the PDF
    PROCESSING = "processing"  # the pages are known and are being read
    COMPLETED = "completed"  # every page was read
    PARTIAL = "partial"  # some pages failed, all others were read
    FAILED = "failed"  # the PDF could not be opened, or no page could be read
    CANCELLED = "cancelled"  # stopped by its owner; pages read before are kept

    @property
    def ended(self) -> bool:
        return self not in (JobStatus.QUEUED, JobStatus.PROCESSING)


class Mode(StrEnum):
    """The way in which the text of a page is found."""

    AUTO = "auto"  # the text layer if it can be trusted, otherwise OCR
    OCR = "ocr"  # always OCR
    TEXT = "text"  # always the text layer, never OCR


_NUMBER = "0{0,3}[1-9][0-9]{0,8}"
_RANGE = rf"{_NUMBER}( *- *({_NUMBER})?)?"
PAGES = rf"^ *{_RANGE}( *, *{_RANGE})* *$"


class Options(Record):
    """The options of a submission. The password of a PDF is not one of them: no record contains it."""

    dpi: float = Field(
        150.0, ge=36, le=600, description="The resolution at which pages are rendered, in dots per inch."
    )
    mode: Mode = Field(
        Mode.AUTO,
        description="`auto`: the text layer if it can be trusted, otherwise OCR; or always `ocr`, or always `text`.",
    )
    pages: str | None = Field(
        None,
        max_length=1000,
        description="The pages to read, such as `1-3,7` or `5-`; absent: all.",
        json_schema_extra={"pattern": PAGES, "examples": ["1-"]},
    )

    languages: str | None = Field(
        None,
        max_length=200,
        description=(
            "The languages of the pages: `auto`, or codes such as `de`, `deu`, `chi_sim`, or scripts such as "
            "`Cyrillic`, separated by commas; absent: as the service is set up, usually `auto`."
        ),
        json_schema_extra={"pattern": r"^[A-Za-z_, -]+$", "examples": ["auto"]},
    )

    @field_validator("languages")
    @classmethod
    def _check_languages(cls, value: str | None) -> str | None:
        if value is None:
            return None
        return ",".join(parse_tags(value)) or AUTO

    @field_validator("pages")
    @classmethod
    def _page_ranges(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(PAGES, value):
            raise ValueError("must be page numbers from 1 and ranges, such as 1-3,7")
        return value

    def page_numbers(self, page_count: int) -> list[int]:
        """Return the selected page numbers of a PDF with `page_count` pages: from 1, ascending, each once."""
        if self.pages is None:
            return list(range(1, page_count + 1))
        selected: set[int] = set()
        for part in self.pages.split(","):
            first, dash, last = (piece.strip() for piece in part.partition("-"))
            end = int(last) if last else (page_count if dash else int(first))
            selected.update(range(int(first), min(end, page_count) + 1))
        return sorted(selected)


class Job(Record):
    """An accepted upload, stored before its first task is sent and never changed afterwards."""

    job_id: str
    filename: str  # given by the client: displayed, never used as a path
    options: Options
    created_at: Timestamp
    owner: str | None = None  # the name of the API key that created the job; None if the service has no keys
    request_id: str | None = None  # of the HTTP request that created the job, for the log
    callback_url: str | None = Field(
        None, repr=False
    )  # receives the end; may contain a password, so never shown or logged
    callback_format: str | None = Field(  # of the document in the message; not stored if absent: 0.1.0 does not know it
        None, exclude_if=lambda value: value is None
    )
    trace: dict[str, str] = Field({})  # trace context headers of the request; empty without tracing


class EngineInfo(Record):
    """The name and version of the OCR engine that read a job."""

    name: str
    version: str


class Plan(Record):
    """The result of ingest: the pages to read and the engine that reads them."""

    page_numbers: list[int]  # from 1, ascending
    engine: EngineInfo
    started_at: Timestamp


class End(Record):
    """The end of a job. Written once: of two writers, the first wins."""

    status: JobStatus
    completed_at: Timestamp
    pages_failed: int = 0
    pages_with_warnings: int = 0
    error: Problem | None = None


class Document(Record):
    """The result of a job: the job, its end, and its pages in order."""

    job_id: str
    filename: str
    status: JobStatus
    total_pages: int
    options: Options
    engine: EngineInfo | None
    created_at: Timestamp
    completed_at: Timestamp | None
    elapsed_seconds: float | None
    pages: list[Page]
    error: Problem | None = None
    pages_with_warnings: int = Field(0, description="The number of pages that have `warnings`, when the job ended.")


def document_head(job: Job, end: End | None, plan: Plan | None) -> Document:
    """Return a job's document without its pages."""
    return Document(
        job_id=job.job_id,
        filename=job.filename,
        status=end.status if end else JobStatus.PROCESSING if plan else JobStatus.QUEUED,
        total_pages=len(plan.page_numbers) if plan else 0,
        options=job.options,
        engine=plan.engine if plan else None,
        created_at=job.created_at,
        completed_at=end.completed_at if end else None,
        elapsed_seconds=(end.completed_at - job.created_at).total_seconds() if end else None,
        pages=[],
        error=end.error if end else None,
        pages_with_warnings=end.pages_with_warnings if end else 0,
    )


class Links(Record):
    """The paths of a job's resources."""

    self: ServicePath
    events: ServicePath
    result: ServicePath


class Status(Record):
    """The state of a job, as `GET /jobs/{id}` returns it."""

    job_id: str
    status: JobStatus
    created_at: Timestamp
    completed_at: Timestamp | None
    has_result: bool = Field(description="True if `links.result` has a document: the job has ended and did not fail.")
    error: Problem | None = Field(description="The reason why the job failed or was cancelled.")
    filename: str = Field(description="The name that the client gave.")
    total_pages: int | None = Field(description="The number of pages to read; null while the job is queued.")
    pages_done: int = Field(description="The number of pages read or failed.")
    pages_failed: int
    pages_with_warnings: int = Field(0, description="The number of pages read that have `warnings`.")
    pages_ahead: int = Field(description="The number of pages of earlier jobs that are not read yet.")
    links: Links
