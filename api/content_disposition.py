"""The header `Content-Disposition`: the name under which a client saves a document (RFC 6266)."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote

_PLAIN = re.compile(r"[A-Za-z0-9._-]+")
_UNSAFE = re.compile(
    r"[^A-Za-z0-9 !#$&'()+,.=@^_`{}~-]"
)  # clients disagree about quotes, backslashes and percent signs
_ATTRIBUTE_CHARACTERS = "!#$&+-.^_`|~"  # need no escape in `filename*` (RFC 8187)


def content_disposition(stem: str, suffix: str) -> str:
    """Return the header's value for a document with this file name.

    HTTP headers are ASCII. For any other name there are two parameters: `filename*` with the name, and `filename` with
    an approximation for old clients.
    """
    name = stem + suffix
    if _PLAIN.fullmatch(name):
        return f"inline; filename={name}"
    encoded = quote(name.encode(errors="replace"), safe=_ATTRIBUTE_CHARACTERS)
    return f"inline; filename=\"{_ascii_stem(stem)}{suffix}\"; filename*=UTF-8''{encoded}"


def _ascii_stem(stem: str) -> str:
    """Return a name in ASCII: letters lose their accents, other characters become `_`."""
    letters = "".join(c for c in unicodedata.normalize("NFKD", stem) if not unicodedata.combining(c))
    fallback = _UNSAFE.sub("_", letters)
    return fallback if fallback.strip("_. ") else "document"
