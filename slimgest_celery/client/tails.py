"""Answers that arrive piece by piece, and go on where they broke off."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, Generic, TypeVar

import httpx
from pydantic import ValidationError

from ..model import Page
from . import calls
from .connection import CONNECT_S
from .errors import AnswerInvalid
from .event import KNOWN, JobEvent, typed
from .sse import Parser

T = TypeVar("T")
_SILENCE_S = 45.0  # three heartbeats: the service is gone


class Tail(ABC, Generic[T]):
    """What is still to come of a stream. Per connection: `request`, `take` of each chunk, `close` at its end."""

    def __init__(self) -> None:
        self.ended = False
        self._rest = b""

    @abstractmethod
    def request(self) -> dict[str, Any]:
        """The request that brings the rest, for httpx."""

    @abstractmethod
    def close(self) -> None:
        """The answer has come to its end; raises `httpx.TransportError` where the stream has not."""

    @abstractmethod
    def _items(self, line: str) -> Iterator[T]:
        """What a line brings."""

    def take(self, chunk: bytes) -> Iterator[T]:
        """What the next bytes bring. Raises `AnswerInvalid`."""
        # Not by `iter_lines` of httpx: that also divides at signs within a text, such as U+2028.
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        try:
            for line in lines:
                yield from self._items(line.removesuffix(b"\r").decode())
        except (ValidationError, TypeError, ValueError) as error:
            raise AnswerInvalid from error


class EventTail(Tail[JobEvent]):
    """A job's events after the id `after`."""

    def __init__(self, job_id: str, after: str | None) -> None:
        super().__init__()
        self._job_id = job_id
        self._after = after
        self._parser = Parser()

    def request(self) -> dict[str, Any]:
        self._rest, self._parser = b"", Parser()
        return {**calls.events(self._job_id, self._after), "timeout": httpx.Timeout(_SILENCE_S, connect=CONNECT_S)}

    def close(self) -> None:
        if not self.ended:
            raise httpx.RemoteProtocolError("it ended the stream of events too early")

    def _items(self, line: str) -> Iterator[JobEvent]:
        if event := self._parser.take(line):
            self._after = event.id
            if event.type in KNOWN:  # a newer service may tell more
                known = typed.validate_python({**event.data, "id": event.id, "type": event.type}, extra="ignore")
                self.ended = known.last
                yield known


class PageTail(Tail[Page]):
    """The pages of an ended job's document, in order."""

    def __init__(self, job_id: str) -> None:
        super().__init__()
        self._job_id = job_id
        self._seen = 0  # the number of the last page

    def request(self) -> dict[str, Any]:
        self._rest = b""
        return calls.result_as(self._job_id, "ndjson").request

    def close(self) -> None:
        self.ended = True

    def _items(self, line: str) -> Iterator[Page]:
        page = Page.model_validate_json(line, extra="ignore")
        if page.page_number > self._seen:
            self._seen = page.page_number
            yield page
