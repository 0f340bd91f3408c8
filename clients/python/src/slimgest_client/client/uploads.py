"""The upload of a PDF or an image from a path, bytes or an open file."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from slimgest_client.models.file_type import HEAD_BYTES, FileType, recognise

Pdf = str | Path | bytes | BinaryIO  # a str is a path
Upload = tuple[str, BinaryIO | bytes, str]  # name, content and media type, as httpx expects them
_IN_MEMORY = 8 << 20


@contextmanager
def open_upload(pdf: Pdf, filename: str | None) -> Iterator[Upload]:
    """Open a PDF or an image as a form part that can be sent more than once. `filename` is its name on the service.

    A file is sent from its beginning. A file of the caller stays open.
    """
    with ExitStack() as exits:
        content = exits.enter_context(Path(pdf).open("rb")) if isinstance(pdf, str | Path) else pdf
        name = filename or (None if isinstance(content, bytes) else _name(content))
        if not isinstance(content, bytes) and not content.seekable():
            buffer = exits.enter_context(tempfile.SpooledTemporaryFile(_IN_MEMORY))
            shutil.copyfileobj(content, buffer)
            content = cast(BinaryIO, buffer)
        file_type = recognise(_head(content)) or FileType.PDF  # the service decides, and names a file of another type
        unnamed = "image" if file_type.is_image else "document"
        yield name or unnamed + file_type.suffix, content, file_type.media_type


def _head(content: BinaryIO | bytes) -> bytes:
    if isinstance(content, bytes):
        return content[:HEAD_BYTES]
    content.seek(0)
    head = content.read(HEAD_BYTES)
    content.seek(0)
    return head


def _name(file: BinaryIO) -> str | None:
    name = getattr(file, "name", None)  # an integer if the file was opened from a file descriptor
    return Path(name).name if isinstance(name, str) else None
