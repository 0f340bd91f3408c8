"""File systems of fsspec, S3's above all, as blocking calls. The only module that meets fsspec; its errors are
translated here."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import fsspec
from fsspec.utils import get_protocol

from .errors import StorageUnavailable

CALL_S = 30.0  # longest time of one request with its repetitions

# s3fs would repeat what botocore repeats: 5 × 5 times. Here botocore alone does, once.
_S3_OPTIONS = {
    "config_kwargs": {
        "connect_timeout": 5,
        "read_timeout": 5,
        "retries": {"mode": "standard", "total_max_attempts": 2},
    },
    "max_concurrency": 4,  # parts of an upload that are sent, and in memory, at once
}


def local_folder(url: str) -> Path | None:
    """The folder of this machine that a URL names; None where it names something else."""
    return Path(fsspec.url_to_fs(url)[1]) if get_protocol(url) in ("file", "local") else None


class Remote:
    """The file system of a URL. Nothing is opened before the first use, and that must be in the process that uses it: a
    connection does not outlive a fork."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.is_s3 = get_protocol(url) in ("s3", "s3a")

    @property
    def root(self) -> str:
        """The path that the URL names in the file system."""
        return str(self._opened[1])

    @property
    def has_folders(self) -> bool:
        """Object stores have none; what has them (`memory:`, `sftp:`) wants them made."""
        return not self._opened[0].async_impl

    def call(self, name: str, *args: Any, limit_s: float = CALL_S, **how: Any) -> Any:
        """Calls a method of the file system; raises `FileNotFoundError`, `FileExistsError`, `Conflict` or
        `StorageUnavailable`."""
        with translated():
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

    @cached_property
    def _opened(self) -> tuple[Any, str]:
        protocol = get_protocol(self._url)
        options: dict[str, Any] = _S3_OPTIONS if self.is_s3 else {}
        # A listing that fsspec kept from before would hide what another worker has stored since.
        how = {"use_listings_cache": False, "skip_instance_cache": True, **options}
        try:
            if fsspec.get_filesystem_class(protocol).async_impl:
                how["loop"] = self._loop
            if self.is_s3:
                how["session"] = _s3_session()
            system, root = fsspec.url_to_fs(self._url, **how)
        except (ImportError, ValueError) as error:
            extra = " Install it: pip install 'slimgest[s3]'." if self.is_s3 else ""
            raise StorageUnavailable(f"SLIMGEST_STORAGE_URL: nothing here reaches {protocol}://.{extra}") from error
        if self.is_s3:
            system.retries = 1
        return system, root

    @cached_property
    def _loop(self) -> asyncio.AbstractEventLoop:
        """fsspec's own loop and its blocking calls fail under gevent: they ask whether a loop runs in *this OS thread*,
        and there it always does. A thread is a greenlet there, which this loop in it may be too."""
        loop = asyncio.new_event_loop()
        threading.Thread(target=loop.run_forever, name="storage", daemon=True).start()
        return loop


def _s3_session() -> Any:
    """Asks for no "100 Continue" before a body is sent: where nobody answers, aiohttp waits for it without a limit."""
    from aiobotocore.session import get_session  # an extra
    from botocore.handlers import add_expect_header

    session = get_session()
    session.unregister("before-call.s3", add_expect_header)
    return session


class Conflict(Exception):
    """Two write one object at once."""


@contextmanager
def translated() -> Iterator[None]:
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
            raise Conflict from error
        reason = getattr(error, "strerror", None) if isinstance(error, OSError) and not code else None
        raise StorageUnavailable(f"The storage for jobs failed: {reason or code or type(error).__name__}.") from error


def _code(error: Exception) -> str:
    """S3's word for an error, where botocore has one."""
    response = getattr(error.__cause__, "response", None) or getattr(error, "response", None)
    return str(response.get("Error", {}).get("Code", "")) if isinstance(response, dict) else ""
