"""One event of a job, and its id."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

BEGINNING = "0-0"  # every id is later
_ID = re.compile(r"\d{1,18}(-\d{1,18})?", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Event:
    """One event of a job. Ids grow; `start`, `page`…, then `complete` or `error` as the last."""

    id: str
    type: str
    data: dict[str, Any]

    def __hash__(self) -> int:
        return hash((self.id, self.type))

    @property
    def last(self) -> bool:
        return self.type in ("complete", "error")


def parsed(message: bytes) -> Event | None:
    """An event as it was published; None of what is none, for anybody may publish in an open Redis."""
    try:
        event = Event(**json.loads(message))
        well = valid_id(event.id) and isinstance(event.type, str) and isinstance(event.data, dict)
        return event if well else None
    except (ValueError, TypeError, RecursionError):
        return None


def order(event_id: str) -> tuple[int, int]:
    """What ids are compared by: milliseconds, and which it is of those."""
    milliseconds, _, sequence = event_id.partition("-")
    return int(milliseconds), int(sequence or 0)


def valid_id(event_id: str) -> bool:
    """Whether a client's `Last-Event-ID` has the form of an id."""
    return _ID.fullmatch(event_id) is not None
