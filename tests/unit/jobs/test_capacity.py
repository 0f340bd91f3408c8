"""The capacity of the service: the estimated wait and `Retry-After`. Redis is in memory."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import fakeredis
import pytest

from slimgest_celery.api_keys import make_key
from slimgest_celery.config import Settings
from slimgest_celery.errors import LowSpace, QueueFull, TooManyPendingJobs, TooManyPendingPages
from slimgest_celery.jobs import capacity
from slimgest_celery.jobs.capacity import AdmissionControl, check_free_space
from slimgest_celery.models.job import Job, Options
from slimgest_celery.models.page import Page, PageSeconds, Source
from slimgest_celery.models.record import now
from slimgest_celery.models.service import Worker
from slimgest_celery.state.job_state import JobState
from slimgest_celery.state.page_timings import PageTimings
from slimgest_celery.state.worker_registry import WorkerRegistry
from slimgest_celery.storage.job_files import JobFiles

READ = Page(page_number=1, status="ok", source=Source.OCR, seconds=PageSeconds(render=0.02, read=0.7))


@pytest.fixture
def redis() -> Iterator[fakeredis.FakeRedis]:
    with fakeredis.FakeRedis() as client:
        yield client


def _record(redis: fakeredis.FakeRedis, pages: int, seconds: float) -> None:
    """Record pages that a worker has read in this time."""
    PageTimings(redis).record("rapidocr", [READ] * pages, seconds)


def test_capacity_has_the_wait_or_the_reason_why_it_is_unknown(redis: fakeredis.FakeRedis) -> None:
    job_state, worker_registry = JobState(redis, 60), WorkerRegistry(redis)
    admission = AdmissionControl(job_state, worker_registry, PageTimings(redis), limit=3)
    job_state.admit(["a", "b"], 3, 1.0)
    job_state.set_total_pages("a", 39)
    found = admission.capacity()
    assert (found.pages_ahead, found.estimated_wait_seconds, found.detail) == (40, None, "No worker is ready.")
    worker_registry.register(Worker(name="cpu0@a", device="cpu", engine="x", state="idle"))
    worker_registry.register(Worker(name="cpu1@a", device="cpu", engine="x", state="starting"))
    assert admission.capacity().detail == "No page was read yet."
    _record(redis, pages=20, seconds=10)
    found = admission.capacity()
    assert (found.accepting, found.pending_jobs, found.limit, found.workers, found.detail) == (True, 2, 3, 1, None)
    assert found.pages_per_second == pytest.approx(2, rel=0.01)
    assert found.estimated_wait_seconds == pytest.approx(20, rel=0.01)
    job_state.set_total_pages("a", 10**9)
    assert admission.capacity().estimated_wait_seconds == 86400
    assert not AdmissionControl(job_state, worker_registry, PageTimings(redis), limit=2).capacity().accepting


def test_retry_after_follows_the_reading_speed_within_bounds(redis: fakeredis.FakeRedis) -> None:
    job_state, worker_registry = JobState(redis, 60), WorkerRegistry(redis)
    job_state.admit(["a", "b"], 3, 1.0)
    job_state.set_total_pages("a", 39)
    admission = AdmissionControl(job_state, worker_registry, PageTimings(redis), limit=100)
    assert admission.retry_after_s(1, ["a", "b"]) == 5, "before anything was measured"
    worker_registry.register(Worker(name="cpu0@a", device="cpu", engine="x", state="idle"))
    _record(redis, pages=20, seconds=10)
    assert admission.retry_after_s(1, ["a", "b"]) in (10, 11), "half of the 40 pages at 2 pages a second"
    assert admission.retry_after_s(3, ["a", "b"]) in (30, 31)
    job_state.set_total_pages("a", 500_000)
    assert admission.retry_after_s(1, ["a", "b"]) == 600


# --- One owner --------------------------------------------------------------------------------------------------------


def _job(job_id: str, owner: str | None) -> Job:
    return Job(job_id=job_id, filename="a.pdf", options=Options(), created_at=now(), owner=owner)


def test_one_owner_cannot_fill_the_queue(redis: fakeredis.FakeRedis) -> None:
    job_state = JobState(redis, 60)
    admission = AdmissionControl(job_state, WorkerRegistry(redis), PageTimings(redis), limit=4, owner_jobs=2)
    admission.admit([_job("a", "alice")])
    with pytest.raises(TooManyPendingJobs) as refused:
        admission.admit([_job("b", "alice"), _job("c", "alice")])
    assert refused.value.retry_after_s >= 1 and job_state.pending() == ["a"], "all or none"
    admission.admit([_job("b", "alice")])
    with pytest.raises(TooManyPendingJobs):
        admission.check_capacity("alice")
    admission.check_capacity("bob")
    admission.admit([_job("d", "bob"), _job("e", "bob")])
    with pytest.raises(QueueFull):
        admission.check_capacity("carol")
    job_state.refuse("a", "alice")
    admission.admit([_job("f", "alice")])


def test_the_unread_pages_of_one_owner_are_limited(redis: fakeredis.FakeRedis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capacity, "_COUNT_EVERY_S", -1)
    job_state, worker_registry = JobState(redis, 60), WorkerRegistry(redis)
    admission = AdmissionControl(job_state, worker_registry, PageTimings(redis), limit=100, owner_pages=50)
    worker_registry.register(Worker(name="cpu0@a", device="cpu", engine="x", state="idle"))
    _record(redis, pages=20, seconds=10)
    admission.admit([_job("a", "alice"), _job("b", "alice")])
    job_state.set_total_pages("a", 48)
    admission.check_capacity("alice")
    job_state.set_total_pages("a", 148)
    for refuse in (lambda: admission.check_capacity("alice"), lambda: admission.admit([_job("c", "alice")])):
        with pytest.raises(TooManyPendingPages) as refused:
            refuse()
        assert refused.value.retry_after_s == 50, "100 of the 149 pages must be read, 2 a second"
    admission.admit([_job("d", "bob")])


def test_by_default_no_owner_of_several_can_fill_the_queue() -> None:
    pairs = [make_key(name)[1] for name in ("alice", "bob")]
    assert Settings.from_env({}).pending_jobs_of_one_owner == 100
    assert Settings.from_env({"SLIMGEST_API_KEYS": pairs[0]}).pending_jobs_of_one_owner == 100
    assert Settings.from_env({"SLIMGEST_API_KEYS": ",".join(pairs)}).pending_jobs_of_one_owner == 50
    assert Settings.from_env({"SLIMGEST_OWNER_PENDING_JOBS": "7"}).pending_jobs_of_one_owner == 7


def test_an_upload_that_would_fill_the_disk_is_refused(tmp_path: Path) -> None:
    files = JobFiles(str(tmp_path / "not" / "yet"))
    free_mb = shutil.disk_usage(tmp_path).free >> 20
    check_free_space(files, 0, min_free_mb=1)
    with pytest.raises(LowSpace):
        check_free_space(files, 0, min_free_mb=2 * free_mb)
    with pytest.raises(LowSpace):
        check_free_space(files, 2 * free_mb << 20, min_free_mb=1)
    assert JobFiles("memory://jobs").free_bytes() is None
