"""The list of jobs in Redis, by owner and end state. Redis is in memory."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from unittest import mock

import fakeredis
import pytest

from slimgest_celery.models.job import Job, JobStatus, Options
from slimgest_celery.state import job_index as module
from slimgest_celery.state.job_index import JobIndex, Position
from slimgest_celery.state.job_state import JobState

COMPLETED, FAILED, QUEUED = JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.QUEUED


@pytest.fixture
def redis() -> Iterator[fakeredis.FakeRedis]:
    with fakeredis.FakeRedis() as client:
        yield client


@pytest.fixture
def index(redis: fakeredis.FakeRedis) -> JobIndex:
    return JobIndex(redis)


def _job(job_id: str, created_s: float, owner: str | None = None) -> Job:
    created_at = datetime.fromtimestamp(created_s, UTC)
    return Job(job_id=job_id, filename=f"{job_id}.pdf", options=Options(), created_at=created_at, owner=owner)


def _ids(index: JobIndex, *statuses: JobStatus, owner: str | None = None, **how: object) -> list[str]:
    bounds = {"before": None, "since_s": -math.inf, **how}
    return [position.job_id for position in index.positions(owner, statuses, **bounds)]  # type: ignore[arg-type]


@pytest.fixture
def filled(index: JobIndex, redis: fakeredis.FakeRedis) -> JobIndex:
    """Four jobs: `a` completed, `b` failed, `c` and `d` of the same moment pending; and one of another owner."""
    for job_id, created_s, owner in (("a", 1, None), ("b", 2, None), ("c", 3, None), ("d", 3, None), ("x", 2, "eve")):
        assert JobState(redis, 60).admit([job_id], 9, created_s, owner)
        index.enter(_job(job_id, created_s, owner))
    for job_id, status in (("a", COMPLETED), ("b", FAILED)):
        redis.hset(f"slimgest:job:{job_id}", "ended", 1)  # as events/publish.lua does
        index.mark_ended(job_id, status, None)
        JobState(redis, 60).close(job_id)
    return index


def test_jobs_are_listed_newest_first_by_owner_and_state(filled: JobIndex) -> None:
    assert _ids(filled) == ["d", "c", "b", "a"] and _ids(filled, owner="eve") == ["x"]
    assert _ids(filled, FAILED) == ["b"] and _ids(filled, COMPLETED, FAILED) == ["b", "a"]
    assert _ids(filled, QUEUED) == ["d", "c"] and _ids(filled, QUEUED, COMPLETED) == ["d", "c", "a"]
    assert _ids(filled, QUEUED, owner="eve") == ["x"] and _ids(filled, FAILED, owner="eve") == []
    assert _ids(filled, since_s=2) == ["d", "c", "b"]
    assert filled.filenames(["b", "?"], None) == ["b.pdf", None] and filled.filenames([], None) == []
    assert (filled.count(None), filled.owner_of("x"), filled.owner_of("a")) == (4, "eve", None)


def test_a_position_stays_where_jobs_come_and_go(filled: JobIndex, redis: fakeredis.FakeRedis) -> None:
    before = Position(3, "d")
    assert _ids(filled, before=before) == ["c", "b", "a"]
    JobState(redis, 60).admit(["e"], 9, 4)
    JobState(redis, 60).expire("d")
    assert _ids(filled, before=before) == ["c", "b", "a"] and _ids(filled, QUEUED, before=before) == ["c"]
    assert filled.position_at(1, None) == Position(3, "c") and filled.position_at(9, None) is None


@pytest.mark.parametrize("at_once", [1, 2, 3, 7])
def test_a_long_list_is_read_in_parts_also_if_many_jobs_are_of_the_same_moment(
    index: JobIndex, redis: fakeredis.FakeRedis, at_once: int
) -> None:
    jobs = {f"{number:02}": 1 + number // 5 for number in range(20)}
    redis.zadd("slimgest:jobs", jobs)
    with mock.patch.object(module, "_AT_ONCE", at_once):
        assert _ids(index) == sorted(jobs, reverse=True)
        assert _ids(index, before=Position(2, "07")) == ["06", "05", "04", "03", "02", "01", "00"]


def test_a_job_that_is_sent_again_has_no_end_state(filled: JobIndex, redis: fakeredis.FakeRedis) -> None:
    filled.enter(_job("b", 2))
    assert _ids(filled, FAILED) == []


def test_what_redis_lost_is_restored_and_a_deleted_job_leaves_nothing(
    filled: JobIndex, redis: fakeredis.FakeRedis
) -> None:
    redis.flushall()
    filled.restore(_job("a", 1, "eve"), COMPLETED)
    filled.restore(_job("b", 2, "eve"), None)
    assert _ids(filled, owner="eve") == ["b", "a"] and _ids(filled, COMPLETED, owner="eve") == ["a"]
    assert filled.filenames("ab", "eve") == ["a.pdf", "b.pdf"]
    for job_id in "ab":
        JobState(redis, 60).expire(job_id, "eve")
    filled.mark_ended("a", COMPLETED, "eve")  # by a worker that was late
    assert [key for key in redis.keys("*") if b"expired" not in key] == []
