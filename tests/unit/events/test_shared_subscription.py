"""One subscription for all subscribers of a process. Redis is in memory."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import fakeredis
import pytest
from redis.exceptions import OutOfMemoryError

from slimgest_celery.events.event_log import EventLog
from slimgest_celery.events.shared_subscription import SharedSubscription, Signal, Subscriber
from slimgest_celery.models.events import Event
from slimgest_celery.state.job_state import job_key
from slimgest_celery.storage.job_files import JobFiles

WITHIN_S = 10.0


@pytest.fixture
def redis() -> Iterator[fakeredis.FakeRedis]:
    with fakeredis.FakeRedis() as made:
        yield made


def test_messages_still_arrive_if_redis_refuses_the_count(redis: fakeredis.FakeRedis) -> None:
    refused = []

    def refuse(count: int) -> None:
        refused.append(count)
        raise OutOfMemoryError("command not allowed when used memory > 'maxmemory'")

    subscription: SharedSubscription[bytes] = SharedSubscription(redis, lambda message: message, refuse)
    subscriber = subscription.subscribe("news")
    assert subscriber.get(10) is Signal.RESYNC and refused
    redis.publish("news", "a message")
    assert subscriber.get(10) == b"a message"
    subscription.unsubscribe(subscriber)


@pytest.mark.parametrize(
    "invalid",
    [
        "[" * 200_000,
        "{}",
        '{"id":"1-1","type":["page"],"data":{}}',
        '{"id":"1-1","type":"page","data":[]}',
        '{"id":1,"type":"page","data":{}}',
    ],
    ids=["deep", "empty", "type", "data", "id"],
)
def test_invalid_messages_on_a_channel_are_ignored(redis: fakeredis.FakeRedis, tmp_path: Path, invalid: str) -> None:
    job_id = str(uuid4())
    events = EventLog(redis, JobFiles(str(tmp_path)), 60)
    with events.follow(job_id, heartbeat_s=0.05) as stream:
        news = iter(stream)
        assert next(news) is None  # it has read the stream, which is empty
        redis.publish(job_key(job_id, "events"), invalid)
        redis.publish(job_key(job_id, "events"), '{"id":"2-1","type":"error","data":{"code":"x"}}')
        assert next(filter(None, news)) == Event(id="2-1", type="error", data={"code": "x"})


class Parser:
    """A parser that records what it parses."""

    def __init__(self) -> None:
        self.parsed: list[bytes] = []

    def __call__(self, message: bytes) -> str | None:
        self.parsed.append(message)
        return None if message == b"invalid" else message.decode()


def test_a_message_is_parsed_once_for_all_subscribers(redis: fakeredis.FakeRedis) -> None:
    parse = Parser()
    subscription: SharedSubscription[str] = SharedSubscription(redis, parse)
    subscribers = [subscription.subscribe("a") for _ in range(3)]
    assert [subscriber.get(WITHIN_S) for subscriber in subscribers] == [Signal.RESYNC] * 3
    for message in (b"invalid", b"one", b"two"):
        redis.publish("a", message)
    for subscriber in subscribers:
        assert [subscriber.get(WITHIN_S), subscriber.get(WITHIN_S)] == ["one", "two"]
        subscription.unsubscribe(subscriber)
    assert parse.parsed == [b"invalid", b"one", b"two"]


def test_a_further_subscriber_of_an_active_channel_must_resync(redis: fakeredis.FakeRedis) -> None:
    subscription: SharedSubscription[str] = SharedSubscription(redis, Parser())
    first = subscription.subscribe("a")
    assert first.get(WITHIN_S) is Signal.RESYNC
    second = subscription.subscribe("a")
    assert second.get(WITHIN_S) is Signal.RESYNC
    subscription.unsubscribe(first)
    redis.publish("a", "one")
    assert second.get(WITHIN_S) == "one", "one subscriber left, the other stays subscribed"
    subscription.unsubscribe(second)


def test_a_slow_subscriber_must_resync_instead_of_growing_a_backlog() -> None:
    subscriber: Subscriber[int] = Subscriber("a")
    for number in range(5000):
        subscriber.put(number)
    received = [subscriber.get(0.0) for _ in range(201)]
    assert received[:200] == list(range(200)) and received[200] is Signal.RESYNC
    subscriber.put(7)
    assert subscriber.get(0.0) == 7 and subscriber.get(0.0) is None


def test_a_slow_subscriber_holds_a_bounded_amount_of_text() -> None:
    subscriber: Subscriber[str] = Subscriber("a")
    for _ in range(10):
        subscriber.put("long", size=300_000)
    received = [subscriber.get(0.0) for _ in range(5)]
    assert received == ["long"] * 4 + [Signal.RESYNC]
    subscriber.put("another", size=300_000)
    assert subscriber.get(0.0) == "another" and subscriber.get(0.0) is None


def test_without_subscribers_the_subscription_and_its_thread_end(redis: fakeredis.FakeRedis) -> None:
    counts: list[int] = []
    over = threading.Event()
    subscription: SharedSubscription[str] = SharedSubscription(
        redis, Parser(), lambda count: (counts.append(count), over.set() if not count else None)
    )
    subscriber = subscription.subscribe("a")
    assert subscriber.get(WITHIN_S) is Signal.RESYNC
    subscription.unsubscribe(subscriber)
    subscription.unsubscribe(subscriber)
    assert over.wait(WITHIN_S), "the thread has reported a count of 0, and ended"
    assert redis.pubsub_channels() == [] and counts[0] == 1
    again = subscription.subscribe("a")
    assert again.get(WITHIN_S) is Signal.RESYNC
    subscription.unsubscribe(again)
