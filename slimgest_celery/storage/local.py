"""A local folder as storage. Only the user who runs slimgest can read its files (0600) and folders (0700)."""

from __future__ import annotations

import errno
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from slimgest_celery.errors import StorageUnavailable
from slimgest_celery.storage.base import COPY_BYTES

_DELETE_ATTEMPTS = 5  # of a folder in which a worker may still store a last file


class LocalFolder:
    """A folder of this machine, or a network folder that is mounted on every machine."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self, key: str) -> bytes | None:
        with _storage_errors():
            try:
                return (self._root / key).read_bytes()
            except FileNotFoundError:
                return None

    def write(self, key: str, data: bytes, durable: bool = False) -> None:
        with _storage_errors(), self._temporary_file(self._root / key) as temporary:
            _fill(temporary, data, durable)
            temporary.replace(self._root / key)

    def create(self, key: str, data: bytes) -> bool:
        with _storage_errors(), self._temporary_file(self._root / key) as temporary:
            _fill(temporary, data, durable=True)
            try:
                (self._root / key).hardlink_to(temporary)  # unlike a rename, a link never replaces a file
            except FileExistsError:
                return False
        return True

    def upload(self, key: str, source: IO[bytes]) -> None:
        with _storage_errors(), self._temporary_file(self._root / key) as temporary:
            with _open_new(temporary) as file:
                shutil.copyfileobj(source, file, COPY_BYTES)
                _sync_to_disk(file)
            temporary.replace(self._root / key)

    def size(self, key: str) -> int | None:
        with _storage_errors():
            try:
                return (self._root / key).stat().st_size
            except FileNotFoundError:
                return None

    def read_chunks(self, key: str, start: int = 0) -> Iterator[bytes]:
        with _storage_errors(), (self._root / key).open("rb") as file:
            file.seek(start)
            while chunk := file.read(COPY_BYTES):
                yield chunk

    @contextmanager
    def provide_local(self, key: str) -> Iterator[Path]:
        with _storage_errors():
            (self._root / key).stat()
        yield self._root / key

    def exists(self, key: str) -> bool:
        with _storage_errors():
            return (self._root / key).exists()

    def list_files(self, folder: str) -> list[str]:
        return [f"{folder}/{entry.name}" for entry in self._entries(folder) if not entry.is_dir()]

    def list_folders(self) -> list[str]:
        return [entry.name for entry in self._entries("") if entry.is_dir()]

    def _entries(self, folder: str) -> list[os.DirEntry[str]]:
        with _storage_errors():
            try:
                return list(os.scandir(self._root / folder))
            except FileNotFoundError:
                return []

    def modified_s(self, folder: str) -> float | None:
        with _storage_errors():
            return (self._root / folder).stat().st_mtime

    def free_bytes(self) -> int | None:
        existing = next(folder for folder in (self._root, *self._root.parents) if folder.is_dir())
        with _storage_errors():
            return shutil.disk_usage(existing).free

    def delete(self, key: str) -> None:
        with _storage_errors():
            (self._root / key).unlink(missing_ok=True)

    def delete_folder(self, folder: str) -> None:
        path = self._root / folder
        with _storage_errors():
            for _ in range(_DELETE_ATTEMPTS):
                try:
                    return shutil.rmtree(path)
                except OSError as error:
                    if not path.exists():
                        return None
                    if error.errno not in (errno.ENOENT, errno.ENOTEMPTY):  # else another process has changed it
                        raise
        raise StorageUnavailable("The storage for jobs failed: files are still being written to a deleted job.")

    @contextmanager
    def _temporary_file(self, target: Path) -> Iterator[Path]:
        """Yield a path in the target's folder. The caller moves the complete file to the target."""
        make_private_folder(target.parent)
        temporary = target.with_name(f".{uuid.uuid4().hex}.part")
        try:
            yield temporary
        finally:
            temporary.unlink(missing_ok=True)


def make_private_folder(folder: Path) -> None:
    """Make a folder, and those above it, with the mode 0700. A folder that exists keeps its mode."""
    if not folder.is_dir():
        if folder != folder.parent:
            make_private_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def _open_new(path: Path) -> IO[bytes]:
    """Open a new file for writing, with the mode 0600 from its first moment on."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


@contextmanager
def _storage_errors() -> Iterator[None]:
    """Raise errors of the operating system as `StorageUnavailable`."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StorageUnavailable(f"The storage for jobs failed: {error.strerror or type(error).__name__}.") from error


def _fill(path: Path, data: bytes, durable: bool) -> None:
    with _open_new(path) as file:
        file.write(data)
        if durable:
            _sync_to_disk(file)


def _sync_to_disk(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())
