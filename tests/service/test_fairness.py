"""Owners take turns: the queue of one does not hold up another."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx
import pytest

from slimgest_celery.api_keys import make_key
from tests.support import pdfs
from tests.support.stack import Stack, running, wait_for

ALICE, ALICES_PAIR = make_key("alice")
BOB, BOBS_PAIR = make_key("bob")
JOBS, PER_REQUEST = 500, 50
PAGES = 10


@pytest.fixture
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Two workers, pages of 0.1 s, two owners."""
    keys = {"SLIMGEST_API_KEYS": f"{ALICES_PAIR},{BOBS_PAIR}", "SLIMGEST_MAX_PENDING_JOBS": "2000"}
    folder = tmp_path_factory.mktemp("shared")
    with running(folder, bearer=BOB, TEST_ENGINE_SECONDS="0.1", **keys) as started:
        yield started


def _time_of_bobs_job(stack: Stack) -> float:
    started_s = time.monotonic()
    job_id = stack.submit(pdfs.numbered(PAGES))
    with httpx.stream("GET", f"{stack.url}/jobs/{job_id}/events", headers=stack.headers, timeout=120) as answer:
        assert "event:complete" in answer.read().decode().replace(" ", "")
    return time.monotonic() - started_s


@pytest.mark.alone
def test_a_single_job_beside_500_jobs_of_another_owner_takes_at_most_twice_its_time(shared: Stack) -> None:
    _time_of_bobs_job(shared)  # the first job of a worker takes longer
    idle_s = max(_time_of_bobs_job(shared) for _ in range(2))
    files = [("files", (f"{number}.pdf", pdfs.numbered(2))) for number in range(PER_REQUEST)]
    for _ in range(JOBS // PER_REQUEST):
        headers = {"Authorization": f"Bearer {ALICE}"}
        assert shared.request("POST", "/jobs", headers=headers, files=files).status_code == 202
    wait_for(lambda: shared.get("/").json()["queue"]["pending_jobs"] > 0, what="the jobs of Alice")
    beside_s = min(_time_of_bobs_job(shared) for _ in range(3))
    assert shared.get("/").json()["queue"]["pending_jobs"] > JOBS * 0.6, "Alice's jobs still wait"
    assert beside_s < 2 * idle_s, (beside_s, idle_s)
