"""Server-sent events: a job's feed in Flask-SSE's form, with ids, heartbeats and an end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

from flask import Response
from flask_sse import Message
from pydantic import BaseModel

from slimgest_celery.event import Event
from slimgest_celery.feed import Feed

HEARTBEAT_S = 15.0
_COMMENT = b": still here\n\n"  # clients skip it; writing it is how a client that left is noticed
_RETRY_MS = 2000


def stream(feed: Feed) -> Response:
    """A response that lasts until the job's end event, or until the client leaves."""
    response = Response(_lines(feed), mimetype="text/event-stream")
    response.headers["Cache-Control"] = "no-cache"
    response.headers["X-Accel-Buffering"] = "no"  # nginx would hold events back
    response.call_on_close(feed.close)
    return response


def _lines(feed: Feed) -> Iterator[bytes]:
    yield f"retry:{_RETRY_MS}\n\n".encode()
    for event in feed:
        yield _COMMENT if event is None else _written(event)


@lru_cache(maxsize=256)
def _written(event: Event) -> bytes:
    """An event in Flask-SSE's form; written once for all who hear it at the same time."""
    return str(Message(event.data, type=event.type, id=event.id)).encode()


def example(events: Mapping[str, BaseModel]) -> str:
    """What a stream of such events looks like."""
    return "".join(
        str(Message(data.model_dump(mode="json"), type=kind, id=f"{1795449081555 + number}-0"))
        for number, (kind, data) in enumerate(events.items())
    )
