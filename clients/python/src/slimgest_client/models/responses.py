"""Responses of the API that are not stored records."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from slimgest_client.errors import all_errors
from slimgest_client.models.job import Document, Links, Status
from slimgest_client.models.problem import Problem
from slimgest_client.models.record import Record, ServicePath
from slimgest_client.models.service import Worker
from slimgest_client.models.webhooks import Delivery

ERROR_DOCS = "/docs/errors"  # the page where the API describes each code, under an anchor with the code's name
_TITLES = {error.code: error().message for error in all_errors()}


class Queue(Record):
    """The work that is queued."""

    pending_jobs: int = Field(description="The number of jobs that are accepted and have not ended.")
    limit: int = Field(description="The largest number of pending jobs; further submissions get 429.")
    pages_ahead: int = Field(description="The number of pages that are not read yet.")


class ServiceStatus(Record):
    """The state of the service, as `GET /` returns it."""

    status: Literal["ok", "starting"] = Field(description="`ok` if a worker has loaded its model.")
    version: str
    engine: str = Field(description="The OCR engine of the workers.")
    languages: list[str] = Field(
        description="The languages and scripts that the workers read, for the option `languages`; empty if unknown."
    )
    workers: list[Worker]
    queue: Queue


class Alive(Record):
    """The answer of a process that is alive."""

    status: Literal["ok"] = "ok"


class Checks(Record):
    """The state of each thing that reading a PDF needs: `ok`, or the problem."""

    redis: str
    storage: str
    workers: str


class Ready(Record):
    """The readiness of the service: `ok` if a PDF sent now will be read."""

    status: Literal["ok", "unavailable"]
    checks: Checks


class Accepted(Record):
    """One PDF that is stored and queued."""

    job_id: str
    filename: str
    links: Links


class AcceptedSeveral(Record):
    """Several PDFs that are stored and queued, in the order in which they were sent."""

    jobs: list[Accepted]


class Documents(Record):
    """The documents of several PDFs, in the order in which they were sent."""

    pdfs: list[Document]


class JobList(Record):
    """A part of the stored jobs, newest first."""

    jobs: list[Status]
    total: int = Field(description="The number of all stored jobs, of whatever status and name.")
    offset: int = Field(description="The number of newer jobs that were skipped.")
    next_cursor: str | None = Field(
        None, description="The `cursor` of the next part; null if no job follows. A part may be shorter than `limit`."
    )


class PreparingLinks(Record):
    result: ServicePath = Field(description="The path to request again.")


class Preparing(Record):
    """The answer while a worker prepares the requested content."""

    job_id: str
    status: Literal["preparing"] = "preparing"
    links: PreparingLinks


class DeliveryList(Record):
    """The messages to a job's `callback_url`, oldest first."""

    deliveries: list[Delivery]


class ProblemDocument(Record):
    """The reason why a request failed, as RFC 9457 defines it (`application/problem+json`)."""

    type: ServicePath = Field(
        description="The address of the code's documentation, relative to the service.",
        json_schema_extra={"format": "uri-reference"},
    )
    title: str = Field(description="What an error with this code means, as a sentence for people.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What happened in this request, as a sentence for people.")
    hint: str | None = Field(description="What to do, as a sentence for people.")
    code: str = Field(description="A stable code. Programs may rely on it.")
    retryable: bool = Field(description="True if the same request may succeed later.")

    @classmethod
    def from_problem(cls, problem: Problem, http_status: int) -> ProblemDocument:
        return cls(
            type=f"{ERROR_DOCS}#{problem.code}",
            title=_TITLES.get(problem.code, problem.message),
            status=http_status,
            detail=problem.message,
            hint=problem.hint,
            code=problem.code,
            retryable=problem.retryable,
        )
