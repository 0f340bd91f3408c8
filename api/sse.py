"""Server-sent events: a job's events in the format of Flask-SSE, with ids, heartbeats and an end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache

from flask import Response, request
from flask_sse import Message
from pydantic import BaseModel

from slimgest_celery.events.event_stream import EventStream
from slimgest_celery.models.events import Event

HEARTBEAT_S = 15.0
_HEARTBEAT = b": heartbeat\n\n"  # clients ignore comments; only a write shows that a client has disconnected
_RETRY_MS = 2000
_MAX_CACHED = (
    20_000  # characters: an event with a longer text is encoded for each client, so that the cache stays small
)


def stream_response(events: EventStream, on_close: Callable[[], object]) -> Response:
    """Return a response that lasts until the job's last event, or until the client disconnects."""
    response = Response(_encode_stream(events, request.script_root), mimetype="text/event-stream")
    response.headers["Cache-Control"] = "no-cache"
    response.headers["X-Accel-Buffering"] = "no"  # otherwise nginx would buffer the events
    response.call_on_close(events.close)
    response.call_on_close(on_close)
    return response


def _encode_stream(events: EventStream, root: str) -> Iterator[bytes]:
    yield f"retry:{_RETRY_MS}\n\n".encode()
    for event in events:
        if event is None:
            yield _HEARTBEAT
        else:
            yield (_encode if event.text_length > _MAX_CACHED else _encode_cached)(event, root)


@lru_cache(maxsize=256)
def _encode_cached(event: Event, root: str) -> bytes:
    """Return an encoded event from a cache, which lets all current streams share the result."""
    return _encode(event, root)


def _encode(event: Event, root: str) -> bytes:
    """Encode an event in the format of Flask-SSE."""
    data = event.data
    if root and "result_url" in data:
        data = {**data, "result_url": root + data["result_url"]}
    return str(Message(data, type=event.type, id=event.id)).encode()


def encode_example(events: Mapping[str, BaseModel]) -> str:
    """Return the text of a stream of these events, as an example."""
    return "".join(
        str(Message(data.model_dump(mode="json"), type=kind, id=f"{1795449081555 + number}-0"))
        for number, (kind, data) in enumerate(events.items())
    )
