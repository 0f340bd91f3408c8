"""A PDF to be sent, from wherever the caller has it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

Pdf = Path | bytes | BinaryIO
Upload = tuple[str, BinaryIO | bytes, str]  # name, content and media type, as httpx takes them
_IN_MEMORY = 8 << 20
_NAMELESS = "document.pdf"


@contextmanager
def opened(pdf: Pdf, filename: str | None) -> Iterator[Upload]:
    """The PDF as the part of a form that can be sent more than once; `filename` is what it is called at the service.

    A file is sent from its beginning, and stays open.
    """
    if isinstance(pdf, bytes):
        yield _part(filename, pdf)
    elif isinstance(pdf, Path):
        with pdf.open("rb") as content:
            yield _part(filename or pdf.name, content)
    elif pdf.seekable():
        yield _part(filename or _name(pdf), pdf)
    else:
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as kept:
            shutil.copyfileobj(pdf, kept)
            yield _part(filename or _name(pdf), cast(BinaryIO, kept))


def _part(filename: str | None, content: BinaryIO | bytes) -> Upload:
    return filename or _NAMELESS, content, "application/pdf"


def _name(file: BinaryIO) -> str | None:
    name = getattr(file, "name", None)  # a number, of a file that was opened by one
    return Path(name).name if isinstance(name, str) else None
