"""Files in S3, or wherever else fsspec reaches. The only module that meets fsspec; its errors are translated here."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import IO, Any

import fsspec
from fsspec.utils import get_protocol

from .copies import Copies
from .errors import StorageUnavailable
from .storage import COPY_BYTES, Folder, Storage

_CALL_S = 30.0  # longest time of one request with its repetitions
_TRANSFER_S = 600.0  # of a large file
_PIECE_BYTES = 4 << 20
_PART_BYTES = 5 << 20  # of an upload to S3, which takes no smaller ones
_SMALL_BYTES = 2 * _PART_BYTES  # what is smaller is sent at once
_CREATE_ATTEMPTS = 3

# s3fs would repeat what botocore repeats: 5 × 5 times. Here botocore alone does, once.
_S3_OPTIONS = {
    "config_kwargs": {
        "connect_timeout": 5,
        "read_timeout": 5,
        "retries": {"mode": "standard", "total_max_attempts": 2},
    },
    "max_concurrency": 4,  # parts of an upload that are sent, and in memory, at once
}
_CHANGED = ("LastModified", "mtime", "updated", "last_modified", "created")  # what S3 and others call it


def open_storage(url: str) -> Storage:
    """The storage at an fsspec URL. Connects when first used."""
    if get_protocol(url) in ("file", "local"):
        return Folder(Path(fsspec.url_to_fs(url)[1]))
    return ObjectStore(url)


class ObjectStore:
    """Any fsspec file system that writes whole files, such as S3. Nothing is opened before the first use, and that
    must be in the process that uses it: a connection does not outlive a fork."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._is_s3 = get_protocol(url) in ("s3", "s3a")

    @cached_property
    def _opened(self) -> tuple[Any, str]:
        protocol = get_protocol(self._url)
        options: dict[str, Any] = _S3_OPTIONS if self._is_s3 else {}
        # A listing that fsspec kept from before would hide what another worker has stored since.
        how = {"use_listings_cache": False, "skip_instance_cache": True, **options}
        try:
            if fsspec.get_filesystem_class(protocol).async_impl:
                how["loop"] = self._loop
            if self._is_s3:
                how["session"] = _s3_session()
            system, root = fsspec.url_to_fs(self._url, **how)
        except (ImportError, ValueError) as error:
            extra = " Install it: pip install 'slimgest[s3]'." if self._is_s3 else ""
            raise StorageUnavailable(f"SLIMGEST_STORAGE_URL: nothing here reaches {protocol}://.{extra}") from error
        if self._is_s3:
            system.retries = 1
        return system, root

    @cached_property
    def _loop(self) -> asyncio.AbstractEventLoop:
        """fsspec's own loop and its blocking calls fail under gevent: they ask whether a loop runs in *this OS thread*,
        and there it always does. A thread is a greenlet there, which this loop in it may be too."""
        loop = asyncio.new_event_loop()
        threading.Thread(target=loop.run_forever, name="storage", daemon=True).start()
        return loop

    @cached_property
    def _copies(self) -> Copies:
        return Copies()

    def _call(self, name: str, *args: Any, limit_s: float = _CALL_S, **how: Any) -> Any:
        """Calls one of fsspec's methods; raises `FileNotFoundError`, `FileExistsError` or `StorageUnavailable`."""
        with _translated():
            system = self._opened[0]
            if not system.async_impl:
                return getattr(system, name)(*args, **how)
            return self._finished(getattr(system, f"_{name}")(*args, **how), limit_s)

    def _finished(self, work: Coroutine[Any, Any, Any], limit_s: float) -> Any:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(limit_s)
        except TimeoutError:
            future.cancel()
            raise

    def _path(self, key: str) -> str:
        return f"{self._opened[1]}/{key}".rstrip("/")

    def _key(self, path: str) -> str:
        return path.removeprefix(f"{self._opened[1]}/")

    # Files

    def read(self, key: str) -> bytes | None:
        try:
            return bytes(self._call("cat_file", self._path(key)))
        except FileNotFoundError:
            return None

    def write(self, key: str, data: bytes, settle: bool = False) -> None:
        with _placed():
            self._prepare(key)
            self._call("pipe_file", self._path(key), data)

    def create(self, key: str, data: bytes) -> bool:
        """On S3 a `PUT` with `If-None-Match: *`. One that was repeated for want of an answer may find its own file."""
        with _placed():
            self._prepare(key)
            for _ in range(_CREATE_ATTEMPTS):
                try:
                    self._call("pipe_file", self._path(key), data, mode="create")
                except FileExistsError:
                    return False
                except _Conflict:  # with another that is being written in this moment: S3 wants to be asked again
                    continue
                return True
        raise StorageUnavailable

    def upload(self, key: str, source: IO[bytes]) -> None:
        with _translated():
            head = source.read(_SMALL_BYTES)
        if len(head) < _SMALL_BYTES:
            self.write(key, head)
            return
        with tempfile.NamedTemporaryFile(prefix="slimgest-") as copy:
            with _translated():
                copy.write(head)
                shutil.copyfileobj(source, copy, COPY_BYTES)
                copy.flush()
            self._put(key, copy.name)

    def _put(self, key: str, source: str) -> None:
        with _placed():
            self._prepare(key)
            parts = {"chunksize": _PART_BYTES} if self._is_s3 else {}
            self._call("put_file", source, self._path(key), limit_s=_TRANSFER_S, **parts)

    def _prepare(self, key: str) -> None:
        """Object stores have no folders; what has them (`memory:`, `sftp:`) wants them made."""
        if not self._opened[0].async_impl:
            self._call("makedirs", self._path(key).rpartition("/")[0], exist_ok=True)

    def pieces(self, key: str) -> Iterator[bytes]:
        size = self._call("info", self._path(key))["size"]
        for start in range(0, size, _PIECE_BYTES):
            yield self._call("cat_file", self._path(key), start=start, end=min(size, start + _PIECE_BYTES))

    @contextmanager
    def local(self, key: str) -> Iterator[Path]:
        if not self.exists(key):
            raise FileNotFoundError(key)
        with self._copies.of(key, lambda path: self._get(key, path)) as path:
            yield path

    def _get(self, key: str, path: Path) -> None:
        self._call("get_file", self._path(key), os.fspath(path), limit_s=_TRANSFER_S)

    def exists(self, key: str) -> bool:
        try:
            return bool(self._call("info", self._path(key)))  # fsspec's `exists` takes every failure for a no
        except FileNotFoundError:
            return False

    def remove(self, key: str) -> None:
        try:
            self._call("rm_file", self._path(key))
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
            return list(self._call("ls", self._path(folder), detail=True, refresh=True))
        except FileNotFoundError:
            return []

    def changed_s(self, folder: str) -> float | None:
        """Object stores know no folders, so of its files the latest counts."""
        found = self._call("find", self._path(folder), detail=True)
        return max(filter(None, map(_changed_s, found.values())), default=None)

    def remove_folder(self, folder: str) -> None:
        try:
            self._call("rm", self._path(folder), recursive=True)
        except FileNotFoundError:
            return


def _s3_session() -> Any:
    """Asks for no "100 Continue" before a body is sent: where nobody answers, aiohttp waits for it without a limit."""
    from aiobotocore.session import get_session  # an extra
    from botocore.handlers import add_expect_header

    session = get_session()
    session.unregister("before-call.s3", add_expect_header)
    return session


class _Conflict(Exception):
    """Two write one object at once."""


@contextmanager
def _translated() -> Iterator[None]:
    """What fsspec raises, in this project's terms. Never with its words, which may hold addresses and keys."""
    try:
        yield
    except (FileNotFoundError, FileExistsError, StorageUnavailable):
        raise
    except Exception as error:  # each file system raises its own; they have no common base
        code = _code(error)
        if code in ("PreconditionFailed", "412"):  # s3fs knows Amazon's way to say it
            raise FileExistsError from error
        if code == "ConditionalRequestConflict":
            raise _Conflict from error
        reason = getattr(error, "strerror", None) if isinstance(error, OSError) and not code else None
        raise StorageUnavailable(f"The storage for jobs failed: {reason or code or type(error).__name__}.") from error


@contextmanager
def _placed() -> Iterator[None]:
    """What is written can only be missing a place: its bucket."""
    try:
        yield
    except FileNotFoundError as error:
        raise StorageUnavailable("The storage for jobs failed: there is no such bucket or folder.") from error


def _code(error: Exception) -> str:
    """S3's word for an error, where botocore has one."""
    response = getattr(error.__cause__, "response", None) or getattr(error, "response", None)
    return str(response.get("Error", {}).get("Code", "")) if isinstance(response, dict) else ""


def _changed_s(info: dict[str, Any]) -> float | None:
    moment = next((info[name] for name in _CHANGED if name in info), None)
    if isinstance(moment, datetime):
        return moment.timestamp()
    return float(moment) if isinstance(moment, int | float) else None
