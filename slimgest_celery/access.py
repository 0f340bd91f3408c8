"""API keys: random, kept by their owners; the service knows their hashes.

`SLIMGEST_API_KEYS` holds `name:hash` pairs, divided by commas; `slimgest key NAME` makes a key and its pair. Keys are
256 random bits, so a plain SHA-256 cannot be searched backwards, as it could for a password.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass

_PAIR = re.compile(r"([\w.-]{1,64}):([0-9a-f]{64})", re.ASCII)
_PREFIX = "slim_"


@dataclass(frozen=True, kw_only=True)
class ApiKey:
    """Who has a key, and its SHA-256 in hexadecimal."""

    name: str
    sha256: str


def parse_keys(text: str) -> tuple[ApiKey, ...]:
    """The keys that a setting holds; raises `ValueError`, which does not repeat it."""
    keys = []
    for pair in filter(None, (piece.strip() for piece in text.split(","))):
        match = _PAIR.fullmatch(pair)
        if match is None:
            raise ValueError("must be name:sha256 pairs, divided by commas; `slimgest key NAME` makes one")
        keys.append(ApiKey(name=match[1], sha256=match[2]))
    return tuple(keys)


def owner_of(key: str, keys: tuple[ApiKey, ...]) -> str | None:
    """The name of a key's owner, or None. Takes as long for a wrong key as for a right one."""
    given = _hash(key)
    owner = None
    for known in keys:
        if hmac.compare_digest(given, known.sha256):
            owner = known.name
    return owner


def make_key(name: str) -> tuple[str, str]:
    """A new key for its owner, and the pair for the setting."""
    key = _PREFIX + secrets.token_urlsafe(32)
    return key, f"{name}:{_hash(key)}"


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode(errors="surrogateescape")).hexdigest()
