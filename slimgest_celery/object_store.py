"""Files in S3, or wherever else fsspec reaches."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import IO, Any

from .copies import Copies
from .errors import StorageUnavailable
from .remote import Conflict, Remote, local_folder, translated
from .storage import COPY_BYTES, Folder, Storage

_TRANSFER_S = 600.0  # longest time of a large file
_PIECE_BYTES = 4 << 20
_PART_BYTES = 5 << 20  # of an upload to S3, which takes no smaller ones
_SMALL_BYTES = 2 * _PART_BYTES  # what is smaller is sent at once
_CREATE_ATTEMPTS = 3
_CHANGED = ("LastModified", "mtime", "updated", "last_modified", "created")  # what S3 and others call it


def open_storage(url: str) -> Storage:
    """The storage at an fsspec URL. Connects when first used."""
    folder = local_folder(url)
    return ObjectStore(url) if folder is None else Folder(folder)


class ObjectStore:
    """Any file system that writes whole files, such as S3."""

    def __init__(self, url: str) -> None:
        self._remote = Remote(url)

    @cached_property
    def _copies(self) -> Copies:
        return Copies()

    def _path(self, key: str) -> str:
        return f"{self._remote.root}/{key}".rstrip("/")

    def _key(self, path: str) -> str:
        return path.removeprefix(f"{self._remote.root}/")

    # Files

    def read(self, key: str) -> bytes | None:
        try:
            return bytes(self._remote.call("cat_file", self._path(key)))
        except FileNotFoundError:
            return None

    def write(self, key: str, data: bytes, settle: bool = False) -> None:
        with _placed():
            self._prepare(key)
            self._remote.call("pipe_file", self._path(key), data)

    def create(self, key: str, data: bytes) -> bool:
        """On S3 a `PUT` with `If-None-Match: *`. One that was repeated for want of an answer may find its own file."""
        with _placed():
            self._prepare(key)
            for _ in range(_CREATE_ATTEMPTS):
                try:
                    self._remote.call("pipe_file", self._path(key), data, mode="create")
                except FileExistsError:
                    return False
                except Conflict:  # with another that is being written in this moment: S3 wants to be asked again
                    continue
                return True
        raise StorageUnavailable

    def upload(self, key: str, source: IO[bytes]) -> None:
        with translated():
            head = source.read(_SMALL_BYTES)
        if len(head) < _SMALL_BYTES:
            self.write(key, head)
            return
        with tempfile.NamedTemporaryFile(prefix="slimgest-") as copy:
            with translated():
                copy.write(head)
                shutil.copyfileobj(source, copy, COPY_BYTES)
                copy.flush()
            self._put(key, copy.name)

    def _put(self, key: str, source: str) -> None:
        with _placed():
            self._prepare(key)
            parts = {"chunksize": _PART_BYTES} if self._remote.is_s3 else {}
            self._remote.call("put_file", source, self._path(key), limit_s=_TRANSFER_S, **parts)

    def _prepare(self, key: str) -> None:
        """Object stores have no folders; what has them (`memory:`, `sftp:`) wants them made."""
        if self._remote.has_folders:
            self._remote.call("makedirs", self._path(key).rpartition("/")[0], exist_ok=True)

    def pieces(self, key: str) -> Iterator[bytes]:
        size = self._remote.call("info", self._path(key))["size"]
        for start in range(0, size, _PIECE_BYTES):
            yield self._remote.call("cat_file", self._path(key), start=start, end=min(size, start + _PIECE_BYTES))

    @contextmanager
    def local(self, key: str) -> Iterator[Path]:
        if not self.exists(key):
            raise FileNotFoundError(key)
        with self._copies.of(key, lambda path: self._get(key, path)) as path:
            yield path

    def _get(self, key: str, path: Path) -> None:
        self._remote.call("get_file", self._path(key), os.fspath(path), limit_s=_TRANSFER_S)

    def exists(self, key: str) -> bool:
        try:
            return bool(self._remote.call("info", self._path(key)))  # fsspec's `exists` takes every failure for a no
        except FileNotFoundError:
            return False

    def remove(self, key: str) -> None:
        try:
            self._remote.call("rm_file", self._path(key))
        except FileNotFoundError:
            return

    # Folders

    def listed(self, folder: str) -> list[str]:
        return [self._key(entry["name"]) for entry in self._entries(folder) if entry["type"] == "file"]

    def folders(self) -> list[str]:
        names = (entry["name"].rstrip("/") for entry in self._entries("") if entry["type"] == "directory")
        return [self._key(name) for name in names]

    def _entries(self, folder: str) -> list[dict[str, Any]]:
        try:
            return list(self._remote.call("ls", self._path(folder), detail=True, refresh=True))
        except FileNotFoundError:
            return []

    def changed_s(self, folder: str) -> float | None:
        """Object stores know no folders, so of its files the latest counts."""
        found = self._remote.call("find", self._path(folder), detail=True)
        return max(filter(None, map(_changed_s, found.values())), default=None)

    def remove_folder(self, folder: str) -> None:
        try:
            self._remote.call("rm", self._path(folder), recursive=True)
        except FileNotFoundError:
            return


@contextmanager
def _placed() -> Iterator[None]:
    """What is written can only be missing a place: its bucket."""
    try:
        yield
    except FileNotFoundError as error:
        raise StorageUnavailable("The storage for jobs failed: there is no such bucket or folder.") from error


def _changed_s(info: dict[str, Any]) -> float | None:
    moment = next((info[name] for name in _CHANGED if name in info), None)
    if isinstance(moment, datetime):
        return moment.timestamp()
    return float(moment) if isinstance(moment, int | float) else None
