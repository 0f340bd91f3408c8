"""A PDF to be sent, from wherever the caller has it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, cast

Pdf = str | Path | bytes | BinaryIO  # a str is a path
Upload = tuple[str, BinaryIO | bytes, str]  # name, content and media type, as httpx takes them
_IN_MEMORY = 8 << 20
_NAMELESS = "document.pdf"


@contextmanager
def opened(pdf: Pdf, filename: str | None) -> Iterator[Upload]:
    """The PDF as the part of a form that can be sent more than once; `filename` is what it is called at the service.

    A file is sent from its beginning, and stays open.
    """
    with ExitStack() as exits:
        content = exits.enter_context(Path(pdf).open("rb")) if isinstance(pdf, str | Path) else pdf
        name = filename or (None if isinstance(content, bytes) else _name(content))
        if not isinstance(content, bytes) and not content.seekable():
            kept = exits.enter_context(tempfile.SpooledTemporaryFile(_IN_MEMORY))
            shutil.copyfileobj(content, kept)
            content = cast(BinaryIO, kept)
        yield name or _NAMELESS, content, "application/pdf"


def _name(file: BinaryIO) -> str | None:
    name = getattr(file, "name", None)  # a number, of a file that was opened by one
    return Path(name).name if isinstance(name, str) else None
