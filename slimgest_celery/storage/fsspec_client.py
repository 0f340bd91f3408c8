"""Blocking calls to the file systems of fsspec, above all S3.

The only module that imports fsspec. Its errors are translated here.
"""

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

from slimgest_celery.errors import StorageUnavailable

CALL_S = 30.0  # the longest time of one request, with its retries

# s3fs and botocore would both retry: 5 × 5 attempts. Here only botocore retries, once.
_S3_OPTIONS = {
    "config_kwargs": {
        "connect_timeout": 5,
        "read_timeout": 5,
        "retries": {"mode": "standard", "total_max_attempts": 2},
    },
    "max_concurrency": 4,  # parts of an upload that are sent, and in memory, at once
}


def local_folder(url: str) -> Path | None:
    """Return the local folder that a URL names, or None if it names something else."""
    return Path(fsspec.url_to_fs(url)[1]) if get_protocol(url) in ("file", "local") else None


class FsspecClient:
    """The file system of a URL.

    Connects when it is first used. That must be in the process that uses it: a connection does not survive a fork.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._connecting = threading.RLock()
        self.is_s3 = get_protocol(url) in ("s3", "s3a")

    @property
    def root(self) -> str:
        """The path that the URL names in the file system."""
        return str(self._connect()[1])

    @property
    def has_folders(self) -> bool:
        """Return True if folders must be created, as for `memory:` and `sftp:`. Object stores have no folders."""
        return not self._connect()[0].async_impl

    def call(self, method: str, *args: Any, limit_s: float = CALL_S, **options: Any) -> Any:
        """Call a method of the file system.

        Raises `FileNotFoundError`, `FileExistsError`, `WriteConflict` or `StorageUnavailable`.
        """
        with translate_errors():
            system = self._connect()[0]
            if not system.async_impl:
                return getattr(system, method)(*args, **options)
            return self._run(getattr(system, f"_{method}")(*args, **options), limit_s)

    def _run(self, work: Coroutine[Any, Any, Any], limit_s: float) -> Any:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(limit_s)
        except TimeoutError:
            future.cancel()
            raise

    def _connect(self) -> tuple[Any, str]:
        """Return the connection. Many may ask for the first one at once, and must get the same one, with one loop."""
        with self._connecting:  # `cached_property` has no lock, or one that greenlets pass
            return self._connection

    @cached_property
    def _connection(self) -> tuple[Any, str]:
        """The fsspec file system, and the path that the URL names in it."""
        protocol = get_protocol(self._url)
        s3_options: dict[str, Any] = _S3_OPTIONS if self.is_s3 else {}
        # A listing from fsspec's cache would not contain the files that another worker has stored since.
        options = {"use_listings_cache": False, "skip_instance_cache": True, **s3_options}
        try:
            if fsspec.get_filesystem_class(protocol).async_impl:
                options["loop"] = self._loop
            if self.is_s3:
                options["session"] = _s3_session()
            system, root = fsspec.url_to_fs(self._url, **options)
        except (ImportError, ValueError) as error:
            install = " Install it: pip install 'slimgest[s3]'." if self.is_s3 else ""
            raise StorageUnavailable(
                f"SLIMGEST_STORAGE_URL: no installed package can access {protocol}:// addresses.{install}",
                hint="Correct this, then start the service again.",
            ) from error
        if self.is_s3:
            system.retries = 1
        return system, root

    @cached_property
    def _loop(self) -> asyncio.AbstractEventLoop:
        """An event loop in a thread of its own.

        fsspec's own loop and blocking calls fail under gevent, where all threads are greenlets in one OS thread: fsspec
        checks if a loop runs in this OS thread, and one always does. This loop may run in such a greenlet.
        """
        loop = asyncio.new_event_loop()
        threading.Thread(target=loop.run_forever, name="storage", daemon=True).start()
        return loop


def _s3_session() -> Any:
    """Return a session that sends a body without asking for "100 Continue" before.

    aiohttp would wait for that answer without a limit if the server does not respond.
    """
    from aiobotocore.session import get_session  # an extra
    from botocore.handlers import add_expect_header

    session = get_session()
    session.unregister("before-call.s3", add_expect_header)
    return session


class WriteConflict(Exception):
    """Another client is writing the same object at this moment."""


@contextmanager
def translate_errors() -> Iterator[None]:
    """Raise fsspec's errors as this project's, without their text, which may contain addresses and keys."""
    try:
        yield
    except (FileNotFoundError, FileExistsError, StorageUnavailable):
        raise
    except Exception as error:  # each file system raises its own; they have no common base
        code = _s3_code(error)
        if code in ("PreconditionFailed", "412"):  # s3fs translates only Amazon's form of it
            raise FileExistsError from error
        if code == "ConditionalRequestConflict":
            raise WriteConflict from error
        reason = getattr(error, "strerror", None) if isinstance(error, OSError) and not code else None
        raise StorageUnavailable(f"The storage for jobs failed: {reason or code or type(error).__name__}.") from error


def _s3_code(error: Exception) -> str:
    """Return the error code of S3's response, or an empty string if there was no response."""
    response = getattr(error.__cause__, "response", None) or getattr(error, "response", None)
    return str(response.get("Error", {}).get("Code", "")) if isinstance(response, dict) else ""
