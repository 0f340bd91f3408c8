"""Jobs that their owners delete: nothing is left when the request is answered, and nothing comes back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from click.testing import CliRunner

from slimgest_celery.api_keys import make_key
from slimgest_celery.cli.main import main
from slimgest_celery.client import ApiError, Client
from tests.support import pdfs
from tests.support.stack import Stack, running, wait_for

ALICE, PAIR = make_key("alice")
BOB, BOBS_PAIR = make_key("bob")


@pytest.fixture(scope="module")
def owned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A service with two owners and the page cache."""
    settings = {"SLIMGEST_API_KEYS": f"{PAIR},{BOBS_PAIR}", "SLIMGEST_PAGE_CACHE": "1", "TEST_ENGINE_SECONDS": "0.1"}
    with running(tmp_path_factory.mktemp("owned"), workers=2, bearer=ALICE, **settings) as started:
        yield started


def _purge(stack: Stack, job_id: str) -> int:
    return stack.request("DELETE", f"/jobs/{job_id}?purge=true").status_code


def _traces(stack: Stack, job_id: str) -> tuple[list[Path], list[bytes]]:
    """Return the files with the job's id in their path, and the keys in Redis with the id in their name or content."""
    keys = [key for key in stack.redis.keys("*") if not key.startswith((b"slimgest:expired", b"celery-"))]
    named = [key for key in keys if job_id.encode() in key or UUID(job_id).bytes in (stack.redis.dump(key) or b"")]
    return [path for path in stack.folder.joinpath("jobs").rglob("*") if job_id in str(path)], named


def test_an_ended_job_leaves_nothing(owned: Stack) -> None:
    job_id = owned.submit(pdfs.numbered(3))
    owned.wait_end(job_id)
    assert owned.get(f"/jobs/{job_id}/pages/1/image").status_code == 200
    made = f"/jobs/{job_id}/result?format=pdf"  # 202 until it is made
    wait_for(lambda: owned.get(made).status_code == 200, what="the searchable PDF", logs=owned.folder)
    files, keys = _traces(owned, job_id)
    assert len(files) > 8 and any(b"slimgest:pages:" in key for key in keys), "the page cache knows the job"
    assert owned.request("DELETE", f"/jobs/{job_id}?purge=true", headers={"Authorization": f"Bearer {BOB}"}).json()[
        "code"
    ] == ("job.unknown")
    assert _purge(owned, job_id) == 204
    files, keys = _traces(owned, job_id)
    assert files == [] and [key for key in keys if not key.startswith(b"slimgest:image")] == []
    assert owned.get("/jobs").json()["total"] == 0
    for path in ("", "/events", "/result", "/pages/1", "/pages/1/image", "/deliveries"):
        answer = owned.get(f"/jobs/{job_id}{path}")
        assert (answer.status_code, answer.json()["code"]) == (410, "job.expired"), path
    assert _purge(owned, job_id) == 410
    assert owned.request("POST", f"/jobs/{job_id}/retry").status_code == 410
    again = owned.submit(pdfs.numbered(3))
    owned.wait_end(again)
    assert [page["cached"] for page in owned.document(again)["pages"]] == [False] * 3


def test_a_job_that_is_being_read_leaves_nothing_and_does_not_come_back(owned: Stack) -> None:
    job_id = owned.submit(pdfs.numbered(200, 200))
    wait_for(lambda: owned.status(job_id)["pages_done"] > 1, what="pages of the job", logs=owned.folder)
    assert _purge(owned, job_id) == 204
    assert _traces(owned, job_id)[0] == []
    other = owned.submit(pdfs.numbered(2, 500))
    assert owned.wait_end(other)["status"] == "completed"
    time.sleep(2)  # longer than the rest of a task takes
    assert _traces(owned, job_id)[0] == []
    assert owned.get(f"/jobs/{job_id}").status_code == 410


def test_the_client_and_the_command_line_delete_jobs(owned: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = owned.submit(pdfs.numbered(1, 7)), owned.submit(pdfs.numbered(1, 8))
    with Client(owned.url, api_key=ALICE) as client:
        client.delete(first)
        with pytest.raises(ApiError) as caught:
            client.status(first)
        assert caught.value.problem_code == "job.expired"
    monkeypatch.setenv("SLIMGEST_API_KEY", ALICE)
    done = CliRunner().invoke(main, ["delete", second, "--url", owned.url])
    assert (done.exit_code, done.output) == (0, f"{second}  deleted\n")
    assert CliRunner().invoke(main, ["delete", second, "--url", owned.url]).exit_code != 0


def test_only_true_deletes(owned: Stack) -> None:
    job_id = owned.submit(pdfs.numbered(1, 9))
    assert owned.request("DELETE", f"/jobs/{job_id}?purge=yes").json()["code"] == "request.option"
    assert owned.request("DELETE", f"/jobs/{job_id}?purge=false").status_code == 200
    assert owned.get(f"/jobs/{job_id}").status_code == 200
