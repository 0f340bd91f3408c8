"""What slimgest speaks of: jobs, plans, pages, documents. All frozen; all of it JSON by pydantic."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema, field_validator

from .errors import SlimgestError, all_errors


class Record(BaseModel):
    """Base of everything below: immutable, and strict about unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_serialization_defaults_required=True)


def now() -> datetime:
    return datetime.now(UTC)


Timestamp = Annotated[
    datetime,
    PlainSerializer(lambda t: t.astimezone(UTC).isoformat().replace("+00:00", "Z"), when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),  # RFC 3339 in UTC
]
Fraction = Annotated[float, Field(ge=0, le=1)]


class JobStatus(StrEnum):
    """The states of a job: queued → processing → one of the four end states."""

    QUEUED = "queued"  # accepted and stored; no worker has opened it
    PROCESSING = "processing"  # its pages are known and are being read
    COMPLETED = "completed"  # every page was read
    PARTIAL = "partial"  # some pages failed, the rest are there
    FAILED = "failed"  # the PDF could not be opened, or no page could be read
    CANCELLED = "cancelled"  # stopped by its owner; pages read until then are kept

    @property
    def ended(self) -> bool:
        return self not in (JobStatus.QUEUED, JobStatus.PROCESSING)


class Mode(StrEnum):
    """How a page's text is found."""

    AUTO = "auto"  # its text layer where that can be trusted, else OCR
    OCR = "ocr"  # always OCR
    TEXT = "text"  # always the text layer, never OCR


class Source(StrEnum):
    """Where a page's text came from."""

    TEXT_LAYER = "text_layer"
    OCR = "ocr"


_NUMBER = "0{0,3}[1-9][0-9]{0,8}"
_RANGE = rf"{_NUMBER}( *- *({_NUMBER})?)?"
PAGES = rf"^ *{_RANGE}( *, *{_RANGE})* *$"


class Options(Record):
    """What a client may ask for with a PDF (its password travels apart and is never part of a record)."""

    dpi: float = Field(150.0, ge=36, le=600, description="Resolution for rendering, in dots per inch.")
    mode: Mode = Field(Mode.AUTO, description="`auto`, `ocr` or `text`.")
    pages: str | None = Field(
        None,
        max_length=1000,
        description="Which pages, such as `1-3,7` or `5-`; absent: all.",
        json_schema_extra={"pattern": PAGES, "examples": ["1-"]},
    )

    @field_validator("pages")
    @classmethod
    def _page_ranges(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(PAGES, value):
            raise ValueError("must be page numbers from 1 and ranges, such as 1-3,7")
        return value

    def page_numbers(self, page_count: int) -> list[int]:
        """The pages asked for that a PDF of `page_count` pages has: 1-based, ascending, each once."""
        if self.pages is None:
            return list(range(1, page_count + 1))
        chosen: set[int] = set()
        for part in self.pages.split(","):
            first, dash, last = (piece.strip() for piece in part.partition("-"))
            end = int(last) if last else (page_count if dash else int(first))
            chosen.update(range(int(first), min(end, page_count) + 1))
        return sorted(chosen)


class Problem(Record):
    """Why something failed, as clients see it."""

    code: str = Field(
        description="Stable, so that programs may rely on it.",
        json_schema_extra={"enum": [error.code for error in all_errors()]},
    )
    message: str = Field(description="What happened, and what to do.")
    retryable: bool = Field(False, description="Whether the same may go well at another time.")

    @classmethod
    def of(cls, error: SlimgestError) -> Problem:
        return cls(code=error.code, message=error.message, retryable=error.retryable)


class Job(Record):
    """An accepted upload, as written before its first task is sent. Never changed afterwards."""

    job_id: str
    filename: str  # as the client named it: shown, never used as a path
    options: Options
    created_at: Timestamp
    owner: str | None = None  # the name of the API key that made it; None where the service has no keys
    request_id: str | None = None  # of the HTTP request that made it, for the log
    callback_url: str | None = Field(None, repr=False)  # told of the end; may hold a password: never shown or logged
    trace: dict[str, str] = {}  # headers of the trace that the request belonged to; empty where none is kept


class Engine(Record):
    """The OCR engine that read a job's pages."""

    name: str
    version: str


class Plan(Record):
    """What ingest found out about a job's PDF."""

    page_numbers: list[int]  # 1-based, ascending
    engine: Engine
    started_at: Timestamp


class Block(Record):
    """A piece of text and where it stands."""

    text: str
    confidence: Fraction
    box: tuple[Fraction, Fraction, Fraction, Fraction] = Field(
        description="Left, top, right, bottom in 0-1 of the page as displayed."
    )


class Paragraph(Record):
    """Consecutive blocks of a page that belong together."""

    kind: Literal["text", "heading", "table"] = "text"
    level: int = Field(0, description="Of a heading: 1 the largest, 3 the smallest.")
    first: int = Field(ge=0, description="Index in the page's `blocks`.")
    last: int = Field(ge=0, description="The same; included.")
    cells: list[list[int | None]] | None = Field(
        None, description="Of a table, row by row: which block stands in each column."
    )


class PageSeconds(Record):
    """Where a page's time went, in seconds."""

    render: float = Field(0.0, description="To draw it; 0 for the text layer.")
    read: float = Field(0.0, description="To find its text.")


class Page(Record):
    """All that is known of one page after it was read, or could not be."""

    page_number: int = Field(ge=1)
    status: Literal["ok", "failed"]
    text: str = Field("", description="Its blocks, a line each; empty where it failed.")
    source: Source | None = None
    reason: str | None = Field(
        None, description="Why this source was taken, or what was special, e.g. `text_layer` or `no_text; dpi 57`."
    )
    width: int = Field(0, description="Pixels as read: rendered for OCR, at the asked dpi for the text layer.")
    height: int = Field(0, description="The same.")
    rotation: int = Field(
        0, description="Degrees clockwise that its content was turned to be read: /Rotate and `turned` together."
    )
    turned: int = Field(
        0, description="Degrees clockwise that the page as displayed was turned further, to be upright."
    )
    trust: Fraction | None = Field(None, description="In its text layer, 0-1; absent where that was not looked at.")
    blocks: list[Block] = Field([], description="Lines and cells of tables, in reading order.")
    paragraphs: list[Paragraph] = Field([], description="The same blocks put together.")
    attempts: int = Field(1, description="How often a worker began it.")
    seconds: PageSeconds = PageSeconds()
    worker: str = Field("", description="Who read it.")
    cached: bool = Field(False, description="Taken from an earlier job of the same owner, and not read again.")
    error: Problem | None = None


class End(Record):
    """How a job ended; written once, the first one stands."""

    status: JobStatus
    completed_at: Timestamp
    pages_failed: int = 0
    error: Problem | None = None


class Attempt(Record):
    """One try at handing a message to its receiver."""

    started_at: Timestamp
    seconds: float
    http_status: int | None = Field(None, description="What the receiver answered, if it did.")
    error: Problem | None = Field(None, description="Why it did not.")


class Delivery(Record):
    """A message for a job's `callback_url`, and what became of it."""

    id: str = Field(description="The `webhook-id`: the same in each attempt.")
    state: Literal["pending", "delivered", "failed"] = "pending"
    created_at: Timestamp
    next_attempt_at: Timestamp | None = None
    body: str = Field(description="JSON, the same bytes in each attempt.")
    attempts: list[Attempt] = []


class Document(Record):
    """A job's result: its record, its end and its pages in order."""

    job_id: str
    filename: str
    status: JobStatus
    total_pages: int
    options: Options
    engine: Engine | None
    created_at: Timestamp
    completed_at: Timestamp | None
    elapsed_seconds: float | None
    pages: list[Page]
    error: Problem | None = None


class Links(Record):
    """Where to go on from a job."""

    self: str
    events: str
    result: str


class Status(Record):
    """What `GET /jobs/{id}` answers."""

    job_id: str
    status: JobStatus
    created_at: Timestamp
    completed_at: Timestamp | None
    has_result: bool = Field(description="Whether `links.result` has a document: the job ended, and did not fail.")
    error: Problem | None = Field(description="Why it failed or was cancelled.")
    filename: str = Field(description="As the client named it.")
    total_pages: int | None = Field(description="Pages to read; unknown while queued.")
    pages_done: int = Field(description="Read or failed.")
    pages_failed: int
    pages_ahead: int = Field(description="Pages of earlier jobs still to be read.")
    links: Links


class Worker(Record):
    """A worker as `GET /` shows it."""

    name: str
    device: str
    engine: str
    state: Literal["starting", "idle", "busy", "failed"]
    job_id: str | None = None
    page_number: int | None = None
    detail: str | None = Field(None, description="Why it failed, or why this engine reads.")
    device_memory_mb: int | None = Field(None, description="What it holds of its GPU's memory, as of its last task.")
    memory_mb: int | None = Field(None, description="What its process holds of the machine's, as of its last task.")
    busy_seconds: float = Field(
        0.0, ge=0, allow_inf_nan=False, description="Spent on tasks since its process loaded its engine."
    )


class Capacity(Record):
    """How much is ahead of a job sent now, and how fast that is read."""

    accepting: bool = Field(description="Whether there is room for one more job.")
    pending_jobs: int = Field(description="Jobs accepted and not ended.")
    limit: int = Field(description="How many of these there may be; one more gets 429.")
    pages_ahead: int = Field(description="Pages of pending jobs still to be read.")
    workers: int = Field(description="Those that have loaded their engine.")
    pages_per_second: float | None = Field(
        description="Of all these workers, as measured over the last minutes in which they worked."
    )
    estimated_wait_seconds: float | None = Field(description="Until the pages ahead are read; a day at most.")
    detail: str | None = Field(description="Why there is no estimate.")
