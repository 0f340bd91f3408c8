"""What both clients hand to httpx."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypedDict

import httpx

from ..errors import RequestInvalid

URL = "http://127.0.0.1:8000"
RETRY_FOR_S = 60.0
CONNECT_S = 10
_PARTS_S = 600  # that sending or receiving a part of a body may take


class Settings(TypedDict):
    base_url: httpx.URL
    headers: dict[str, str]
    timeout: httpx.Timeout
    limits: httpx.Limits


def settings(url: str, api_key: str | None) -> Settings:
    """Of a `httpx.Client`. Raises `RequestInvalid`."""
    if api_key is not None and not (api_key.isascii() and api_key.isprintable()):
        raise RequestInvalid("The API key has signs that no key of slimgest has. Look whether it was copied whole.")
    return {
        "base_url": _base(url),
        "headers": {"Authorization": f"Bearer {api_key}"} if api_key else {},
        "timeout": httpx.Timeout(_PARTS_S, connect=CONNECT_S),
        # A stream holds its connection for as long as its job lasts: with a limit, many of them would stop the rest.
        "limits": httpx.Limits(max_connections=None),
    }


def _base(url: str) -> httpx.URL:
    try:
        base = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise RequestInvalid(f"{url!r} is no address of a service: {error}.") from error
    if base.scheme not in ("http", "https") or not base.host:
        raise RequestInvalid(f"{url!r} is no address of a service: it must begin with http:// or https://.")
    return base


@contextmanager
def replacing(target: Path) -> Iterator[BinaryIO]:
    """A file that takes the place of `target` once it is written whole."""
    part = target.with_name(f".{target.name}.part")
    try:
        with part.open("wb") as file:
            yield file
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
