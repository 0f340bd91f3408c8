"""Where files are kept, below one URL: a folder (here), or whatever else fsspec reaches (object_store.py).

Keys are relative paths with slashes. All failures but an absent file are `StorageUnavailable`.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol

from .errors import StorageUnavailable

COPY_BYTES = 1 << 20


class Storage(Protocol):
    """What is asked of a place for files. Each file appears whole or not at all."""

    def read(self, key: str) -> bytes | None:
        """A file's content; None where there is no such file."""

    def write(self, key: str, data: bytes, settle: bool = False) -> None:
        """Writes or replaces a file. With `settle` it outlives a loss of power: worth its milliseconds for what was
        promised, not for each page."""

    def create(self, key: str, data: bytes) -> bool:
        """Writes a file that is not there yet; False where it is. Of two at once, one succeeds."""

    def upload(self, key: str, source: IO[bytes]) -> None:
        """Writes a large file, piece by piece, and settles it."""

    def pieces(self, key: str) -> Iterator[bytes]:
        """A large file's content, piece by piece; raises `FileNotFoundError`."""

    @contextmanager
    def local(self, key: str) -> Iterator[Path]:
        """A file on this machine with that content, for as long as the context lasts; raises `FileNotFoundError`.

        It may be a copy that was made before: only for files that never change.
        """

    def exists(self, key: str) -> bool:
        """Whether there is such a file."""

    def listed(self, folder: str) -> list[str]:
        """The keys of the files in a folder, as they are now; none where there is no such folder."""

    def folders(self) -> list[str]:
        """The names of the folders at the top."""

    def changed_s(self, folder: str) -> float | None:
        """When a folder was last touched, in seconds since 1970; None where nobody knows."""

    def remove(self, key: str) -> None:
        """Removes a file; harmless where there is none."""

    def remove_folder(self, folder: str) -> None:
        """Removes a folder and all that is in it; harmless where there is none."""


def check(storage: Storage) -> None:
    """Raises `StorageUnavailable` unless files can be written, written once only, and removed."""
    probe = f".probe-{uuid.uuid4().hex}"
    storage.create(probe, b"slimgest")
    again = storage.create(probe, b"slimgest")
    storage.remove(probe)
    if again:
        raise StorageUnavailable("The storage ignores that a file must be written once only (`If-None-Match: *`).")


class Folder:
    """A folder of this machine, or one that is mounted on every machine."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self, key: str) -> bytes | None:
        with _translated():
            try:
                return (self._root / key).read_bytes()
            except FileNotFoundError:
                return None

    def write(self, key: str, data: bytes, settle: bool = False) -> None:
        with _translated(), self._draft(self._root / key) as draft:
            _fill(draft, data, settle)
            draft.replace(self._root / key)

    def create(self, key: str, data: bytes) -> bool:
        with _translated(), self._draft(self._root / key) as draft:
            _fill(draft, data, settle=True)
            try:
                (self._root / key).hardlink_to(draft)
            except FileExistsError:
                return False
        return True

    def upload(self, key: str, source: IO[bytes]) -> None:
        with _translated(), self._draft(self._root / key) as draft:
            with draft.open("wb") as file:
                shutil.copyfileobj(source, file, COPY_BYTES)
                _settle(file)
            draft.replace(self._root / key)

    def pieces(self, key: str) -> Iterator[bytes]:
        with _translated(), (self._root / key).open("rb") as file:
            while piece := file.read(COPY_BYTES):
                yield piece

    @contextmanager
    def local(self, key: str) -> Iterator[Path]:
        with _translated():
            (self._root / key).stat()
        yield self._root / key

    def exists(self, key: str) -> bool:
        with _translated():
            return (self._root / key).exists()

    def listed(self, folder: str) -> list[str]:
        return [f"{folder}/{entry.name}" for entry in self._entries(folder) if not entry.is_dir()]

    def folders(self) -> list[str]:
        return [entry.name for entry in self._entries("") if entry.is_dir()]

    def _entries(self, folder: str) -> list[os.DirEntry[str]]:
        with _translated():
            try:
                return list(os.scandir(self._root / folder))
            except FileNotFoundError:
                return []

    def changed_s(self, folder: str) -> float | None:
        with _translated():
            return (self._root / folder).stat().st_mtime

    def remove(self, key: str) -> None:
        with _translated():
            (self._root / key).unlink(missing_ok=True)

    def remove_folder(self, folder: str) -> None:
        with _translated():
            try:
                shutil.rmtree(self._root / folder)
            except FileNotFoundError:
                return

    @contextmanager
    def _draft(self, target: Path) -> Iterator[Path]:
        """A file beside its place, to be moved there when it is whole."""
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_name(f".{uuid.uuid4().hex}.part")
        try:
            yield draft
        finally:
            draft.unlink(missing_ok=True)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StorageUnavailable(f"The storage for jobs failed: {error.strerror or type(error).__name__}.") from error


def _fill(draft: Path, data: bytes, settle: bool) -> None:
    with draft.open("wb") as file:
        file.write(data)
        if settle:
            _settle(file)


def _settle(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())
