"""One subscription for all subscribers, on a real Redis that is killed and restarted."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis.exceptions import RedisError

from slimgest_celery.app import connect
from slimgest_celery.config import Settings
from slimgest_celery.events.shared_subscription import SharedSubscription, Signal, Subscriber
from tests.support.processes import start, wait_ready
from tests.support.stack import wait_for
from workers.redis_server import EmbeddedRedis, prepare_server


class Server:
    """A Redis that restarts at the same address."""

    def __init__(self, folder: Path) -> None:
        self.redis: EmbeddedRedis = prepare_server(folder)
        self.start()

    def start(self) -> None:
        self._process = start(self.redis.argv, start_new_session=True)
        wait_ready(self.redis)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    running = Server(tmp_path)
    yield running
    running.kill()


def test_every_subscriber_receives_messages_after_redis_restarted(server: Server) -> None:
    client = connect(Settings.model_validate({"SLIMGEST_REDIS_URL": server.redis.url}))
    subscription: SharedSubscription[bytes] = SharedSubscription(client, lambda message: message)
    subscribers = {f"before {number}": subscription.subscribe(f"before {number}") for number in range(100)}
    over = threading.Event()

    def subscribe_more() -> None:
        """Add subscribers all the time."""
        for number in range(10**6):
            if over.wait(0.005):
                return
            try:
                subscribers[f"later {number}"] = subscription.subscribe(f"later {number}")
            except RedisError:  # Redis is down
                continue

    adding = threading.Thread(target=subscribe_more)
    adding.start()
    for _ in range(3):
        server.kill()
        server.start()
        client.ping()
    over.set()
    adding.join()
    wait_for(lambda: len(client.pubsub_channels()) == len(subscribers), what="a subscription for each")
    for channel in subscribers:
        client.publish(channel, channel)
    for channel, subscriber in subscribers.items():
        assert _next_message(subscriber) == channel.encode()
        subscription.unsubscribe(subscriber)
    wait_for(lambda: client.pubsub_channels() == [], what="the end of all subscriptions")
    client.close()


def _next_message(subscriber: Subscriber[bytes]) -> bytes | None:
    """Return the next message."""
    while (received := subscriber.get(10)) is Signal.RESYNC:
        pass
    assert not isinstance(received, Signal)
    return received
