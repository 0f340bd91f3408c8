"""What the API answers beside records: around them, or while there are none yet."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .model import Delivery, Document, Links, Problem, Record, Status, Worker


class Queue(Record):
    """How much waits."""

    pending_jobs: int = Field(description="Jobs accepted and not ended.")
    limit: int = Field(description="How many of these there may be; one more gets 429.")
    pages_ahead: int = Field(description="Pages still to be read.")


class Service(Record):
    """What `GET /` answers."""

    status: Literal["ok", "starting"] = Field(description="`ok` once a worker has its model loaded.")
    version: str
    engine: str = Field(description="The OCR engine that reads, or is to read.")
    workers: list[Worker]
    queue: Queue


class Alive(Record):
    """This process answers."""

    status: Literal["ok"] = "ok"


class Checks(Record):
    """`ok`, or what is wrong, of each thing that reading a PDF needs."""

    redis: str
    storage: str
    workers: str


class Ready(Record):
    """Whether a PDF sent now would be read."""

    status: Literal["ok", "unavailable"]
    checks: Checks


class Accepted(Record):
    """A PDF that is stored and queued."""

    job_id: str
    filename: str
    links: Links


class AcceptedSeveral(Record):
    """Several of them, in the order sent."""

    jobs: list[Accepted]


class Documents(Record):
    """The documents of several PDFs, in the order sent."""

    pdfs: list[Document]


class Listing(Record):
    """Some of the kept jobs, newest first."""

    jobs: list[Status]
    total: int = Field(description="How many there are in all.")
    offset: int = Field(description="How many newer ones come before these.")


class PreparingLinks(Record):
    result: str = Field(description="Where to ask again.")


class Preparing(Record):
    """A worker makes what was asked for."""

    job_id: str
    status: Literal["preparing"] = "preparing"
    links: PreparingLinks


class Deliveries(Record):
    """What was sent to a job's `callback_url`, oldest first."""

    deliveries: list[Delivery]


class ProblemDocument(Record):
    """Why a request was refused, after RFC 9457 (`application/problem+json`)."""

    type: Literal["about:blank"] = "about:blank"
    title: str = Field(description="The code.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What happened, why, and what to do.")
    code: str = Field(description="Stable, so that programs may rely on it.")
    retryable: bool = Field(description="Whether the same request may go well at another time.")

    @classmethod
    def of(cls, problem: Problem, http_status: int) -> ProblemDocument:
        return cls(
            title=problem.code,
            status=http_status,
            detail=problem.message,
            code=problem.code,
            retryable=problem.retryable,
        )
