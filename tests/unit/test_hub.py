"""Whoever listens hears on, whatever Redis refuses and whoever publishes. With a Redis in memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import fakeredis
import pytest
from redis.exceptions import OutOfMemoryError

from slimgest_celery.events import Event, Events
from slimgest_celery.files import JobFiles
from slimgest_celery.hub import Hub, Told
from slimgest_celery.ledger import job_key


@pytest.fixture
def redis() -> Iterator[fakeredis.FakeRedis]:
    with fakeredis.FakeRedis() as made:
        yield made


def test_a_count_that_redis_refuses_makes_nobody_deaf(redis: fakeredis.FakeRedis) -> None:
    refused = []

    def refuse(count: int) -> None:
        refused.append(count)
        raise OutOfMemoryError("command not allowed when used memory > 'maxmemory'")

    hub: Hub[bytes] = Hub(redis, lambda message: message, refuse)
    listener = hub.listen("news")
    assert listener.get(10) is Told.LOOK and refused
    redis.publish("news", "heard")
    assert listener.get(10) == b"heard"
    hub.leave(listener)


@pytest.mark.parametrize(
    "nonsense",
    [
        "[" * 200_000,
        "{}",
        '{"id":"1-1","type":["page"],"data":{}}',
        '{"id":"1-1","type":"page","data":[]}',
        '{"id":1,"type":"page","data":{}}',
    ],
    ids=["deep", "empty", "type", "data", "id"],
)
def test_nonsense_on_a_channel_is_passed_over(redis: fakeredis.FakeRedis, tmp_path: Path, nonsense: str) -> None:
    job_id = str(uuid4())
    events = Events(redis, JobFiles(str(tmp_path)), 60)
    with events.follow(job_id, heartbeat_s=0.05) as feed:
        news = iter(feed)
        assert next(news) is None  # it has looked, and there is nothing
        redis.publish(job_key(job_id, "events"), nonsense)
        redis.publish(job_key(job_id, "events"), '{"id":"2-1","type":"error","data":{"code":"x"}}')
        assert next(filter(None, news)) == Event(id="2-1", type="error", data={"code": "x"})
