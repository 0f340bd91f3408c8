"""The state of running jobs in Redis: admission, progress, attempts. If Redis loses it, no result is lost.

slimgest:pending               sorted set of jobs accepted and not ended, by time of submission
slimgest:epoch                 set after the jobs in storage were listed; missing in a Redis that restarted empty
slimgest:turn:{name}           a lock
slimgest:exports:{owner}       sorted set of jobs whose searchable PDF is requested and not made, by when it is given up
slimgest:note:export:{id}      why the storage took no searchable PDF, for the next request
slimgest:note:end:{id}         the end of a job whose files a worker does not see, for the API to store
slimgest:expired:{id}          the job existed and expired
slimgest:idempotency:{hash}    a hash of the request with this key, and the ids of its jobs
slimgest:job:{id}              hash: total_pages · touched (time of the last activity) · started, ended, run (the number
                               of retries), which events/publish.lua and events/event_log.py set
slimgest:job:{id}:attempts     hash: page range → number of attempts
slimgest:job:{id}:done         bitmap of page numbers read or failed, set by events/publish.lua
slimgest:job:{id}:failed       bitmap of page numbers failed, likewise; missing while no page has failed
slimgest:job:{id}:warned       bitmap of page numbers with warnings, set by events/event_log.py, likewise
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate

from redis import Redis

from slimgest_celery.state.job_index import PENDING, list_key, unlist
from slimgest_celery.state.lua_scripts import load_script

_PARTS = ("attempts", "done", "failed", "warned", "events", "fonts", "font_samples")
_INITIALISED = "slimgest:epoch"
_EXPIRED_MARKER_S = 30 * 86400
_CLAIM_S = 120  # of an idempotency key, while its upload is stored
_CONFIRMED_S = 86400


def job_key(job_id: str, part: str = "") -> str:
    """Return the name of a job's key in Redis."""
    return f"slimgest:job:{job_id}" + (f":{part}" if part else "")


def _expired_key(job_id: str) -> str:
    return f"slimgest:expired:{job_id}"


def _exports_key(owner: str | None) -> str:
    return f"slimgest:exports:{owner or ''}"


@dataclass(frozen=True, kw_only=True)
class Progress:
    """The progress of a job, in pages."""

    total_pages: int | None  # None until ingest has counted
    pages_done: int
    pages_failed: int
    pages_with_warnings: int = 0

    @property
    def pages_left(self) -> int:
        """Return the number of pages still to be read; a job before ingest counts as one page."""
        return 1 if self.total_pages is None else max(0, self.total_pages - self.pages_done)


class JobState:
    """The state of the running jobs."""

    def __init__(self, redis: Redis, retention_s: int) -> None:
        self._redis = redis
        self._ttl_s = retention_s * 2  # longer than the files, so that the counters of a running job never expire
        self._admit = load_script(redis, __name__, "admit")
        self._close = load_script(redis, __name__, "close")
        self._undo_attempt = load_script(redis, __name__, "undo_attempt")

    # Admission

    def admit(
        self,
        job_ids: list[str],
        limit: int,
        created_s: float,
        owner: str | None = None,
        owner_limit: int | None = None,
    ) -> bool:
        """Add all of `job_ids` to the pending jobs.

        Add none and return False if more than `limit` would then be pending, or more than `owner_limit` of this owner.
        """
        limits = limit, limit if owner_limit is None else owner_limit
        return bool(self._admit(keys=[PENDING, list_key(owner)], args=[*limits, created_s, *job_ids]))

    def readmit(self, job_id: str, created_s: float) -> None:
        """Add a job that was accepted before to the pending jobs, regardless of the limit."""
        self._redis.zadd(PENDING, {job_id: created_s})

    def refuse(self, job_id: str, owner: str | None = None) -> None:
        """Undo an admission, because the job could not be stored or sent."""
        with self._redis.pipeline() as pipe:
            unlist(pipe, job_id, owner)
            pipe.zrem(PENDING, job_id).execute()

    def is_pending(self, job_id: str) -> bool:
        return self._redis.zscore(PENDING, job_id) is not None

    def pending(self, limit: int = 0) -> list[str]:
        """Return the ids of jobs accepted and not ended, oldest first: at most `limit`, or all if it is 0."""
        return [job_id.decode() for job_id in self._redis.zrange(PENDING, 0, limit - 1)]

    def pending_of(self, owner: str | None) -> list[str]:
        """Return the ids of an owner's pending jobs, oldest first. Without an owner: of all pending jobs."""
        if owner is None:
            return self.pending()
        return [job_id.decode() for job_id in self._redis.zinter([PENDING, list_key(owner)])]

    def seconds_since_admission(self, job_id: str) -> float:
        """Return the seconds since a pending job was admitted."""
        admitted = self._redis.zscore(PENDING, job_id)
        return 0.0 if admitted is None else time.time() - admitted

    def oldest_pending_s(self) -> float:
        """Return the seconds since the oldest pending job was accepted; 0 if no job is pending."""
        oldest = self._redis.zrange(PENDING, 0, 0, withscores=True)
        return max(0.0, time.time() - oldest[0][1]) if oldest else 0.0

    def pending_count(self) -> int:
        return int(self._redis.zcard(PENDING))

    # Progress

    def set_total_pages(self, job_id: str, total_pages: int) -> None:
        with self._redis.pipeline() as pipe:
            pipe.hset(job_key(job_id), "total_pages", total_pages).expire(job_key(job_id), self._ttl_s).execute()

    def retry_count(self, job_id: str) -> int:
        """Return how often the job was retried. Messages with a lower number are ignored."""
        return int(self._redis.hget(job_key(job_id), "run") or 0)

    def begin_attempt(self, job_id: str, first: int, last: int, retry_count: int = 0) -> tuple[int, bool]:
        """Count an attempt at a page range.

        Return its number, and True if the job has ended, was deleted, or was retried again since `retry_count`.
        """
        attempts = job_key(job_id, "attempts")
        with self._redis.pipeline() as pipe:
            pipe.hincrby(attempts, f"{first}-{last}", 1).expire(attempts, self._ttl_s)
            pipe.hmget(job_key(job_id), "ended", "run").hset(job_key(job_id), "touched", time.time())
            pipe.expire(job_key(job_id), self._ttl_s).exists(_expired_key(job_id))
            attempt, _, (ended, current), *_, deleted = pipe.execute()
        return int(attempt), ended is not None or bool(deleted) or int(current or 0) != retry_count

    def undo_attempt(self, job_id: str, first: int, last: int) -> None:
        """Subtract an attempt that failed for a reason outside the pages, such as a full disk."""
        self._undo_attempt(keys=[job_key(job_id, "attempts")], args=[f"{first}-{last}"])

    def mark_activity(self, job_id: str) -> None:
        """Record that a process has just worked on the job."""
        with self._redis.pipeline() as pipe:
            pipe.hset(job_key(job_id), "touched", time.time()).expire(job_key(job_id), self._ttl_s).execute()

    def seconds_since_activity(self, job_id: str) -> float:
        """Return the seconds since the last activity on the job; infinite if Redis has no record of it."""
        touched = self._redis.hget(job_key(job_id), "touched")
        return time.time() - float(touched) if touched else math.inf

    def ended(self, job_id: str) -> bool:
        """Return True if a job has ended, or was deleted."""
        with self._redis.pipeline(transaction=False) as pipe:
            return any(pipe.hexists(job_key(job_id), "ended").exists(_expired_key(job_id)).execute())

    def close(self, job_id: str) -> None:
        """Remove a job from the pending jobs after its end was published (see event_log.py)."""
        self._close(keys=[job_key(job_id), PENDING, job_key(job_id, "attempts")], args=[job_id])

    def acquire_lock(self, name: str, seconds: int) -> bool:
        """Acquire a lock, which expires after these seconds. Return False if it is held already."""
        return bool(self._redis.set(f"slimgest:turn:{name}", 1, nx=True, ex=seconds))

    def release_lock(self, name: str) -> None:
        """Release a lock before it expires."""
        self._redis.delete(f"slimgest:turn:{name}")

    def begin_export(self, job_id: str, owner: str | None, seconds: int) -> int:
        """Record that a searchable PDF is requested. Return how many others this owner waits for.

        One that is not made after these seconds counts no more.
        """
        key, now_s = _exports_key(owner), time.time()
        with self._redis.pipeline() as pipe:
            pipe.zremrangebyscore(key, 0, now_s).zcard(key).zadd(key, {job_id: now_s + seconds}).expire(key, seconds)
            return int(pipe.execute()[1])

    def end_export(self, job_id: str, owner: str | None) -> None:
        """Record that a searchable PDF is made, or cannot be made."""
        self._redis.zrem(_exports_key(owner), job_id)

    def put_note(self, name: str, note: str, seconds: int) -> None:
        """Store a short text for the next caller of `pop_note`."""
        self._redis.set(f"slimgest:note:{name}", note, ex=seconds)

    def pop_note(self, name: str) -> str | None:
        """Return a stored text and delete it; None without one."""
        note = self._redis.getdel(f"slimgest:note:{name}")
        return None if note is None else str(note.decode())

    def note(self, name: str) -> str | None:
        """Return a text that `put_note` stored; None without one."""
        note = self._redis.get(f"slimgest:note:{name}")
        return None if note is None else str(note.decode())

    def is_initialised(self) -> bool:
        """Return True if the jobs in storage were listed in this Redis; False after Redis restarted empty."""
        return bool(self._redis.exists(_INITIALISED))

    def mark_initialised(self) -> None:
        self._redis.set(_INITIALISED, 1)

    def progress(self, job_ids: Iterable[str]) -> list[Progress]:
        """Return the progress of each of the jobs."""
        with self._redis.pipeline(transaction=False) as pipe:
            for job_id in job_ids:
                pipe.hget(job_key(job_id), "total_pages")
                pipe.bitcount(job_key(job_id, "done"))
                pipe.bitcount(job_key(job_id, "failed"))
                pipe.bitcount(job_key(job_id, "warned"))
            answers = pipe.execute()
        return [
            Progress(
                total_pages=None if total is None else int(total),
                pages_done=done,
                pages_failed=failed,
                pages_with_warnings=warned,
            )
            for total, done, failed, warned in zip(*(answers[part::4] for part in range(4)), strict=True)
        ]

    def pages_ahead(self, job_id: str | None = None) -> int:
        """Return the pages still to be read of earlier jobs than this one; without an id, of all pending jobs."""
        waiting = self.pending()
        if job_id is not None:
            waiting = waiting[: waiting.index(job_id)] if job_id in waiting else []
        return sum(progress.pages_left for progress in self.progress(waiting))

    def pages_ahead_of_each(self) -> dict[str, int]:
        """Return `pages_ahead` of each pending job, for the price of one."""
        waiting = self.pending()
        left = [progress.pages_left for progress in self.progress(waiting)]
        return dict(zip(waiting, accumulate(left, initial=0), strict=False))

    def jobs_ahead(self, job_id: str, owner: str | None) -> int:
        """Return the number of earlier jobs of a job's owner that have not ended. Without an owner: of all jobs."""
        if owner is None:
            return int(self._redis.zrank(PENDING, job_id) or 0)
        pending = self.pending_of(owner)
        return pending.index(job_id) if job_id in pending else 0

    # Idempotency

    def claim(self, key: str, claim: str) -> str | None:
        """Claim an idempotency key (hashed by the caller) while its upload is stored; return an earlier claim."""
        name = f"slimgest:idempotency:{key}"
        while not self._redis.set(name, claim, nx=True, ex=_CLAIM_S):  # only Redis 7 has SET with both NX and GET
            if (before := self._redis.get(name)) is not None:
                return str(before.decode())
        return None

    def confirm(self, key: str) -> None:
        """Keep a claim for a day, because its upload is stored."""
        self._redis.expire(f"slimgest:idempotency:{key}", _CONFIRMED_S)

    def release_claim(self, key: str) -> None:
        self._redis.delete(f"slimgest:idempotency:{key}")

    # Deletion

    def expire(self, job_id: str, owner: str | None = None) -> None:
        """Delete all keys of a job, and leave a marker that the job existed."""
        with self._redis.pipeline() as pipe:
            unlist(pipe, job_id, owner)
            pipe.zrem(PENDING, job_id)
            pipe.delete(
                job_key(job_id),
                *(job_key(job_id, part) for part in _PARTS),
            )
            pipe.set(_expired_key(job_id), 1, ex=_EXPIRED_MARKER_S)
            pipe.execute()

    def expired(self, job_id: str) -> bool:
        return bool(self._redis.exists(_expired_key(job_id)))
