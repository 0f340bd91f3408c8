"""Which workers there are and what each is doing: written by them, read by `GET /`.

slimgest:worker:{name}    hash of a `Worker`'s fields, gone LEASE_S after its worker's last sign of life
slimgest:workers          set of the names of all workers that have ever signed on
"""

from __future__ import annotations

from contextlib import suppress

from pydantic import ValidationError
from redis import Redis

from .model import Worker

LEASE_S = 15
BEAT_S = 3
_NAMES = "slimgest:workers"


def _key(name: str) -> str:
    return f"slimgest:worker:{name}"


class Roster:
    """The workers. A name is a Celery node name, `cpu0@host`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def sign_on(self, worker: Worker) -> None:
        """Enters a worker, or changes what is said of it as a whole."""
        fields = {name: str(value) for name, value in worker.model_dump(exclude_none=True).items()}
        with self._redis.pipeline() as pipe:
            pipe.sadd(_NAMES, worker.name).delete(_key(worker.name)).hset(_key(worker.name), mapping=fields)
            pipe.expire(_key(worker.name), LEASE_S).execute()

    def keep(self, worker: Worker) -> None:
        """A sign of life. What Redis has forgotten of the worker it is told again.

        One that was cut off for a while, and taken for lost, may have told since what it does, but not who it is.
        """
        with self._redis.pipeline() as pipe:
            pipe.expire(_key(worker.name), LEASE_S).hexists(_key(worker.name), "name")
            known = all(pipe.sismember(_NAMES, worker.name).execute())
        if not known:
            self.sign_on(worker)

    def busy(self, name: str, job_id: str, page_number: int) -> None:
        self._redis.hset(_key(name), mapping={"state": "busy", "job_id": job_id, "page_number": page_number})

    def idle(self, name: str) -> None:
        with self._redis.pipeline() as pipe:
            pipe.hset(_key(name), "state", "idle").hdel(_key(name), "job_id", "page_number").execute()

    def gauge(self, name: str, device_memory_mb: int) -> None:
        """What a worker holds of its device's memory."""
        self._redis.hset(_key(name), "device_memory_mb", device_memory_mb)

    def sign_off(self, name: str) -> None:
        """A worker's orderly end. One that failed stays to be seen until its lease runs out."""
        if self._redis.hget(_key(name), "state") == b"failed":
            return
        with self._redis.pipeline() as pipe:
            pipe.delete(_key(name)).srem(_NAMES, name).execute()

    def workers(self) -> list[Worker]:
        """Every worker that lives, by name. What Redis holds is data: an entry that is no worker is passed over."""
        found = []
        for fields in self._fields(self._names()):
            with suppress(ValidationError, UnicodeDecodeError):
                found.append(Worker.model_validate({key.decode(): value.decode() for key, value in fields.items()}))
        return found

    def lost(self) -> list[str]:
        """Names of workers that signed on, never off, and have given no sign of life for LEASE_S."""
        names = self._names()
        return [name for name, fields in zip(names, self._fields(names), strict=True) if b"name" not in fields]

    def _names(self) -> list[str]:
        return sorted(name.decode() for name in self._redis.smembers(_NAMES))

    def _fields(self, names: list[str]) -> list[dict[bytes, bytes]]:
        with self._redis.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.hgetall(_key(name))
            return list(pipe.execute())
