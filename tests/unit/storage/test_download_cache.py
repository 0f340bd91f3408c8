"""The cache of downloads: each file is downloaded once, their size and number are limited, and they expire."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from slimgest_celery.storage.download_cache import DownloadCache
from tests.support.stack import ROOT, wait_for


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


class Source:
    """A source of downloads: the content is the repeated key. Counts the downloads."""

    def __init__(self) -> None:
        self.downloaded: list[str] = []

    def read(self, cache: DownloadCache, key: str, size: int = 10) -> bytes:
        def download(path: Path) -> None:
            self.downloaded.append(key)
            path.write_bytes(key.encode() * size)

        with cache.get(key, download) as path:
            return path.read_bytes()


def _files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_a_file_is_downloaded_once_while_it_is_among_the_most_recently_used() -> None:
    source, cache = Source(), DownloadCache(max_count=2)
    for key in "aabbaccb":
        assert source.read(cache, key) == key.encode() * 10
    assert source.downloaded == ["a", "b", "c", "b"]


def test_the_cache_has_a_size_limit_but_keeps_files_in_use(folder: Path) -> None:
    source, cache = Source(), DownloadCache(max_bytes=100)
    source.read(cache, "a", 60)
    with cache.get("b", lambda path: path.write_bytes(b"b" * 200)) as large:
        assert _files(folder) == ["b"] and large.stat().st_size == 200
        source.read(cache, "c", 60)
        assert _files(folder) == ["b", "c"] and large.exists()
    source.read(cache, "d", 60)
    assert _files(folder) == ["d"]


def test_a_failed_download_leaves_no_file(folder: Path) -> None:
    def fail(path: Path) -> None:
        path.write_bytes(b"half of it")
        raise FileNotFoundError

    cache = DownloadCache()
    for _ in range(2):
        with pytest.raises(FileNotFoundError), cache.get("a", fail):
            pytest.fail("half a file was accepted")
    assert _files(folder) == []


def test_files_expire_some_time_after_their_last_use(folder: Path) -> None:
    cache = DownloadCache(keep_s=0.05)
    Source().read(cache, "a")
    wait_for(lambda: _files(folder) == [], what="the file to expire", within_s=10)


def test_the_next_process_deletes_the_files_of_a_killed_one(folder: Path) -> None:
    program = (
        "import os, signal; from slimgest_celery.storage.download_cache import DownloadCache; c = DownloadCache()\n"
    )
    program += "with c.get('a', lambda path: path.write_bytes(b'a')): os.kill(os.getpid(), signal.SIGKILL)"
    env = {"TMPDIR": str(folder), "PYTHONPATH": str(ROOT)}
    assert subprocess.run([sys.executable, "-c", program], env=env).returncode < 0
    assert _files(folder) == ["a"]
    cache = DownloadCache()
    Source().read(cache, "b")
    DownloadCache()
    assert _files(folder) == ["b"], "the files of a running process stay"
