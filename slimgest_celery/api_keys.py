"""API keys. The owner has the key; the service has only its hash.

`SLIMGEST_API_KEYS` contains `name:hash` pairs, separated by commas. `slimgest key NAME` creates a key and its pair. A
key has 256 random bits, so a plain SHA-256 is enough: unlike a password, a key cannot be found by trying values.
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
    """The name of a key's owner, and the key's SHA-256 in hexadecimal."""

    name: str
    sha256: str


def parse_keys(text: str) -> tuple[ApiKey, ...]:
    """Return the keys in a setting. Raises `ValueError`, whose message does not contain the setting."""
    keys = []
    for pair in filter(None, (piece.strip() for piece in text.split(","))):
        match = _PAIR.fullmatch(pair)
        if match is None:
            raise ValueError("must be name:sha256 pairs, separated by commas; `slimgest key NAME` creates one")
        keys.append(ApiKey(name=match[1], sha256=match[2]))
    return tuple(keys)


def owner_of(key: str, keys: tuple[ApiKey, ...]) -> str | None:
    """Return the name of a key's owner, or None. A wrong key takes as long as a right one."""
    given = _hash(key)
    owner = None
    for known in keys:
        if hmac.compare_digest(given, known.sha256):
            owner = known.name
    return owner


def make_key(name: str) -> tuple[str, str]:
    """Create a key. Return the key for its owner, and the pair for the setting."""
    key = _PREFIX + secrets.token_urlsafe(32)
    return key, f"{name}:{_hash(key)}"


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode(errors="surrogateescape")).hexdigest()
