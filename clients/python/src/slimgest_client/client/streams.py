"""Streamed responses that resume after a lost connection."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, Generic, TypeVar

import httpx
from pydantic import ValidationError

from slimgest_client.client import endpoints
from slimgest_client.client.config import CONNECT_S
from slimgest_client.client.errors import AnswerInvalid
from slimgest_client.client.events import EVENT_TYPES, JobEvent, event_adapter
from slimgest_client.client.sse import Parser
from slimgest_client.models.page import Page

T = TypeVar("T")
_SILENCE_S = 45.0  # after three missed heartbeats the connection counts as lost


class ResumableStream(ABC, Generic[T]):
    """The rest of a stream.

    For each connection, call `request`, then `feed` with each chunk, then `close` at the end of the response.
    """

    def __init__(self) -> None:
        self.ended = False
        self._rest = b""

    @abstractmethod
    def request(self) -> dict[str, Any]:
        """Return the arguments of the httpx request for the rest of the stream."""

    @abstractmethod
    def close(self) -> None:
        """Handle the end of a response. Raises `httpx.TransportError` if the stream is not complete."""

    @abstractmethod
    def _items(self, line: str) -> Iterator[T]:
        """Yield the items that a line completes."""

    def feed(self, chunk: bytes) -> Iterator[T]:
        """Yield the items that the next bytes complete. Raises `AnswerInvalid`."""
        # httpx's `iter_lines` is not used, because it also splits at characters within a text, such as U+2028.
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        try:
            for line in lines:
                yield from self._items(line.removesuffix(b"\r").decode())
        except (ValidationError, TypeError, ValueError) as error:
            raise AnswerInvalid from error


class ResumableEvents(ResumableStream[JobEvent]):
    """The events of a job after the id `after`."""

    def __init__(self, job_id: str, after: str | None) -> None:
        super().__init__()
        self._job_id = job_id
        self._after = after
        self._parser = Parser()

    def request(self) -> dict[str, Any]:
        self._rest, self._parser = b"", Parser()
        return {**endpoints.events(self._job_id, self._after), "timeout": httpx.Timeout(_SILENCE_S, connect=CONNECT_S)}

    def close(self) -> None:
        if not self.ended:
            raise httpx.RemoteProtocolError("the stream of events ended too early")

    def _items(self, line: str) -> Iterator[JobEvent]:
        if event := self._parser.feed(line):
            self._after = event.id
            if event.type in EVENT_TYPES:  # a newer service may send more types
                known = event_adapter.validate_python(
                    {**event.data, "id": event.id, "type": event.type}, extra="ignore"
                )
                self.ended = known.last
                yield known


class ResumablePages(ResumableStream[Page]):
    """The pages of an ended job's document, in order."""

    def __init__(self, job_id: str) -> None:
        super().__init__()
        self._job_id = job_id
        self._last_page = 0  # the number of the last page that was yielded

    def request(self) -> dict[str, Any]:
        self._rest = b""
        return endpoints.result_as(self._job_id, "ndjson").request

    def close(self) -> None:
        self.ended = True

    def _items(self, line: str) -> Iterator[Page]:
        page = Page.model_validate_json(line, extra="ignore")
        if page.page_number > self._last_page:
            self._last_page = page.page_number
            yield page
