"""The registry of workers. Redis is in memory."""

from __future__ import annotations

from fakeredis import FakeRedis

from slimgest_celery.models.service import Worker
from slimgest_celery.state.worker_registry import WorkerRegistry

CPU0 = Worker(name="cpu0@somewhere", device="cpu", engine="by-colour", state="idle")


def test_a_worker_that_expired_is_registered_again_by_its_next_heartbeat() -> None:
    redis = FakeRedis()
    worker_registry = WorkerRegistry(redis)
    worker_registry.register(CPU0)
    for key in redis.keys("slimgest:worker:*"):  # as if its registration had expired
        redis.delete(key)
    assert (worker_registry.workers(), worker_registry.expired()) == ([], [CPU0.name])
    worker_registry.deregister(CPU0.name)  # its tasks were requeued
    worker_registry.mark_busy(CPU0.name, "a job", 3)  # but it was only disconnected, and continues
    assert worker_registry.workers() == []
    worker_registry.heartbeat(CPU0)
    assert (worker_registry.workers(), worker_registry.expired()) == ([CPU0], [])
    assert all(redis.ttl(key) > 0 for key in redis.keys("slimgest:worker:*"))


def test_a_registration_has_the_languages_of_the_worker() -> None:
    worker_registry = WorkerRegistry(FakeRedis())
    worker = CPU0.model_copy(update={"languages": ("de", "zh-Hans")})
    worker_registry.register(worker)
    assert worker_registry.workers() == [worker]


def test_a_heartbeat_does_not_change_the_task_of_a_worker() -> None:
    worker_registry = WorkerRegistry(FakeRedis())
    worker_registry.register(CPU0)
    worker_registry.mark_busy(CPU0.name, "a job", 3)
    worker_registry.heartbeat(CPU0)
    assert [(worker.state, worker.page_number) for worker in worker_registry.workers()] == [("busy", 3)]


def test_busy_seconds_grow_while_a_worker_is_busy_and_never_decrease() -> None:
    worker_registry = WorkerRegistry(FakeRedis())
    worker_registry.register(Worker(name="cpu0@a", device="cpu", engine="x", state="idle"))
    seen = [worker_registry.workers()[0].busy_seconds]
    for _ in range(3):
        worker_registry.mark_busy("cpu0@a", "job", 1)
        seen += [worker_registry.workers()[0].busy_seconds, worker_registry.workers()[0].busy_seconds]
        worker_registry.mark_idle("cpu0@a", memory_mb=120)
        seen += [worker_registry.workers()[0].busy_seconds]
    assert seen == sorted(seen) and seen[0] == 0 < seen[1] < seen[2]
    assert worker_registry.workers()[0].memory_mb == 120
