"""The list of jobs over HTTP: filters and stable parts, on a real Redis."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from slimgest_celery import Client
from slimgest_celery.models.job import End, Job, JobStatus, Options
from slimgest_celery.models.record import now
from slimgest_celery.state.job_index import JobIndex
from tests.support import pdfs
from tests.support.engines import RAISE
from tests.support.stack import Stack, running


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A service with few jobs, which no other test uses."""
    with running(tmp_path_factory.mktemp("listed"), workers=1) as started:
        yield started


def _names(answer: dict[str, Any]) -> list[str]:
    return [job["filename"] for job in answer["jobs"]]


def test_jobs_are_selected_by_state_name_and_time_and_read_in_parts(listed: Stack) -> None:
    for filename, pdf in (
        ("Invoice 1.pdf", pdfs.numbered(1)),
        ("broken.pdf", b"%PDF-1.4 nothing more"),
        ("invoice 2.pdf", pdfs.coloured([(0, 1, 0), RAISE])),
    ):
        job_id = listed.post("/jobs", pdf, filename).json()["job_id"]
        ended = listed.wait_end(job_id)

    def ask(**params: str) -> dict[str, Any]:
        return dict(listed.get("/jobs", params=params).json())

    assert _names(ask()) == ["invoice 2.pdf", "broken.pdf", "Invoice 1.pdf"]
    assert _names(ask(status="failed")) == ["broken.pdf"]
    assert _names(ask(status="failed,partial")) == ["invoice 2.pdf", "broken.pdf"]
    assert _names(ask(filename="INVOICE")) == ["invoice 2.pdf", "Invoice 1.pdf"]
    assert _names(ask(since=ended["created_at"])) == ["invoice 2.pdf"]
    first = ask(limit="2")
    listed.post("/jobs", pdfs.numbered(1), "new.pdf")
    second = ask(limit="2", cursor=first["next_cursor"])
    assert (_names(second), second["next_cursor"], second["total"]) == (["Invoice 1.pdf"], None, 4)
    refused = listed.get("/jobs", params={"cursor": "x"})
    assert (refused.status_code, refused.json()["code"]) == (422, "request.option")

    listed.request("POST", f"/jobs/{job_id}/retry")
    listed.wait_end(job_id)
    assert _names(ask(status="partial")) == ["invoice 2.pdf"], "read again, with the same end"
    with Client(listed.url) as client:
        assert [job.filename for job in client.jobs(status=JobStatus.FAILED)] == ["broken.pdf"]
        assert [job.filename for job in client.list(filename="invoice", limit=1)] == ["invoice 2.pdf"]


def test_a_part_of_a_list_of_thousands_takes_the_time_of_a_short_one(listed: Stack) -> None:
    """20,000 ended jobs in Redis; those that are asked for are in storage, too."""
    index, start = JobIndex(listed.redis), now() - timedelta(days=1)
    for number in range(20_000):
        name = f"{'rare' if number % 4000 == 0 else 'common'} {number}.pdf"
        at = start + timedelta(seconds=number)
        job = Job(job_id=str(UUID(int=number)), filename=name, options=Options(), created_at=at)
        status = JobStatus.CANCELLED if number % 4000 == 0 else JobStatus.COMPLETED
        index.restore(job, status)
        if status == JobStatus.CANCELLED:
            listed.files._put(job.job_id, "job.json", job)
            listed.files.put_end(job.job_id, End(status=status, completed_at=at))
    wanted = [f"rare {number}.pdf" for number in range(16_000, -1, -4000)]
    before = listed.redis.info("commandstats")
    assert _names(listed.get("/jobs", params={"status": "cancelled"}).json()) == wanted
    after = listed.redis.info("commandstats")
    calls = {name: after[name]["calls"] - before.get(name, {"calls": 0})["calls"] for name in after}
    assert calls["cmdstat_zrange"] <= 2 and calls.get("cmdstat_hmget", 0) <= 1, "not one look at each job"

    started_s = time.monotonic()
    found, cursor = [], None
    while True:
        answer = listed.get("/jobs", params={"filename": "rare", **({"cursor": cursor} if cursor else {})}).json()
        found += _names(answer)
        if (cursor := answer["next_cursor"]) is None:
            break
    assert found == wanted
    assert time.monotonic() - started_s < 5, "two requests, which look at 20,004 names; some 0.1 s on an idle machine"
