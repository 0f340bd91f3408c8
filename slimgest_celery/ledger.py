"""What Redis remembers of jobs in flight: admission, progress, attempts. Losing it loses no result.

slimgest:pending               sorted set of jobs accepted and not ended, by time of submission
slimgest:jobs[:{owner}]        sorted set of all jobs that are kept, likewise, per owner where there are API keys
slimgest:epoch                 set once storage was looked through; absent in a Redis that came back empty
slimgest:turn:{what}           somebody is at it
slimgest:expired:{id}          the job was here once
slimgest:idempotency:{hash}    what a request with this key held, and the jobs that it made
slimgest:job:{id}              hash: total_pages · touched (last worked on) · started, ended, run (set by events.py)
slimgest:job:{id}:attempts     hash: span → how often a worker began it
slimgest:job:{id}:done         bitmap of page numbers read or failed (set by events.py)
slimgest:job:{id}:failed       bitmap of page numbers failed, where there are any (set by events.py)
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass

from redis import Redis

PENDING = "slimgest:pending"
JOBS = "slimgest:jobs"
_EPOCH = "slimgest:epoch"
_TOMBSTONE_S = 30 * 86400
_CLAIM_S = 120
_CONFIRMED_S = 86400

# Admission is one step in Redis, so that the bound holds whoever submits at the same time.
_ADMIT = """
if redis.call('ZCARD', KEYS[1]) + #ARGV - 2 > tonumber(ARGV[1]) then return 0 end
for i = 3, #ARGV do
  redis.call('ZADD', KEYS[1], ARGV[2], ARGV[i])
  redis.call('ZADD', KEYS[2], ARGV[2], ARGV[i])
end
return 1
"""

# A retry that came in between has made the job one of those that wait again.
_CLOSE = """
if redis.call('HEXISTS', KEYS[1], 'ended') == 0 then return end
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('DEL', KEYS[3])
"""

# What is forgiven to the last leaves nothing: every queued job has been opened once, and most will never fail.
_FORGIVE = """
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 and redis.call('HINCRBY', KEYS[1], ARGV[1], -1) < 1 then
  redis.call('HDEL', KEYS[1], ARGV[1])
end
"""


def job_key(job_id: str, part: str = "") -> str:
    """The name of a job's key in Redis."""
    return f"slimgest:job:{job_id}" + (f":{part}" if part else "")


def _list_key(owner: str | None) -> str:
    return f"{JOBS}:{owner}" if owner else JOBS


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a job is, in pages."""

    total_pages: int | None  # None until ingest has counted
    pages_done: int
    pages_failed: int

    @property
    def pages_left(self) -> int:
        """Pages still to be read; a job that nobody has opened yet counts as one page."""
        return 1 if self.total_pages is None else max(0, self.total_pages - self.pages_done)


class Ledger:
    """The jobs in flight."""

    def __init__(self, redis: Redis, retention_s: int) -> None:
        self._redis = redis
        self._keep_s = retention_s * 2  # longer than the files, so that a running job never outlives its counters
        self._admit = redis.register_script(_ADMIT)
        self._close = redis.register_script(_CLOSE)
        self._forgive = redis.register_script(_FORGIVE)

    # Admission

    def admit(self, job_ids: list[str], limit: int, created_s: float, owner: str | None = None) -> bool:
        """Takes all of `job_ids` among the pending, or none if that would make more than `limit`."""
        return bool(self._admit(keys=[PENDING, _list_key(owner)], args=[limit, created_s, *job_ids]))

    def readmit(self, job_id: str, created_s: float) -> None:
        """Takes a job that was accepted before among the pending, whatever the limit."""
        self._redis.zadd(PENDING, {job_id: created_s})

    def refuse(self, job_id: str, owner: str | None = None) -> None:
        """Takes back an admission: the job could not be stored or sent."""
        with self._redis.pipeline() as pipe:
            pipe.zrem(PENDING, job_id).zrem(_list_key(owner), job_id).execute()

    def pending(self, most: int = 0) -> list[str]:
        """Ids of jobs accepted and not ended, oldest first; at most so many, where that is said."""
        return [job_id.decode() for job_id in self._redis.zrange(PENDING, 0, most - 1)]

    def admitted_s(self, job_id: str) -> float:
        """Seconds since a pending job was admitted."""
        admitted = self._redis.zscore(PENDING, job_id)
        return 0.0 if admitted is None else time.time() - admitted

    def oldest_s(self) -> float:
        """Seconds since the oldest pending job was accepted; 0 where none is pending."""
        oldest = self._redis.zrange(PENDING, 0, 0, withscores=True)
        return max(0.0, time.time() - oldest[0][1]) if oldest else 0.0

    def pending_count(self) -> int:
        return int(self._redis.zcard(PENDING))

    # Progress

    def planned(self, job_id: str, total_pages: int) -> None:
        with self._redis.pipeline() as pipe:
            pipe.hset(job_key(job_id), "total_pages", total_pages).expire(job_key(job_id), self._keep_s).execute()

    def run(self, job_id: str) -> int:
        """How often the job was retried: messages of an earlier run are let go."""
        return int(self._redis.hget(job_key(job_id), "run") or 0)

    def begin(self, job_id: str, first: int, last: int, run: int = 0) -> tuple[int, bool]:
        """Counts an attempt at a span. Returns which one this is, and whether the job, or this run of it, has ended."""
        attempts = job_key(job_id, "attempts")
        with self._redis.pipeline() as pipe:
            pipe.hincrby(attempts, f"{first}-{last}", 1).expire(attempts, self._keep_s)
            pipe.hmget(job_key(job_id), "ended", "run").hset(job_key(job_id), "touched", time.time())
            pipe.expire(job_key(job_id), self._keep_s)
            attempt, _, (ended, current), *_ = pipe.execute()
        return int(attempt), ended is not None or int(current or 0) != run

    def forgive(self, job_id: str, first: int, last: int) -> None:
        """Takes back an attempt that failed through no fault of the pages, such as a full disk."""
        self._forgive(keys=[job_key(job_id, "attempts")], args=[f"{first}-{last}"])

    def touch(self, job_id: str) -> None:
        """Somebody has just done something for the job."""
        with self._redis.pipeline() as pipe:
            pipe.hset(job_key(job_id), "touched", time.time()).expire(job_key(job_id), self._keep_s).execute()

    def untouched_s(self, job_id: str) -> float:
        """Seconds since anybody did anything for the job; infinite where Redis knows nothing of it."""
        touched = self._redis.hget(job_key(job_id), "touched")
        return time.time() - float(touched) if touched else math.inf

    def ended(self, job_id: str) -> bool:
        return bool(self._redis.hexists(job_key(job_id), "ended"))

    def close(self, job_id: str) -> None:
        """The job has ended and that was told (see events.py): it waits no longer."""
        self._close(keys=[job_key(job_id), PENDING, job_key(job_id, "attempts")], args=[job_id])

    def take_turn(self, what: str, seconds: int) -> bool:
        """Whether nobody else has begun `what` within the last seconds."""
        return bool(self._redis.set(f"slimgest:turn:{what}", 1, nx=True, ex=seconds))

    def end_turn(self, what: str) -> None:
        """`what` is done, so that it may be begun again."""
        self._redis.delete(f"slimgest:turn:{what}")

    def remembers(self) -> bool:
        """Whether this Redis has been told of all that storage holds; one that came back empty has not."""
        return bool(self._redis.exists(_EPOCH))

    def remember(self) -> None:
        self._redis.set(_EPOCH, 1)

    def progress(self, job_ids: Iterable[str]) -> list[Progress]:
        """How far each of the jobs is."""
        with self._redis.pipeline(transaction=False) as pipe:
            for job_id in job_ids:
                pipe.hget(job_key(job_id), "total_pages")
                pipe.bitcount(job_key(job_id, "done"))
                pipe.bitcount(job_key(job_id, "failed"))
            answers = pipe.execute()
        return [
            Progress(total_pages=None if total is None else int(total), pages_done=done, pages_failed=failed)
            for total, done, failed in zip(answers[::3], answers[1::3], answers[2::3], strict=True)
        ]

    def pages_ahead(self, job_id: str | None = None) -> int:
        """Pages still to be read of the jobs submitted before this one; without an id, of all pending jobs."""
        waiting = self.pending()
        if job_id is not None:
            waiting = waiting[: waiting.index(job_id)] if job_id in waiting else []
        return sum(progress.pages_left for progress in self.progress(waiting))

    # Idempotency

    def claim(self, key: str, claim: str) -> str | None:
        """Claims an idempotency key (hashed by the caller) while its upload is stored; returns the claim before."""
        name = f"slimgest:idempotency:{key}"
        while not self._redis.set(name, claim, nx=True, ex=_CLAIM_S):  # with GET in the same step only from Redis 7 on
            if (before := self._redis.get(name)) is not None:
                return str(before.decode())
        return None

    def confirm(self, key: str) -> None:
        """What was claimed is stored: it stands for a day."""
        self._redis.expire(f"slimgest:idempotency:{key}", _CONFIRMED_S)

    def disclaim(self, key: str) -> None:
        self._redis.delete(f"slimgest:idempotency:{key}")

    # The list of jobs

    def listed(self, offset: int, limit: int, owner: str | None = None) -> list[str]:
        """Ids of an owner's kept jobs, newest first."""
        found = self._redis.zrange(_list_key(owner), offset, offset + limit - 1, desc=True) if limit else []
        return [job_id.decode() for job_id in found]

    def listed_count(self, owner: str | None = None) -> int:
        return int(self._redis.zcard(_list_key(owner)))

    def relist(self, job_id: str, created_s: float, owner: str | None = None) -> None:
        """Puts a job that storage holds back on the list, where Redis has forgotten it."""
        self._redis.zadd(_list_key(owner), {job_id: created_s}, nx=True)

    def expire(self, job_id: str, owner: str | None = None) -> None:
        """Forgets a job but for the fact that it was here."""
        with self._redis.pipeline() as pipe:
            pipe.zrem(PENDING, job_id).zrem(_list_key(owner), job_id)
            pipe.delete(job_key(job_id), *(job_key(job_id, part) for part in ("attempts", "done", "failed", "events")))
            pipe.set(f"slimgest:expired:{job_id}", 1, ex=_TOMBSTONE_S)
            pipe.execute()

    def expired(self, job_id: str) -> bool:
        return bool(self._redis.exists(f"slimgest:expired:{job_id}"))
