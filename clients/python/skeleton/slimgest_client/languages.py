"""The names of languages. The service checks them: the tables that this needs are large."""

from __future__ import annotations

AUTO = "auto"


def parse_tags(text: str) -> tuple[str, ...]:
    """Return the names in a list such as `de,rus,Cyrillic`, as they are; empty for `auto`."""
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    return () if [name.lower() for name in names] == [AUTO] else names
