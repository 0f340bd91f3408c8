"""The httpx configuration that both clients share, and the writing of downloads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypedDict

import httpx

from slimgest_client.errors import RequestInvalid

URL = "http://127.0.0.1:8000"
RETRY_FOR_S = 60.0
JOBS_AT_ONCE = 200  # in one part of the list
CONNECT_S = 10
_TRANSFER_S = 600  # the longest time to send or receive one part of a body

_URL_HINT = "The address must start with http:// or https://, such as http://127.0.0.1:8000."


class ConnectionOptions(TypedDict):
    """Arguments of `httpx.Client` and `httpx.AsyncClient`."""

    base_url: httpx.URL
    headers: dict[str, str]
    timeout: httpx.Timeout
    limits: httpx.Limits


def connection_options(url: str, api_key: str | None) -> ConnectionOptions:
    """Return the httpx arguments for a service. Raises `RequestInvalid` for an invalid address or key."""
    if api_key is not None and not (api_key.isascii() and api_key.isprintable()):
        raise RequestInvalid(
            "The API key contains characters that no API key of slimgest has.",
            "Check that the key was copied completely.",
        )
    return {
        "base_url": _base(url),
        "headers": {"Authorization": f"Bearer {api_key}"} if api_key else {},
        "timeout": httpx.Timeout(_TRANSFER_S, connect=CONNECT_S),
        # A stream uses its connection until its job ends. With a limit, many streams would block all other requests.
        "limits": httpx.Limits(max_connections=None),
    }


def _base(url: str) -> httpx.URL:
    try:
        base = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise RequestInvalid(f"{url!r} is not the address of a service: {error}.", _URL_HINT) from error
    if base.scheme not in ("http", "https") or not base.host:
        raise RequestInvalid(f"{url!r} is not the address of a service.", _URL_HINT)
    return base


@contextmanager
def atomic_write(target: Path) -> Iterator[BinaryIO]:
    """Open a temporary file that replaces `target` when it has been written completely."""
    part = target.with_name(f".{target.name}.part")
    try:
        with part.open("wb") as file:
            yield file
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
