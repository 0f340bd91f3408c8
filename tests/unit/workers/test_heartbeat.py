"""The heartbeat of a worker, on a Redis in memory. The heartbeat's thread is not started: the tests call `beat`."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from types import SimpleNamespace

import fakeredis
import pytest
from redis import Redis

from slimgest_celery.config import Settings
from slimgest_celery.models.service import Worker
from slimgest_celery.state.worker_registry import WorkerRegistry
from workers import heartbeat
from workers.heartbeat import UNRESPONSIVE_S, Heartbeat

NODE = "cpu0@host"


class Clock:
    now_s = 0.0

    def monotonic(self) -> float:
        return self.now_s


@pytest.fixture
def redis() -> Iterator[Redis]:
    with fakeredis.FakeRedis() as redis:
        yield redis


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(heartbeat, "time", clock)
    return clock


@pytest.fixture
def waiting() -> list[str]:
    """The messages that wait in the queues."""
    return []


@pytest.fixture
def kills(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The signals that the worker sent to itself, recorded instead of sent."""
    kills: list[int] = []
    monkeypatch.setattr(heartbeat.os, "kill", lambda _pid, number: kills.append(number))
    return kills


@pytest.fixture
def beating(
    redis: Redis, clock: Clock, waiting: list[str], kills: list[int], monkeypatch: pytest.MonkeyPatch
) -> Heartbeat:
    queues = SimpleNamespace(any_waiting=lambda: bool(waiting))
    parts = SimpleNamespace(worker_registry=WorkerRegistry(redis), queue_lengths=queues)
    monkeypatch.setattr(heartbeat, "settings", lambda: Settings(SLIMGEST_ENGINE="tesseract"))
    monkeypatch.setattr(heartbeat, "connect", lambda _settings: redis)
    monkeypatch.setattr(heartbeat, "Components", lambda *_: parts)
    return Heartbeat(NODE)


def _register(redis: Redis, state: str) -> None:
    WorkerRegistry(redis).register(Worker(name=NODE, device="cpu", engine="tesseract 5", state=state))


def _workers(redis: Redis) -> list[tuple[str, str, str]]:
    return [(worker.name, worker.engine, worker.state) for worker in WorkerRegistry(redis).workers()]


def test_a_worker_is_registered_before_its_child_has_loaded_a_model(redis: Redis, beating: Heartbeat) -> None:
    beating.beat()
    assert _workers(redis) == [(NODE, "tesseract", "starting")]


def test_a_worker_that_redis_has_lost_is_registered_again_as_it_was(redis: Redis, beating: Heartbeat) -> None:
    _register(redis, "idle")
    beating.beat()
    redis.flushall()
    beating.beat()
    assert _workers(redis) == [(NODE, "tesseract 5", "idle")]


def test_a_stopped_worker_is_deregistered(redis: Redis, beating: Heartbeat) -> None:
    beating.beat()
    beating.stop()
    assert _workers(redis) == []


@pytest.mark.parametrize(
    ("state", "messages", "killed"),
    [("idle", ["a message"], True), ("busy", ["a message"], False), ("idle", [], False)],
    ids=["idle while messages wait", "busy", "no message waits"],
)
def test_only_an_idle_worker_that_asks_for_no_waiting_messages_kills_itself(
    redis: Redis,
    beating: Heartbeat,
    clock: Clock,
    waiting: list[str],
    kills: list[int],
    state: str,
    messages: list[str],
    killed: bool,
) -> None:
    _register(redis, state)
    waiting += messages
    for _ in range(2):
        beating.beat()
        assert kills == [], "not before the time has passed"
        clock.now_s += UNRESPONSIVE_S * 0.6
    beating.beat()
    assert kills == ([signal.SIGKILL] if killed else [])
