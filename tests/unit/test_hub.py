"""One subscription for all listeners of a process, whatever Redis refuses and whoever publishes. Redis is in memory."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import fakeredis
import pytest
from redis.exceptions import OutOfMemoryError

from slimgest_celery.event import Event
from slimgest_celery.events import Events
from slimgest_celery.files import JobFiles
from slimgest_celery.hub import Hub, Listener, Told
from slimgest_celery.ledger import job_key

WITHIN_S = 10.0


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


class Parser:
    """Counts what it parses."""

    def __init__(self) -> None:
        self.parsed: list[bytes] = []

    def __call__(self, message: bytes) -> str | None:
        self.parsed.append(message)
        return None if message == b"nonsense" else message.decode()


def test_a_message_is_parsed_once_for_all_who_listen(redis: fakeredis.FakeRedis) -> None:
    parse = Parser()
    hub: Hub[str] = Hub(redis, parse)
    listeners = [hub.listen("a") for _ in range(3)]
    assert [listener.get(WITHIN_S) for listener in listeners] == [Told.LOOK] * 3
    for message in (b"nonsense", b"one", b"two"):
        redis.publish("a", message)
    for listener in listeners:
        assert [listener.get(WITHIN_S), listener.get(WITHIN_S)] == ["one", "two"]
        hub.leave(listener)
    assert parse.parsed == [b"nonsense", b"one", b"two"]


def test_who_comes_to_a_standing_subscription_is_told_to_look(redis: fakeredis.FakeRedis) -> None:
    hub: Hub[str] = Hub(redis, Parser())
    first = hub.listen("a")
    assert first.get(WITHIN_S) is Told.LOOK
    second = hub.listen("a")
    assert second.get(WITHIN_S) is Told.LOOK
    hub.leave(first)
    redis.publish("a", "one")
    assert second.get(WITHIN_S) == "one", "the other's leaving ends nothing"
    hub.leave(second)


def test_a_slow_listener_is_told_to_look_instead_of_piling_up() -> None:
    listener: Listener[int] = Listener("a")
    for number in range(5000):
        listener.put(number)
    heard = [listener.get(0.0) for _ in range(201)]
    assert heard[:200] == list(range(200)) and heard[200] is Told.LOOK
    listener.put(7)
    assert listener.get(0.0) == 7 and listener.get(0.0) is None


def test_nothing_is_left_when_nobody_listens(redis: fakeredis.FakeRedis) -> None:
    told: list[int] = []
    over = threading.Event()
    hub: Hub[str] = Hub(redis, Parser(), lambda count: (told.append(count), over.set() if not count else None))
    listener = hub.listen("a")
    assert listener.get(WITHIN_S) is Told.LOOK
    hub.leave(listener)
    hub.leave(listener)
    assert over.wait(WITHIN_S), "its thread has told that nobody listens, and ended"
    assert redis.pubsub_channels() == [] and told[0] == 1
    again = hub.listen("a")
    assert again.get(WITHIN_S) is Told.LOOK
    hub.leave(again)
