"""A task yields to higher-priority work: when it does, after which page, and who reads the rest.

A worker may die after it has sent the rest and before it has acknowledged its message: then both are read.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import fakeredis
import pytest
from celery import Celery
from redis import Redis

from slimgest_celery.errors import BrokerUnavailable
from slimgest_celery.models.events import BEGINNING
from slimgest_celery.models.job import Job, Options
from slimgest_celery.models.record import now
from slimgest_celery.pipeline.context import WorkerContext
from slimgest_celery.pipeline.ingest import ingest_job
from slimgest_celery.pipeline.page_range import PageRange, split_into_ranges
from slimgest_celery.pipeline.pages import read_pages, read_until_preempted
from slimgest_celery.pipeline.preemption import Preemption
from slimgest_celery.state.queues import REQUEUED, list_name
from tests.support import pdfs
from tests.support.worker_context import FakeDevice, worker_context


@pytest.fixture
def redis() -> Iterator[Redis]:
    with fakeredis.FakeRedis() as redis:
        yield redis


def _celery(*consumed: str) -> Celery:
    celery = Celery("test", set_as_current=False)
    celery.config_from_object("celeryconfig")
    celery.amqp.queues.select(consumed)
    return celery


@pytest.fixture(params=[1, 4], ids=["singly", "in batches"])
def context(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[WorkerContext]:
    """A worker context without higher-priority work."""
    with worker_context(tmp_path, FakeDevice(0, request.param)) as context:
        yield context


def _plan_job(context: WorkerContext, pages: int) -> str:
    job = Job(job_id=str(uuid4()), filename="test.pdf", options=Options(), created_at=now())
    context.files.create(job, io.BytesIO(pdfs.numbered(pages)), None)
    assert ingest_job(context, job.job_id)
    return job.job_id


def _preempted(context: WorkerContext, should_yield: Callable[[], bool] = lambda: True) -> WorkerContext:
    """Return the context with higher-priority work that waits all the time."""
    return replace(context, should_yield=should_yield)


def _stored(context: WorkerContext, job_id: str) -> list[int]:
    return sorted(context.files.pages(job_id))


def _published(context: WorkerContext, job_id: str) -> list[int]:
    events = context.events.replay(job_id, BEGINNING)
    return sorted(event.data["page_number"] for event in events if event.type == "page")


@pytest.mark.parametrize("waiting", ["ingest", "exports", "pages:1"])
def test_a_task_yields_to_the_opening_the_end_and_the_first_pages_of_a_job_and_to_images(
    redis: Redis, waiting: str
) -> None:
    preemption = Preemption(_celery(), redis, below=REQUEUED, every_s=0)
    assert not preemption.should_yield()
    redis.lpush(waiting, "a message")
    assert preemption.should_yield()


@pytest.mark.parametrize("waiting", ["pages:2", "pages:3", "exports:3"])
def test_a_task_does_not_yield_to_work_with_a_lower_priority_than_its_rest(redis: Redis, waiting: str) -> None:
    redis.lpush(waiting, "a message")
    assert not Preemption(_celery(), redis, below=REQUEUED, every_s=0).should_yield()


def test_a_task_does_not_yield_to_queues_that_its_worker_does_not_consume(redis: Redis) -> None:
    redis.lpush("ingest", "a message")
    assert not Preemption(_celery("pages"), redis, below=REQUEUED, every_s=0).should_yield()


@pytest.mark.parametrize("task", ["slimgest.sweep", "slimgest.rescue", "slimgest.reconcile"])
def test_a_task_does_not_yield_to_periodic_tasks(redis: Redis, task: str) -> None:
    celery = _celery()
    options = next(entry["options"] for entry in celery.conf.beat_schedule.values() if entry["task"] == task)
    redis.lpush(list_name(celery, "ingest", options["priority"]), "a message")
    assert not Preemption(celery, redis, below=REQUEUED, every_s=0).should_yield()


@pytest.mark.alone
def test_no_more_workers_yield_than_messages_wait(redis: Redis) -> None:
    workers = [Preemption(_celery(), redis, below=REQUEUED, every_s=0) for _ in range(5)]
    redis.lpush("ingest", "a message")
    redis.lpush("pages:1", "another")
    assert [worker.should_yield() for worker in workers] == [True, True, False, False, False]
    time.sleep(0.1)  # no worker has received these messages
    assert workers[4].should_yield()


@pytest.mark.alone
def test_the_minimum_time_of_a_task_starts_with_its_first_page(redis: Redis) -> None:
    """The time to open a large PDF does not count: otherwise each task would read one page only."""
    redis.lpush("ingest", "a message")
    preemption = Preemption(_celery(), redis, below=REQUEUED, every_s=0.05)
    time.sleep(0.1)
    assert not preemption.should_yield()
    time.sleep(0.06)
    assert preemption.should_yield()


def test_redis_is_asked_once_per_interval_and_not_before_the_first_one_ends(redis: Redis) -> None:
    redis.lpush("ingest", "a message")
    assert not Preemption(_celery(), redis, below=REQUEUED, every_s=60).should_yield()


def test_a_task_does_not_yield_while_redis_is_unavailable() -> None:
    server = fakeredis.FakeServer()
    server.connected = False
    assert not Preemption(_celery(), fakeredis.FakeRedis(server=server), below=REQUEUED, every_s=0).should_yield()


def test_the_priority_of_a_rest_is_between_the_first_and_the_later_pages_of_jobs() -> None:
    priorities = {page_range.priority for page_range in split_into_ranges(range(1, 1001), lambda _left: 1)}
    assert min(priorities) < REQUEUED and REQUEUED not in priorities


def test_the_first_pages_of_a_job_are_read_without_yielding(context: WorkerContext) -> None:
    job_id = _plan_job(context, 2)
    assert read_until_preempted(_preempted(context), job_id, 1, 2) is None
    assert _stored(context, job_id) == [1, 2]


def test_each_task_reads_at_least_one_page_before_it_yields(context: WorkerContext) -> None:
    job_id, first, tasks = _plan_job(context, 8), 1, 0
    while rest := read_until_preempted(_preempted(context), job_id, first, 8):
        assert rest.first > first and (rest.last, rest.priority) == (8, REQUEUED)
        assert _stored(context, job_id) == list(range(1, rest.first)), (
            "all pages before the rest are stored when the rest is returned"
        )
        first, tasks = rest.first, tasks + 1
    assert 1 < tasks <= 6
    assert _published(context, job_id) == list(range(1, 9))
    assert {page.attempts for page in context.files.pages(job_id).values()} == {1}


def test_the_second_attempt_at_a_range_does_not_yield(context: WorkerContext) -> None:
    job_id = _plan_job(context, 6)
    context.job_state.begin_attempt(job_id, 1, 6)
    assert read_until_preempted(_preempted(context), job_id, 1, 6) is None
    assert _stored(context, job_id) == list(range(1, 7))


def test_a_range_and_its_rest_each_end_with_all_pages_stored(context: WorkerContext) -> None:
    def read_range(job_id: str) -> PageRange | None:
        return read_until_preempted(_preempted(context), job_id, 1, 6)

    def read_rest(job_id: str) -> PageRange | None:
        return read_until_preempted(context, job_id, rest.first, rest.last)

    for first, second in ((read_range, read_rest), (read_rest, read_range)):
        job_id = _plan_job(context, 6)
        rest = read_range(job_id)
        assert rest
        assert first(job_id) is None
        assert _stored(context, job_id) == list(range(1, 7)), "the chord counts the range as read"
        assert second(job_id) is None
        assert _published(context, job_id) == list(range(1, 7))


def test_a_range_and_its_rest_can_be_read_at_the_same_time(context: WorkerContext) -> None:
    job_id = _plan_job(context, 6)
    rest = read_until_preempted(_preempted(context), job_id, 1, 6)
    assert rest
    stored_at_the_end: list[list[int]] = []

    def read_range_again() -> bool:
        if not stored_at_the_end:
            assert read_until_preempted(context, job_id, 1, 6) is None
            stored_at_the_end.append(_stored(context, job_id))
        return True

    while rest:
        rest = read_until_preempted(_preempted(context, read_range_again), job_id, rest.first, rest.last)
    assert stored_at_the_end == [list(range(1, 7))], "the range ended while its rest was being read"
    assert _published(context, job_id) == list(range(1, 7))
    assert {page.error for page in context.files.pages(job_id).values()} == {None}


def test_a_rest_that_cannot_be_sent_is_read_by_the_same_task(context: WorkerContext) -> None:
    job_id = _plan_job(context, 8)
    refused: list[PageRange] = []

    def no_broker(rest: PageRange) -> None:
        refused.append(rest)
        raise BrokerUnavailable

    read_pages(_preempted(context), job_id, 1, 8, 0, no_broker)
    assert refused
    assert _stored(context, job_id) == _published(context, job_id) == list(range(1, 9))
