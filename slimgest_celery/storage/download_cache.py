"""A cache of downloaded files, such as uploads from S3: the tasks of one document need the same upload in a row."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PREFIX = "slimgest-downloads-"
MAX_COUNT = 8
MAX_BYTES = 512 << 20
KEEP_S = 120.0  # after the last use: a file of a deleted job also disappears from idle workers


class DownloadCache:
    """Local copies of files by key, in a temporary folder of this process. The content of a key must never change.

    The cache keeps the most recently used files: at most `max_count`, at most `max_bytes` in total, at most `keep_s`
    seconds. Files in use are always kept.
    """

    def __init__(self, max_count: int = MAX_COUNT, max_bytes: int = MAX_BYTES, keep_s: float = KEEP_S) -> None:
        self._max_count, self._max_bytes, self._keep_s = max_count, max_bytes, keep_s
        self._sizes: OrderedDict[str, int] = OrderedDict()  # bytes by key, the most recently used last
        self._in_use: list[str] = []
        self._lock = threading.RLock()
        self._timer: threading.Timer | None = None
        _delete_folders_of_dead_processes()
        self._folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)

    @contextmanager
    def get(self, key: str, download: Callable[[Path], object]) -> Iterator[Path]:
        """Yield the path of the copy, valid inside the context. If there is none, `download` writes it."""
        path = self._path(key)
        with self._lock:  # two threads that need the same file download it once
            if key not in self._sizes:
                self._download(path, download)
            self._sizes[key] = path.stat().st_size
            self._sizes.move_to_end(key)
            self._in_use.append(key)
            self._evict(self._max_count, self._max_bytes)
        try:
            yield path
        finally:
            with self._lock:
                self._in_use.remove(key)
                self._start_timer()

    def _path(self, key: str) -> Path:
        return self._folder / key.replace("/", "-")

    @staticmethod
    def _download(path: Path, download: Callable[[Path], object]) -> None:
        part = path.with_suffix(".part")
        try:
            download(part)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)

    def _evict(self, max_count: int, max_bytes: int) -> None:
        """Delete the least recently used files until the others are within these limits."""
        for key in list(self._sizes):
            if len(self._sizes) <= max_count and sum(self._sizes.values()) <= max_bytes:
                return
            if key not in self._in_use:
                del self._sizes[key]
                self._path(key).unlink(missing_ok=True)

    def _start_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = threading.Timer(self._keep_s, self._expire)
        self._timer.daemon = True
        self._timer.start()

    def _expire(self) -> None:
        with self._lock:
            self._evict(0, 0)


def _delete_folders_of_dead_processes() -> None:
    """Delete the folders of killed processes, which could not delete them themselves."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        match = re.match(rf"{_PREFIX}(\d+)-", folder.name)
        if match and not _is_running(int(match[1])):
            shutil.rmtree(folder, ignore_errors=True)


def _is_running(pid: int) -> bool:
    with suppress(ProcessLookupError):
        with suppress(PermissionError):  # the process of another user
            os.kill(pid, 0)
        return True
    return False
