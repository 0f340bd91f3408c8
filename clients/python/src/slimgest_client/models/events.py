"""The events of a job: their ids and their data."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from slimgest_client.models.job import JobStatus
from slimgest_client.models.page import Source

BEGINNING = "0-0"  # before every id
_ID = re.compile(r"\d{1,18}(-\d{1,18})?", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Event:
    """One event of a job: `start`, then one `page` per page, and `complete` or `error` as the last. Ids increase."""

    id: str
    type: str
    data: dict[str, Any]

    def __hash__(self) -> int:
        return hash((self.id, self.type))

    @property
    def last(self) -> bool:
        return self.type in ("complete", "error")

    @property
    def text_length(self) -> int:
        """The length of the page's text; 0 if the event has none."""
        text = self.data.get("page_text")
        return len(text) if isinstance(text, str) else 0


def parse_event(message: bytes) -> Event | None:
    """Return a published event, or None if the message is not an event: anyone can publish to an open Redis."""
    try:
        event = Event(**json.loads(message))
        valid = is_valid_id(event.id) and isinstance(event.type, str) and isinstance(event.data, dict)
        return event if valid else None
    except (ValueError, TypeError, RecursionError):
        return None


def id_order(event_id: str) -> tuple[int, int]:
    """Return the sort key of an id: its milliseconds, and its number within them."""
    milliseconds, _, sequence = event_id.partition("-")
    return int(milliseconds), int(sequence or 0)


def is_valid_id(event_id: str) -> bool:
    """Return True if a client's `Last-Event-ID` has the form of an id."""
    return _ID.fullmatch(event_id) is not None


class EventData(BaseModel):
    """The base of the data of events: immutable. A later version may add fields."""

    model_config = ConfigDict(frozen=True)


class StartData(EventData):
    """`start`: the PDF is open, and its pages are counted."""

    job_id: str
    filename: str = Field(description="The name that the client gave.")
    total_pages: int = Field(description="The number of pages to read.")


class PageData(EventData):
    """`page`: one page has been read and stored, or has failed."""

    page_number: int = Field(ge=1)
    status: Literal["ok", "failed"]
    source: Source | None = Field(description="The source of the text.")
    total_pages: int = Field(description="The number of pages to read.")
    pages_done: int = Field(description="The number of pages read or failed, including this one.")
    pages_failed: int
    page_text: str = Field(description="The text of the page; empty if the page failed.")
    warnings: list[str] = Field([], description="The codes of the page's warnings.")


class CompleteData(EventData):
    """`complete`: the last event of a job that has a result."""

    status: JobStatus = Field(description="`completed` or `partial`.")
    total_pages: int
    pages_failed: int
    pages_with_warnings: int = 0
    result_url: str = Field(description="The path of the document on this service.")


class ErrorData(EventData):
    """`error`: the last event of a job that failed or was cancelled."""

    code: str = Field(description="The same codes as in `Problem`.")
    message: str = Field(description="What happened, as a sentence for people.")
    hint: str | None = Field(None, description="What to do, as a sentence for people.")
