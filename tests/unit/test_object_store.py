"""What stores that are not Amazon's do differently, and what is made of their errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from slimgest_celery import remote
from slimgest_celery.errors import StorageUnavailable
from slimgest_celery.files import JobFiles
from slimgest_celery.object_store import ObjectStore, open_storage
from slimgest_celery.storage import Folder


class ClientError(Exception):
    """As botocore's, that a store's answer becomes."""

    def __init__(self, code: str) -> None:
        super().__init__(f"An error occurred ({code}) at https://secret@store.example.org")
        self.response = {"Error": {"Code": code}}


class Peculiar(MemoryFileSystem):
    """A store whose exclusive writes answer what a test wants, first answer first."""

    protocol = "peculiar"
    answers: list[Exception | None] = []  # noqa: RUF012
    store: dict[str, Any] = {}  # noqa: RUF012

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **kwargs: Any) -> None:
        if mode == "create" and self.answers and (answer := self.answers.pop(0)):
            raise answer
        super().pipe_file(path, value, mode="overwrite", **kwargs)  # exclusive or not


@pytest.fixture
def store() -> ObjectStore:
    fsspec.register_implementation("peculiar", Peculiar, clobber=True)
    Peculiar.answers.clear()
    Peculiar.store.clear()
    return ObjectStore("peculiar://jobs")


def test_a_store_that_writes_over_what_must_be_written_once_is_found_out(store: ObjectStore) -> None:
    with pytest.raises(StorageUnavailable, match="If-None-Match"):
        JobFiles("peculiar://jobs").check()
    assert store.listed("") == []


@pytest.mark.parametrize("code", ["PreconditionFailed", "412"])
def test_every_way_to_say_that_it_is_there_already_is_understood(store: ObjectStore, code: str) -> None:
    Peculiar.answers.append(ClientError(code))
    assert store.create("end.json", b"{}") is False


def test_a_conflict_of_two_at_once_is_asked_again(store: ObjectStore) -> None:
    Peculiar.answers.extend([ClientError("ConditionalRequestConflict"), None])
    assert store.create("end.json", b"{}") is True
    Peculiar.answers.extend([ClientError("ConditionalRequestConflict")] * 3)
    with pytest.raises(StorageUnavailable):
        store.create("end.json", b"{}")


def test_an_error_of_the_store_is_told_by_its_code_and_never_by_its_words(store: ObjectStore) -> None:
    Peculiar.answers.append(ClientError("AccessDenied"))
    with pytest.raises(StorageUnavailable) as caught:
        store.create("end.json", b"{}")
    assert "AccessDenied" in caught.value.message and "secret" not in caught.value.message


def test_a_store_for_which_a_package_is_missing_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(protocol: str) -> None:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(remote.fsspec, "get_filesystem_class", missing)
    with pytest.raises(StorageUnavailable, match=r"slimgest\[s3\]"):
        JobFiles("s3://bucket/jobs").check()
    with pytest.raises(StorageUnavailable, match="nothing here reaches nowhere://"):
        JobFiles("nowhere://bucket/jobs").check()


def test_nothing_is_opened_before_the_first_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote.threading, "Thread", lambda **_: pytest.fail("the parent of workers must not"))
    JobFiles("s3://bucket/jobs")


@pytest.mark.parametrize("url", ["{}/jobs", "file://{}/jobs", "local://{}/jobs"])
def test_a_folder_is_a_folder_however_its_url_is_written(url: str, tmp_path: Path) -> None:
    storage = open_storage(url.format(tmp_path))
    storage.write("a/b.json", b"content")
    assert isinstance(storage, Folder) and (tmp_path / "jobs/a/b.json").read_bytes() == b"content"
    assert storage.folders() == ["a"] and storage.listed("a") == ["a/b.json"]
