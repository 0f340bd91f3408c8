"""One subscription for all listeners, on a real Redis that dies and comes back."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis.exceptions import RedisError

from slimgest_celery.app import connect
from slimgest_celery.config import Settings
from slimgest_celery.hub import Hub, Listener, Told
from tests.support.stack import wait_for
from workers.redis_server import EmbeddedRedis, prepare, wait_ready


class Server:
    """A Redis that keeps its address."""

    def __init__(self, folder: Path) -> None:
        self.redis: EmbeddedRedis = prepare(folder)
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(self.redis.argv, start_new_session=True)
        wait_ready(self.redis)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    running = Server(tmp_path)
    yield running
    running.kill()


def test_a_redis_that_restarts_leaves_no_listener_deaf(server: Server) -> None:
    client = connect(Settings.model_validate({"SLIMGEST_REDIS_URL": server.redis.url}))
    hub: Hub[bytes] = Hub(client, lambda message: message)
    listeners = {f"before {number}": hub.listen(f"before {number}") for number in range(100)}
    over = threading.Event()

    def come() -> None:
        """Others, all the while."""
        for number in range(10**6):
            if over.wait(0.005):
                return
            try:
                listeners[f"later {number}"] = hub.listen(f"later {number}")
            except RedisError:  # there is none at the moment
                continue

    coming = threading.Thread(target=come)
    coming.start()
    for _ in range(3):
        server.kill()
        server.start()
        client.ping()
    over.set()
    coming.join()
    wait_for(lambda: len(client.pubsub_channels()) == len(listeners), what="a subscription for each")
    for channel in listeners:
        client.publish(channel, channel)
    for channel, listener in listeners.items():
        assert _heard(listener) == channel.encode()
        hub.leave(listener)
    wait_for(lambda: client.pubsub_channels() == [], what="the end of all subscriptions")
    client.close()


def _heard(listener: Listener[bytes]) -> bytes | None:
    """The next message."""
    while (told := listener.get(10)) is Told.LOOK:
        pass
    assert not isinstance(told, Told)
    return told
