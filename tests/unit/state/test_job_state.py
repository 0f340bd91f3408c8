"""Admission, progress and attempts. Redis is in memory."""

from __future__ import annotations

from collections.abc import Iterator

import fakeredis
import pytest

from slimgest_celery.models.service import Worker
from slimgest_celery.state.job_state import JobState, Progress, job_key
from slimgest_celery.state.worker_registry import REGISTRATION_S, WorkerRegistry, _key


@pytest.fixture
def redis() -> Iterator[fakeredis.FakeRedis]:
    with fakeredis.FakeRedis() as client:
        yield client


@pytest.fixture
def job_state(redis: fakeredis.FakeRedis) -> JobState:
    return JobState(redis, retention_s=60)


def test_all_jobs_of_a_request_are_admitted_or_none(job_state: JobState, redis: fakeredis.FakeRedis) -> None:
    assert job_state.admit(["a", "b"], limit=3, created_s=1)
    assert not job_state.admit(["c", "d"], limit=3, created_s=2)
    assert job_state.admit(["e"], limit=3, created_s=3)
    assert not job_state.admit(["f"], limit=3, created_s=4)
    assert job_state.pending() == ["a", "b", "e"]
    job_state.close("a")
    assert not job_state.admit(["f"], limit=3, created_s=5), "the job has not ended, or was retried"
    redis.hset(job_key("b"), "ended", 1)  # as events/publish.lua does
    job_state.close("b")
    assert job_state.admit(["f"], limit=3, created_s=5)
    job_state.refuse("f")
    assert job_state.pending_count() == 2 and redis.zrange("slimgest:jobs", 0, -1) == [b"a", b"b", b"e"]


def test_attempts_are_counted_per_range_and_an_end_is_reported(job_state: JobState, redis: fakeredis.FakeRedis) -> None:
    assert job_state.begin_attempt("a", 1, 4) == (1, False)
    assert job_state.begin_attempt("a", 1, 4) == (2, False)
    assert job_state.begin_attempt("a", 5, 8) == (1, False)
    job_state.undo_attempt("a", 1, 4)
    assert job_state.begin_attempt("a", 1, 4) == (2, False)
    redis.hset(job_key("a"), "ended", 1)  # as events/publish.lua does
    assert job_state.begin_attempt("a", 5, 8) == (2, True)


def test_an_undone_attempt_leaves_no_field_and_cannot_be_undone_twice(
    job_state: JobState, redis: fakeredis.FakeRedis
) -> None:
    job_state.begin_attempt("a", 0, 0)
    job_state.undo_attempt("a", 0, 0)
    assert not redis.exists(job_key("a", "attempts"))
    job_state.undo_attempt("a", 0, 0)  # as if the job had ended in the meantime
    assert not redis.exists(job_key("a", "attempts")), "the key would never expire"
    assert job_state.begin_attempt("a", 0, 0) == (1, False)


def test_pages_ahead_are_the_pages_of_earlier_jobs(job_state: JobState, redis: fakeredis.FakeRedis) -> None:
    for order, job_id in enumerate("abc"):
        job_state.admit([job_id], limit=9, created_s=order)
    job_state.set_total_pages("a", 10)
    redis.setbit(job_key("a", "done"), 1, 1)
    assert job_state.pages_ahead("a") == 0
    assert job_state.pages_ahead("b") == 9
    assert job_state.pages_ahead("c") == 10, "the pages of b are not counted yet: it counts as one"
    assert job_state.pages_ahead() == 11
    assert job_state.pages_ahead_of_each() == {"a": 0, "b": 9, "c": 10}
    assert job_state.progress(["a"]) == [Progress(total_pages=10, pages_done=1, pages_failed=0)]


def test_an_expired_job_leaves_only_its_marker(job_state: JobState, redis: fakeredis.FakeRedis) -> None:
    job_state.admit(["a"], limit=9, created_s=1)
    job_state.begin_attempt("a", 1, 1)
    assert not job_state.expired("a")
    job_state.expire("a")
    assert job_state.expired("a") and job_state.pending() == []
    assert not redis.keys("slimgest:job*")


def test_a_worker_without_a_heartbeat_expires(redis: fakeredis.FakeRedis) -> None:
    worker_registry = WorkerRegistry(redis)
    worker_registry.register(Worker(name="cpu0@a", device="cpu", engine="x", state="idle"))
    worker_registry.mark_busy("cpu0@a", "job", 3)
    (worker,) = worker_registry.workers()
    assert (worker.state, worker.job_id, worker.page_number) == ("busy", "job", 3)
    worker_registry.mark_idle("cpu0@a", memory_mb=50)
    assert worker_registry.workers()[0].job_id is None
    assert 0 < redis.ttl(_key("cpu0@a")) <= REGISTRATION_S and worker_registry.expired() == []
    redis.delete(_key("cpu0@a"))
    assert worker_registry.workers() == [] and worker_registry.expired() == ["cpu0@a"]
    worker_registry.deregister("cpu0@a")
    assert worker_registry.expired() == []
