"""A folder that changes while it is deleted."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from slimgest_celery.errors import StorageUnavailable
from slimgest_celery.storage.local import LocalFolder


def _before(monkeypatch: pytest.MonkeyPatch, name: str, change: Callable[[], object], times: int) -> None:
    """Do something before the first calls of a function of `os`, as another process might."""
    original: Callable[..., Any] = getattr(os, name)
    left = [change] * times

    def call(*args: Any, **named: Any) -> Any:
        if left:
            left.pop()()
        return original(*args, **named)

    monkeypatch.setattr(os, name, call)


def test_a_folder_is_deleted_although_a_worker_still_stores_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = LocalFolder(tmp_path)
    storage.write("job/pages/1.json", b"1")
    _before(monkeypatch, "rmdir", lambda: storage.write("job/pages/2.json", b"2"), times=2)
    storage.delete_folder("job")
    assert not (tmp_path / "job").exists()


def test_a_folder_is_deleted_although_another_process_deletes_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = LocalFolder(tmp_path)
    storage.write("job/a.json", b"1")
    storage.write("job/b.json", b"2")
    files = [tmp_path / "job" / "a.json", tmp_path / "job" / "b.json"]
    _before(monkeypatch, "unlink", lambda: files.pop().rename(tmp_path / "elsewhere"), times=1)
    storage.delete_folder("job")
    assert not (tmp_path / "job").exists()


def test_a_folder_to_which_files_are_written_without_an_end_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = LocalFolder(tmp_path)
    storage.write("job/1.json", b"1")
    _before(monkeypatch, "rmdir", lambda: storage.write("job/2.json", b"2"), times=99)
    with pytest.raises(StorageUnavailable):
        storage.delete_folder("job")


def test_a_folder_that_is_not_there_needs_no_deletion(tmp_path: Path) -> None:
    LocalFolder(tmp_path).delete_folder("job")
