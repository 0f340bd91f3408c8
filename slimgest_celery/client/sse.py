"""Server-sent events, line by line, after the HTML standard's section 9.2.6."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from ..event import Event


class Parser:
    """Puts events together from lines without their ends. Events without an id or data are passed over."""

    def __init__(self) -> None:
        self._fields: dict[str, str] = {}

    def take(self, line: str) -> Event | None:
        """The event that this line, an empty one, ends."""
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
    """The events that these lines bring."""
    parser = Parser()
    for line in lines:
        if event := parser.take(line):
            yield event
