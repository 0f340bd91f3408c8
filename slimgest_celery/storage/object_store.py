"""S3 as storage, or any other file system that fsspec can access."""

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

from slimgest_celery.errors import StorageUnavailable
from slimgest_celery.storage.base import COPY_BYTES, Storage
from slimgest_celery.storage.download_cache import DownloadCache
from slimgest_celery.storage.fsspec_client import FsspecClient, WriteConflict, local_folder, translate_errors
from slimgest_celery.storage.local import LocalFolder

_TRANSFER_S = 600.0  # the longest time of the transfer of a large file
_CHUNK_BYTES = 4 << 20
_PART_BYTES = 5 << 20  # of an upload; S3 accepts no smaller parts
_SMALL_BYTES = 2 * _PART_BYTES  # smaller files are sent in one request
_CREATE_ATTEMPTS = 3
_MODIFIED = ("LastModified", "mtime", "updated", "last_modified", "created")  # names of this field in S3 and others


def open_storage(url: str) -> Storage:
    """Return the storage at an fsspec URL. It connects when it is first used."""
    folder = local_folder(url)
    return ObjectStore(url) if folder is None else LocalFolder(folder)


class ObjectStore:
    """Any file system that writes whole files, such as S3."""

    def __init__(self, url: str) -> None:
        self._client = FsspecClient(url)

    @cached_property
    def _download_cache(self) -> DownloadCache:
        return DownloadCache()

    def _path(self, key: str) -> str:
        return f"{self._client.root}/{key}".rstrip("/")

    def _key(self, path: str) -> str:
        return path.removeprefix(f"{self._client.root}/")

    # Files

    def read(self, key: str) -> bytes | None:
        try:
            return bytes(self._client.call("cat_file", self._path(key)))
        except FileNotFoundError:
            return None

    def write(self, key: str, data: bytes, durable: bool = False) -> None:
        with _bucket_errors():
            self._make_folder(key)
            self._client.call("pipe_file", self._path(key), data)

    def create(self, key: str, data: bytes) -> bool:
        """On S3 this is a `PUT` with `If-None-Match: *`. If its answer is lost, the retry may find its own file."""
        with _bucket_errors():
            self._make_folder(key)
            for _ in range(_CREATE_ATTEMPTS):
                try:
                    self._client.call("pipe_file", self._path(key), data, mode="create")
                except FileExistsError:
                    return False
                except WriteConflict:  # S3 does not decide which of two simultaneous writes succeeds: try again
                    continue
                return True
        raise StorageUnavailable

    def upload(self, key: str, source: IO[bytes]) -> None:
        with translate_errors():
            head = source.read(_SMALL_BYTES)
        if len(head) < _SMALL_BYTES:
            self.write(key, head)
            return
        with tempfile.NamedTemporaryFile(prefix="slimgest-") as copy:
            with translate_errors():
                copy.write(head)
                shutil.copyfileobj(source, copy, COPY_BYTES)
                copy.flush()
            self._upload_file(key, copy.name)

    def _upload_file(self, key: str, source: str) -> None:
        with _bucket_errors():
            self._make_folder(key)
            parts = {"chunksize": _PART_BYTES} if self._client.is_s3 else {}
            self._client.call("put_file", source, self._path(key), limit_s=_TRANSFER_S, **parts)

    def _make_folder(self, key: str) -> None:
        if self._client.has_folders:
            self._client.call("makedirs", self._path(key).rpartition("/")[0], exist_ok=True)

    def size(self, key: str) -> int | None:
        try:
            return int(self._client.call("info", self._path(key))["size"])
        except FileNotFoundError:
            return None

    def read_chunks(self, key: str, start: int = 0) -> Iterator[bytes]:
        size = self._client.call("info", self._path(key))["size"]
        for first in range(start, size, _CHUNK_BYTES):
            yield self._client.call("cat_file", self._path(key), start=first, end=min(size, first + _CHUNK_BYTES))

    @contextmanager
    def provide_local(self, key: str) -> Iterator[Path]:
        if not self.exists(key):
            raise FileNotFoundError(key)
        with self._download_cache.get(key, lambda path: self._download(key, path)) as path:
            yield path

    def _download(self, key: str, path: Path) -> None:
        self._client.call("get_file", self._path(key), os.fspath(path), limit_s=_TRANSFER_S)

    def exists(self, key: str) -> bool:
        try:
            return bool(self._client.call("info", self._path(key)))  # fsspec's `exists` is false for every failure
        except FileNotFoundError:
            return False

    def free_bytes(self) -> int | None:
        return None

    def delete(self, key: str) -> None:
        try:
            self._client.call("rm_file", self._path(key))
        except FileNotFoundError:
            return

    # Folders

    def list_files(self, folder: str) -> list[str]:
        return [self._key(entry["name"]) for entry in self._entries(folder) if entry["type"] == "file"]

    def list_folders(self) -> list[str]:
        names = (entry["name"].rstrip("/") for entry in self._entries("") if entry["type"] == "directory")
        return [self._key(name) for name in names]

    def _entries(self, folder: str) -> list[dict[str, Any]]:
        try:
            return list(self._client.call("ls", self._path(folder), detail=True, refresh=True))
        except FileNotFoundError:
            return []

    def modified_s(self, folder: str) -> float | None:
        """Object stores have no folders, so this is the time of the newest file."""
        files = self._client.call("find", self._path(folder), detail=True)
        return max(filter(None, map(_modified_s, files.values())), default=None)

    def delete_folder(self, folder: str) -> None:
        try:
            self._client.call("rm", self._path(folder), recursive=True)
        except FileNotFoundError:
            return


@contextmanager
def _bucket_errors() -> Iterator[None]:
    """Translate a `FileNotFoundError` of a write: only the bucket or the folder can be missing."""
    try:
        yield
    except FileNotFoundError as error:
        raise StorageUnavailable("The storage for jobs failed: there is no such bucket or folder.") from error


def _modified_s(info: dict[str, Any]) -> float | None:
    value = next((info[name] for name in _MODIFIED if name in info), None)
    if isinstance(value, datetime):
        return value.timestamp()
    return float(value) if isinstance(value, int | float) else None
