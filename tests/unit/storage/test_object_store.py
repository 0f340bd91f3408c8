"""Object stores other than Amazon S3: their differences, and the translation of their errors."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from slimgest_celery.errors import StorageUnavailable
from slimgest_celery.storage import fsspec_client
from slimgest_celery.storage.job_files import JobFiles
from slimgest_celery.storage.local import LocalFolder
from slimgest_celery.storage.object_store import ObjectStore, open_storage


class ClientError(Exception):
    """An error like botocore's, made from a store's response."""

    def __init__(self, code: str) -> None:
        super().__init__(f"An error occurred ({code}) at https://secret@store.example.org")
        self.response = {"Error": {"Code": code}}


class ScriptedStore(MemoryFileSystem):
    """A store whose exclusive writes give the responses that a test has listed, in this order."""

    protocol = "scripted"
    responses: list[Exception | None] = []  # noqa: RUF012 - replaced by each test
    store: dict[str, Any] = {}  # noqa: RUF012 - replaced by each test

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **kwargs: Any) -> None:
        if mode == "create" and self.responses and (response := self.responses.pop(0)):
            raise response
        super().pipe_file(path, value, mode="overwrite", **kwargs)  # replaces a file even if the write is exclusive


@pytest.fixture
def store() -> ObjectStore:
    fsspec.register_implementation("scripted", ScriptedStore, clobber=True)
    ScriptedStore.responses.clear()
    ScriptedStore.store.clear()
    return ObjectStore("scripted://jobs")


def test_the_check_refuses_a_store_that_replaces_files_in_exclusive_writes(store: ObjectStore) -> None:
    with pytest.raises(StorageUnavailable, match="If-None-Match"):
        JobFiles("scripted://jobs").check()
    assert store.list_files("") == []


@pytest.mark.parametrize("code", ["PreconditionFailed", "412"])
def test_each_error_code_of_an_existing_file_is_recognised(store: ObjectStore, code: str) -> None:
    ScriptedStore.responses.append(ClientError(code))
    assert store.create("end.json", b"{}") is False


def test_a_conflict_of_two_simultaneous_writes_is_retried(store: ObjectStore) -> None:
    ScriptedStore.responses.extend([ClientError("ConditionalRequestConflict"), None])
    assert store.create("end.json", b"{}") is True
    ScriptedStore.responses.extend([ClientError("ConditionalRequestConflict")] * 3)
    with pytest.raises(StorageUnavailable):
        store.create("end.json", b"{}")


def test_an_error_message_contains_the_code_of_the_store_but_not_its_text(store: ObjectStore) -> None:
    ScriptedStore.responses.append(ClientError("AccessDenied"))
    with pytest.raises(StorageUnavailable) as caught:
        store.create("end.json", b"{}")
    assert "AccessDenied" in caught.value.message and "secret" not in caught.value.message


def test_the_error_names_the_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(protocol: str) -> None:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(fsspec_client.fsspec, "get_filesystem_class", missing)
    with pytest.raises(StorageUnavailable, match=r"slimgest\[s3\]"):
        JobFiles("s3://bucket/jobs").check()
    with pytest.raises(StorageUnavailable, match="no installed package can access nowhere://"):
        JobFiles("nowhere://bucket/jobs").check()


def test_nothing_is_opened_before_the_first_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        fsspec_client.threading, "Thread", lambda **_: pytest.fail("the parent process of workers must not connect")
    )
    JobFiles("s3://bucket/jobs")


@pytest.mark.parametrize("url", ["{}/jobs", "file://{}/jobs", "local://{}/jobs"])
def test_each_form_of_a_folder_s_url_opens_the_folder(url: str, tmp_path: Path) -> None:
    storage = open_storage(url.format(tmp_path))
    storage.write("a/b.json", b"content")
    assert isinstance(storage, LocalFolder) and (tmp_path / "jobs/a/b.json").read_bytes() == b"content"
    assert storage.list_folders() == ["a"] and storage.list_files("a") == ["a/b.json"]


_FIRST_USE = """
from gevent import joinall, monkey, spawn
monkey.patch_all()
from slimgest_celery.storage.fsspec_client import FsspecClient
client = FsspecClient("s3://bucket/prefix")
used = [spawn(lambda: (client.root, id(client._loop))) for _ in range(12)]
joinall(used, raise_error=True)
print(len({greenlet.value for greenlet in used}))
"""


def test_simultaneous_first_requests_of_greenlets_share_one_event_loop() -> None:
    done = subprocess.run([sys.executable, "-c", _FIRST_USE], capture_output=True, check=True, timeout=60)
    assert done.stdout == b"1\n"
