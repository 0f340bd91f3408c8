"""A parser of server-sent events (HTML standard, section 9.2.6)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from slimgest_client.models.events import Event


class Parser:
    """A parser that receives lines without line ends. It skips events without an id or without data."""

    def __init__(self) -> None:
        self._fields: dict[str, str] = {}

    def feed(self, line: str) -> Event | None:
        """Add a line. Return an event if the line is empty and completes one."""
        if line:
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            repeated = name == "data" and name in self._fields
            self._fields[name] = f"{self._fields[name]}\n{value}" if repeated else value
            return None
        fields, self._fields = self._fields, {}
        if "data" not in fields or "id" not in fields:
            return None
        return Event(id=fields["id"], type=fields.get("event", "message"), data=json.loads(fields["data"]))


def parse(lines: Iterable[str]) -> Iterator[Event]:
    """Yield the events in these lines."""
    parser = Parser()
    for line in lines:
        if event := parser.feed(line):
            yield event
