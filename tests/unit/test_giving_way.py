"""A span of a book gives way to more urgent work: when, after which page, and what becomes of its rest.

A worker may die when it has sent the rest and not yet acknowledged the span: then both are read.
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

from slimgest_celery import pipeline
from slimgest_celery.desk import Desk
from slimgest_celery.errors import BrokerUnavailable
from slimgest_celery.event import BEGINNING
from slimgest_celery.model import Job, Options, now
from slimgest_celery.queues import Urgency, list_name
from slimgest_celery.spans import GIVEN_BACK, Span, spans
from tests.support import pdfs
from tests.support.desk import FakeDevice, desk


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
def alone(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Desk]:
    """A desk at which nothing is urgent."""
    with desk(tmp_path, FakeDevice(0, request.param)) as found:
        yield found


def _planned(desk: Desk, pages: int) -> str:
    job = Job(job_id=str(uuid4()), filename="test.pdf", options=Options(), created_at=now())
    desk.jobs.files.create(job, io.BytesIO(pdfs.numbered(pages)), None)
    assert pipeline.plan(desk, job.job_id)
    return job.job_id


def _hurried(desk: Desk, urgent: Callable[[], bool] = lambda: True) -> Desk:
    return replace(desk, urgent=urgent)


def _stored(desk: Desk, job_id: str) -> list[int]:
    return sorted(desk.jobs.files.pages(job_id))


def _told(desk: Desk, job_id: str) -> list[int]:
    events = desk.jobs.events.replay(job_id, BEGINNING)
    return sorted(event.data["page_number"] for event in events if event.type == "page")


@pytest.mark.parametrize("waiting", ["ingest", "exports", "pages:1"])
def test_what_opens_or_ends_a_job_or_begins_it_or_is_looked_at_is_urgent(redis: Redis, waiting: str) -> None:
    urgency = Urgency(_celery(), redis, below=GIVEN_BACK, every_s=0)
    assert not urgency.waits()
    redis.lpush(waiting, "a message")
    assert urgency.waits()


@pytest.mark.parametrize("waiting", ["pages:2", "pages:3", "exports:3"])
def test_what_would_come_after_the_rest_of_a_span_is_not_urgent(redis: Redis, waiting: str) -> None:
    redis.lpush(waiting, "a message")
    assert not Urgency(_celery(), redis, below=GIVEN_BACK, every_s=0).waits()


def test_a_worker_gives_way_to_nothing_that_it_would_not_take(redis: Redis) -> None:
    redis.lpush("ingest", "a message")
    assert not Urgency(_celery("pages"), redis, below=GIVEN_BACK, every_s=0).waits()


@pytest.mark.parametrize("task", ["slimgest.sweep", "slimgest.rescue", "slimgest.reconcile"])
def test_what_the_service_does_for_itself_is_not_urgent(redis: Redis, task: str) -> None:
    celery = _celery()
    options = next(entry["options"] for entry in celery.conf.beat_schedule.values() if entry["task"] == task)
    redis.lpush(list_name(celery, "ingest", options["priority"]), "a message")
    assert not Urgency(celery, redis, below=GIVEN_BACK, every_s=0).waits()


def test_no_more_workers_give_way_than_messages_wait(redis: Redis) -> None:
    workers = [Urgency(_celery(), redis, below=GIVEN_BACK, every_s=0) for _ in range(5)]
    redis.lpush("ingest", "a message")
    redis.lpush("pages:1", "another")
    assert [worker.waits() for worker in workers] == [True, True, False, False, False]
    time.sleep(0.1)  # neither was taken up
    assert workers[4].waits()


def test_the_time_that_a_task_gets_begins_with_its_first_page(redis: Redis) -> None:
    """Not when it opens a large PDF: it would read one page each time."""
    redis.lpush("ingest", "a message")
    urgency = Urgency(_celery(), redis, below=GIVEN_BACK, every_s=0.05)
    time.sleep(0.1)
    assert not urgency.waits()
    time.sleep(0.06)
    assert urgency.waits()


def test_it_is_looked_seldom_and_not_before_something_was_done(redis: Redis) -> None:
    redis.lpush("ingest", "a message")
    assert not Urgency(_celery(), redis, below=GIVEN_BACK, every_s=60).waits()


def test_nothing_is_known_to_wait_where_redis_is_away() -> None:
    server = fakeredis.FakeServer()
    server.connected = False
    assert not Urgency(_celery(), fakeredis.FakeRedis(server=server), below=GIVEN_BACK, every_s=0).waits()


def test_the_rest_of_a_span_comes_before_the_bulk_of_any_job_and_after_the_start_of_all() -> None:
    priorities = {span.priority for span in spans(range(1, 1001), lambda _left: 1)}
    assert min(priorities) < GIVEN_BACK and GIVEN_BACK not in priorities


def test_the_start_of_a_job_gives_way_to_nothing(alone: Desk) -> None:
    job_id = _planned(alone, 2)
    assert pipeline.read(_hurried(alone), job_id, 1, 2) is None
    assert _stored(alone, job_id) == [1, 2]


def test_a_span_moves_on_by_a_page_each_time_however_much_is_urgent(alone: Desk) -> None:
    job_id, first, tasks = _planned(alone, 8), 1, 0
    while rest := pipeline.read(_hurried(alone), job_id, first, 8):
        assert rest.first > first and (rest.last, rest.priority) == (8, GIVEN_BACK)
        assert _stored(alone, job_id) == list(range(1, rest.first)), "all before the rest is stored when it is given"
        first, tasks = rest.first, tasks + 1
    assert 1 < tasks <= 6
    assert _told(alone, job_id) == list(range(1, 9))
    assert {page.attempts for page in alone.jobs.files.pages(job_id).values()} == {1}


def test_a_span_that_is_not_begun_for_the_first_time_gives_way_to_nothing(alone: Desk) -> None:
    job_id = _planned(alone, 6)
    alone.jobs.ledger.begin(job_id, 1, 6)
    assert pipeline.read(_hurried(alone), job_id, 1, 6) is None
    assert _stored(alone, job_id) == list(range(1, 7))


def test_whichever_of_a_span_and_its_rest_ends_first_finds_all_pages_stored(alone: Desk) -> None:
    def span(job_id: str) -> Span | None:
        return pipeline.read(_hurried(alone), job_id, 1, 6)

    def rest(job_id: str) -> Span | None:
        return pipeline.read(alone, job_id, given.first, given.last)

    for one, other in ((span, rest), (rest, span)):
        job_id = _planned(alone, 6)
        given = span(job_id)
        assert given
        assert one(job_id) is None
        assert _stored(alone, job_id) == list(range(1, 7)), "the chord counts the span as read"
        assert other(job_id) is None
        assert _told(alone, job_id) == list(range(1, 7))


def test_a_span_and_its_rest_may_be_read_at_the_same_time(alone: Desk) -> None:
    job_id = _planned(alone, 6)
    rest = pipeline.read(_hurried(alone), job_id, 1, 6)
    assert rest
    ends: list[list[int]] = []

    def meanwhile() -> bool:
        if not ends:
            assert pipeline.read(alone, job_id, 1, 6) is None
            ends.append(_stored(alone, job_id))
        return True

    while rest:
        rest = pipeline.read(_hurried(alone, meanwhile), job_id, rest.first, rest.last)
    assert ends == [list(range(1, 7))], "the span ended while its rest was in hand"
    assert _told(alone, job_id) == list(range(1, 7))
    assert {page.error for page in alone.jobs.files.pages(job_id).values()} == {None}


def test_a_rest_that_cannot_be_sent_is_read_on(alone: Desk) -> None:
    job_id = _planned(alone, 8)
    given: list[Span] = []

    def no_broker(rest: Span) -> None:
        given.append(rest)
        raise BrokerUnavailable

    pipeline.read_through(_hurried(alone), job_id, 1, 8, 0, no_broker)
    assert given
    assert _stored(alone, job_id) == _told(alone, job_id) == list(range(1, 9))
