"""The protocol of a storage: files below one URL, in a local folder (local.py) or in an object store (object_store.py).

Keys are relative paths with slashes. Every failure except a missing file is raised as `StorageUnavailable`.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol

from slimgest_celery.errors import StorageUnavailable
from slimgest_celery.process_limits import is_out_of_space

TEMPORARY_FULL = "The temporary folder of the service has no free space."
COPY_BYTES = 1 << 20  # read at once while a large file is copied


class Storage(Protocol):
    """A place for files. Each file appears complete or not at all."""

    def read(self, key: str) -> bytes | None:
        """Return the content of a file, or None if there is no such file."""

    def write(self, key: str, data: bytes, durable: bool = False) -> None:
        """Write or replace a file. A `durable` file survives a power failure.

        That costs some milliseconds: use it for records that a client relies on, not for each page.
        """

    def create(self, key: str, data: bytes) -> bool:
        """Write a new file and return True. If the file exists, return False. Of two calls at once, one succeeds."""

    def upload(self, key: str, source: IO[bytes]) -> None:
        """Write a large file in chunks, durably."""

    def read_chunks(self, key: str, start: int = 0) -> Iterator[bytes]:
        """Yield the content of a large file in chunks, from the byte `start` on. Raises `FileNotFoundError`."""

    def size(self, key: str) -> int | None:
        """Return the size of a file in bytes, or None if there is no such file."""

    @contextmanager
    def provide_local(self, key: str) -> Iterator[Path]:
        """Yield the path of a local file with that content, valid inside the context. Raises `FileNotFoundError`.

        The file may be a copy that was made earlier: use it only for files that never change.
        """

    def exists(self, key: str) -> bool:
        """Return True if there is such a file."""

    def list_files(self, folder: str) -> list[str]:
        """Return the keys of the files that are in a folder now. A missing folder has none."""

    def list_folders(self) -> list[str]:
        """Return the names of the folders at the top."""

    def modified_s(self, folder: str) -> float | None:
        """Return the time of a folder's last change, in seconds since 1970; None if it is unknown."""

    def free_bytes(self) -> int | None:
        """Return the free space; None if it has no known limit."""

    def delete(self, key: str) -> None:
        """Delete a file, if it exists."""

    def delete_folder(self, folder: str) -> None:
        """Delete a folder with all its content, if it exists."""


@contextmanager
def temporary_space_errors() -> Iterator[None]:
    """Raise the error of a full temporary folder as `StorageUnavailable`."""
    try:
        yield
    except OSError as error:
        if is_out_of_space(error):
            raise StorageUnavailable(TEMPORARY_FULL) from error
        raise


def check_storage(storage: Storage) -> None:
    """Raise `StorageUnavailable` unless files can be created, created only once, and deleted."""
    probe = f".probe-{uuid.uuid4().hex}"
    storage.create(probe, b"slimgest")
    created_twice = storage.create(probe, b"slimgest")
    storage.delete(probe)
    if created_twice:
        raise StorageUnavailable(
            "The storage replaces a file that must be written only once (it ignores `If-None-Match: *`).",
            hint="Use a storage that supports conditional writes, such as Amazon S3 or MinIO.",
        )
