"""A dead worker's messages are requeued: on a real Redis. With real workers: tests/faults/test_workers_die.py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from celery import Celery
from redis import Redis

from slimgest_celery.models.service import Worker
from slimgest_celery.state.worker_registry import WorkerRegistry
from tests.support.processes import embedded_redis
from workers import redelivery
from workers.redelivery import requeue_lost_workers, requeue_unacked, unacked_keys

DEAD, ALIVE = "cpu0@host", "cpu1@host"


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with embedded_redis(tmp_path / "redis") as url:
        yield url


@pytest.fixture
def redis(url: str) -> Iterator[Redis]:
    with Redis.from_url(url) as redis:
        yield redis


@pytest.fixture
def celery(url: str, monkeypatch: pytest.MonkeyPatch) -> Celery:
    celery = Celery("test", broker=url, set_as_current=False)
    celery.config_from_object("celeryconfig")
    celery.conf.broker_url = url
    monkeypatch.setattr(redelivery, "app", celery)
    return celery


def _receive(celery: Celery, node: str) -> None:
    """Receive a message as a worker of this name does, and never acknowledge it."""
    options = {**celery.conf.broker_transport_options, **unacked_keys(node)}
    connection = celery.connection_for_read(transport_options=options)
    channel = connection.default_channel
    assert channel.basic_get("pages") is not None
    channel.qos._delivered.clear()  # a killed process requeues nothing when its connection closes
    connection.close()


def _send(celery: Celery, count: int) -> None:
    for number in range(count):
        celery.send_task("slimgest.pages", args=("a job", number, number), priority=5)


def test_the_messages_of_one_worker_are_requeued_and_those_of_others_are_not(celery: Celery, redis: Redis) -> None:
    _send(celery, 2)
    for node in (DEAD, ALIVE):
        _receive(celery, node)
    assert redis.llen("pages:5") == 0
    for _ in range(2):  # safe to repeat
        requeue_unacked(celery, DEAD)
        assert redis.llen("pages:5") == 1
    assert redis.hlen(unacked_keys(DEAD)["unacked_key"]) == 0
    assert redis.hlen(unacked_keys(ALIVE)["unacked_key"]) == 1


def test_workers_whose_heartbeat_has_expired_are_deregistered_and_their_messages_requeued(
    celery: Celery, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = WorkerRegistry(redis)
    monkeypatch.setattr(redelivery, "components", lambda: SimpleNamespace(worker_registry=registry, redis=redis))
    _send(celery, 2)
    for node in (DEAD, ALIVE):
        registry.register(Worker(name=node, device="cpu", engine="e", state="idle"))
        _receive(celery, node)
    assert requeue_lost_workers.run() == []
    redis.delete(f"slimgest:worker:{DEAD}")  # as by its expiry
    assert requeue_lost_workers.run() == [DEAD]
    assert (redis.llen("pages:5"), registry.expired()) == (1, [])
    assert [worker.name for worker in registry.workers()] == [ALIVE]
