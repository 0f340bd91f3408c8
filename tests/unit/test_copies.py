"""Local copies of uploads: fetched once, bounded, and gone when their time is over."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from slimgest_celery.copies import Copies
from tests.support.stack import ROOT, wait_for


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


class Source:
    """Content by key; counts what is fetched."""

    def __init__(self) -> None:
        self.fetched: list[str] = []

    def read(self, copies: Copies, key: str, size: int = 10) -> bytes:
        def fetch(path: Path) -> None:
            self.fetched.append(key)
            path.write_bytes(key.encode() * size)

        with copies.of(key, fetch) as path:
            return path.read_bytes()


def _files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_a_file_is_fetched_once_while_it_is_among_the_latest() -> None:
    source, copies = Source(), Copies(max_count=2)
    for key in "aabbaccb":
        assert source.read(copies, key) == key.encode() * 10
    assert source.fetched == ["a", "b", "c", "b"]


def test_copies_are_bounded_in_bytes_but_what_is_in_use_stays(folder: Path) -> None:
    source, copies = Source(), Copies(max_bytes=100)
    source.read(copies, "a", 60)
    with copies.of("b", lambda path: path.write_bytes(b"b" * 200)) as large:
        assert _files(folder) == ["b"] and large.stat().st_size == 200
        source.read(copies, "c", 60)
        assert _files(folder) == ["b", "c"] and large.exists()
    source.read(copies, "d", 60)
    assert _files(folder) == ["d"]


def test_a_fetch_that_breaks_leaves_nothing(folder: Path) -> None:
    def broken(path: Path) -> None:
        path.write_bytes(b"half of it")
        raise FileNotFoundError

    copies = Copies()
    for _ in range(2):
        with pytest.raises(FileNotFoundError), copies.of("a", broken):
            pytest.fail("half a file")
    assert _files(folder) == []


def test_copies_go_some_time_after_their_last_use(folder: Path) -> None:
    copies = Copies(keep_s=0.05)
    Source().read(copies, "a")
    wait_for(lambda: _files(folder) == [], what="the copy's end", within_s=10)


def test_what_a_killed_process_left_is_removed_by_the_next(folder: Path) -> None:
    leave = "import os, signal; from slimgest_celery.copies import Copies; c = Copies()\n"
    leave += "with c.of('a', lambda path: path.write_bytes(b'a')): os.kill(os.getpid(), signal.SIGKILL)"
    env = {"TMPDIR": str(folder), "PYTHONPATH": str(ROOT)}
    assert subprocess.run([sys.executable, "-c", leave], env=env).returncode < 0
    assert _files(folder) == ["a"]
    mine = Copies()
    Source().read(mine, "b")
    Copies()
    assert _files(folder) == ["b"], "a living process's copies stay"
