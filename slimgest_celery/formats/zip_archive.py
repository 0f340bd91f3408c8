"""A ZIP of several files, written as a stream: neither a file nor the archive is ever whole in memory."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import IO, cast


class _PieceBuffer:
    """A file object for writing. The written bytes are taken out piece by piece."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        pass

    def take(self) -> bytes:
        taken = b"".join(self._pieces)
        self._pieces.clear()
        return taken


def zip_stream(files: Iterable[tuple[str, Iterable[bytes]]], moment: datetime) -> Iterator[bytes]:
    """Yield the pieces of a ZIP of these files, each a name and its content in pieces. All have the date `moment`."""
    buffer = _PieceBuffer()
    with zipfile.ZipFile(cast(IO[bytes], buffer), "w") as archive:
        for name, chunks in files:
            entry = zipfile.ZipInfo(name, moment.timetuple()[:6])
            entry.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(entry, "w", force_zip64=True) as file:  # the size is not known yet
                for chunk in chunks:
                    file.write(chunk)
                    yield buffer.take()  # also if it is empty: see registry.py
            yield buffer.take()
    yield buffer.take()
