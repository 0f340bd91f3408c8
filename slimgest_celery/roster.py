"""Which workers there are and what each is doing: written by them, read by `GET /`.

slimgest:worker:{name}    hash of a `Worker`'s fields, gone LEASE_S after its worker's last sign of life; while it is
                          busy also `busy_since`, in seconds on Redis's clock
slimgest:workers          set of the names of all workers that have ever signed on
slimgest:speed            hash: pages that all workers read of late, and the `seconds` that they were busy with them
"""

from __future__ import annotations

import math
from contextlib import suppress

from redis import Redis

from .model import Worker

LEASE_S = 15
BEAT_S = 3
_NAMES = "slimgest:workers"
_SPEED = "slimgest:speed"
_SPEED_S = 300  # of work of each worker: what lies further back weighs less than 1/e in the speed

# One clock for all: a counter of seconds that ran back a little would be taken for one that began anew.
_BUSY = """
local time = redis.call('TIME')
redis.call('HSET', KEYS[1], 'state', 'busy', 'job_id', ARGV[1], 'page_number', ARGV[2],
  'busy_since', string.format('%.6f', time[1] + time[2] / 1e6))
"""
# The speed fades with the time that workers are busy, not with that which passes: after a quiet night it still holds.
_IDLE = """
local time, since = redis.call('TIME'), tonumber(redis.call('HGET', KEYS[1], 'busy_since'))
redis.call('HSET', KEYS[1], 'state', 'idle', 'memory_mb', ARGV[2])
redis.call('HDEL', KEYS[1], 'job_id', 'page_number', 'busy_since')
if not since then return end
local took = math.max(0, time[1] + time[2] / 1e6 - since)
redis.pcall('HINCRBYFLOAT', KEYS[1], 'busy_seconds', string.format('%.6f', took))
local fade = math.exp(-took / (tonumber(ARGV[3]) * math.max(1, redis.call('SCARD', KEYS[2]))))
for field, much in pairs({pages = tonumber(ARGV[1]), seconds = took}) do
  local before = tonumber(redis.pcall('HGET', KEYS[3], field)) or 0
  if not (before >= 0 and before < 1e15) then before = 0 end
  redis.pcall('HSET', KEYS[3], field, string.format('%.6f', before * fade + much))
end
"""


def _key(name: str) -> str:
    return f"slimgest:worker:{name}"


class Roster:
    """The workers. A name is a Celery node name, `cpu0@host`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._busy = redis.register_script(_BUSY)
        self._idle = redis.register_script(_IDLE)

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
        self._busy(keys=[_key(name)], args=[job_id, page_number])

    def idle(self, name: str, pages: int, memory_mb: int) -> None:
        """A worker has done what it was busy with: it read this many pages, and its process has this size now."""
        self._idle(keys=[_key(name), _NAMES, _SPEED], args=[pages, memory_mb, _SPEED_S])

    def speed(self) -> float | None:
        """Pages that a worker reads in a second, measured over the last minutes in which any worked; None before."""
        with suppress(TypeError, ValueError):
            pages, seconds = map(float, self._redis.hmget(_SPEED, "pages", "seconds"))
            if math.isfinite(pages) and math.isfinite(seconds) and pages > 0 and seconds > 0:
                return pages / seconds
        return None

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
        seconds, microseconds = self._redis.time()
        found = []
        for fields in self._fields(self._names()):
            with suppress(ValueError):
                found.append(_worker(fields, seconds + microseconds / 1e6))
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


def _worker(fields: dict[bytes, bytes], now_s: float) -> Worker:
    """The worker of an entry, its time with the task in hand included; raises `ValueError` where it is none."""
    known = {key.decode(): value.decode() for key, value in fields.items()}
    if since := known.pop("busy_since", None):
        known["busy_seconds"] = str(float(known.get("busy_seconds", 0)) + max(0.0, now_s - float(since)))
    return Worker.model_validate(known)
