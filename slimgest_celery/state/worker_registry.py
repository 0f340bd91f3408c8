"""The registry of workers and their current tasks. The workers write it; `GET /` reads it.

slimgest:worker:{name}    hash of a `Worker`'s fields: its registration, which expires REGISTRATION_S after the last
                          heartbeat; while the worker is busy also `busy_since`, in seconds on Redis's clock
slimgest:workers          set of the names of all workers that have registered and not deregistered
"""

from __future__ import annotations

from contextlib import suppress

from redis import Redis

from slimgest_celery.models.service import Worker
from slimgest_celery.state.lua_scripts import load_script

REGISTRATION_S = 15
HEARTBEAT_EVERY_S = 3
WORKER_NAMES = "slimgest:workers"


def _key(name: str) -> str:
    return f"slimgest:worker:{name}"


class WorkerRegistry:
    """The registered workers. A name is a Celery node name, `cpu0@host`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._busy = load_script(redis, __name__, "mark_busy")
        self._idle = load_script(redis, __name__, "mark_idle")

    def register(self, worker: Worker) -> None:
        """Add a worker, or replace its whole registration."""
        known = worker.model_dump(exclude_none=True) | {"languages": " ".join(worker.languages)}
        fields = {name: str(value) for name, value in known.items()}
        with self._redis.pipeline() as pipe:
            pipe.sadd(WORKER_NAMES, worker.name).delete(_key(worker.name)).hset(_key(worker.name), mapping=fields)
            pipe.expire(_key(worker.name), REGISTRATION_S).execute()

    def heartbeat(self, worker: Worker) -> None:
        """Extend a worker's registration; register the worker again if the registration is missing or incomplete.

        After a long disconnection the registration has expired. If the worker then marks itself busy, the
        registration has its task and not its name.
        """
        with self._redis.pipeline() as pipe:
            pipe.expire(_key(worker.name), REGISTRATION_S).hexists(_key(worker.name), "name")
            known = all(pipe.sismember(WORKER_NAMES, worker.name).execute())
        if not known:
            self.register(worker)

    def mark_busy(self, name: str, job_id: str, page_number: int) -> None:
        self._busy(keys=[_key(name)], args=[job_id, page_number])

    def mark_idle(self, name: str, memory_mb: int) -> None:
        """Mark a worker as idle after a task, with the present size of its process."""
        self._idle(keys=[_key(name)], args=[memory_mb])

    def set_device_memory(self, name: str, device_memory_mb: int) -> None:
        """Store how much memory of its device a worker uses."""
        self._redis.hset(_key(name), "device_memory_mb", device_memory_mb)

    def deregister(self, name: str) -> None:
        """Remove a worker that ends normally. A failed one stays visible until its registration expires."""
        if self._redis.hget(_key(name), "state") == b"failed":
            return
        with self._redis.pipeline() as pipe:
            pipe.delete(_key(name)).srem(WORKER_NAMES, name).execute()

    def workers(self) -> list[Worker]:
        """Return every registered worker, by name. A registration with invalid values is ignored."""
        seconds, microseconds = self._redis.time()
        found = []
        for fields in self._fields(self._names()):
            with suppress(ValueError):
                found.append(_worker(fields, seconds + microseconds / 1e6))
        return found

    def with_other_storage(self, storage_id: str) -> list[str]:
        """Return the names of the workers that do not use this storage."""
        return [worker.name for worker in self.workers() if worker.storage not in (None, storage_id)]

    def expired(self) -> list[str]:
        """Return the names of workers whose registration has expired: they died, or lost their connection."""
        names = self._names()
        return [name for name, fields in zip(names, self._fields(names), strict=True) if b"name" not in fields]

    def _names(self) -> list[str]:
        return sorted(name.decode() for name in self._redis.smembers(WORKER_NAMES))

    def _fields(self, names: list[str]) -> list[dict[bytes, bytes]]:
        with self._redis.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.hgetall(_key(name))
            return list(pipe.execute())


def _worker(fields: dict[bytes, bytes], now_s: float) -> Worker:
    """Return the worker of a registration, with the time of its current task. Raises `ValueError` if it is invalid."""
    known = {key.decode(): value.decode() for key, value in fields.items()}
    if since := known.pop("busy_since", None):
        known["busy_seconds"] = str(float(known.get("busy_seconds", 0)) + max(0.0, now_s - float(since)))
    return Worker.model_validate(known, extra="ignore")  # a newer version may add fields
