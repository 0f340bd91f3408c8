"""Copies of files that live elsewhere, kept for a while: the tasks of one document need the same upload in a row."""

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

_PREFIX = "slimgest-copies-"
MAX_COUNT = 8
MAX_BYTES = 512 << 20
KEEP_S = 120.0  # after the last use: what an owner deletes is gone from idle workers too


class Copies:
    """Local copies by key, in a temporary folder of this process. The content behind a key must never change.

    The latest `max_count` files of `max_bytes` together are kept, `keep_s` seconds at most; what is in use stays.
    """

    def __init__(self, max_count: int = MAX_COUNT, max_bytes: int = MAX_BYTES, keep_s: float = KEEP_S) -> None:
        self._max_count, self._max_bytes, self._keep_s = max_count, max_bytes, keep_s
        self._kept: OrderedDict[str, int] = OrderedDict()  # bytes of each, the latest used last
        self._in_use: list[str] = []
        self._lock = threading.RLock()
        self._timer: threading.Timer | None = None
        _remove_those_of_the_dead()
        self._folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)

    @contextmanager
    def of(self, key: str, fetch: Callable[[Path], object]) -> Iterator[Path]:
        """The copy of `key`, for as long as the context lasts; `fetch` writes it where there is none."""
        path = self._folder / key.replace("/", "-")
        with self._lock:  # two threads that want one file fetch it once
            if key not in self._kept:
                self._fetch(path, fetch)
            self._kept[key] = path.stat().st_size
            self._kept.move_to_end(key)
            self._in_use.append(key)
            self._trim(self._max_count, self._max_bytes)
        try:
            yield path
        finally:
            with self._lock:
                self._in_use.remove(key)
                self._forget_later()

    @staticmethod
    def _fetch(path: Path, fetch: Callable[[Path], object]) -> None:
        draft = path.with_suffix(".part")
        try:
            fetch(draft)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)

    def _trim(self, max_count: int, max_bytes: int) -> None:
        """Removes the oldest until the rest are within these bounds."""
        for key in list(self._kept):
            if len(self._kept) <= max_count and sum(self._kept.values()) <= max_bytes:
                return
            if key not in self._in_use:
                del self._kept[key]
                (self._folder / key.replace("/", "-")).unlink(missing_ok=True)

    def _forget_later(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = threading.Timer(self._keep_s, self._forget)
        self._timer.daemon = True
        self._timer.start()

    def _forget(self) -> None:
        with self._lock:
            self._trim(0, 0)


def _remove_those_of_the_dead() -> None:
    """A process that was killed has cleaned nothing up; its successor does."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        match = re.match(rf"{_PREFIX}(\d+)-", folder.name)
        if match and not _lives(int(match[1])):
            shutil.rmtree(folder, ignore_errors=True)


def _lives(pid: int) -> bool:
    with suppress(ProcessLookupError):
        with suppress(PermissionError):  # somebody else's
            os.kill(pid, 0)
        return True
    return False
