"""The list of stored jobs, and what it can be filtered by. If Redis loses it, `slimgest.sweep` restores it.

slimgest:jobs[:{owner}]            sorted set of all stored jobs, by time of submission; one per owner if there are API
                                   keys (state/admit.lua adds to it)
slimgest:filenames[:{owner}]       hash: job id → file name
slimgest:ended:{status}[:{owner}]  sorted set of the jobs with this end state, by time of submission

A process may die between a change of a job and the change of its entries. So a reader compares what it finds here with
the job's record.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from heapq import merge
from itertools import groupby
from typing import NamedTuple

from redis import Redis

from slimgest_celery.models.job import Job, JobStatus

PENDING = "slimgest:pending"
JOBS = "slimgest:jobs"
_AT_ONCE = 500  # entries of a sorted set
_END_STATES = tuple(status for status in JobStatus if status.ended)


class Position(NamedTuple):
    """The place of a job in the list. Later jobs have larger positions."""

    created_s: float
    job_id: str


class JobIndex:
    """The lists of jobs, by owner and end state."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    # Writing

    def enter(self, job: Job) -> None:
        """Enter a job that is sent, for the first time or again: it has no end state."""
        with self._redis.pipeline() as pipe:
            pipe.hset(_filenames_key(job.owner), job.job_id, job.filename)
            for status in _END_STATES:
                pipe.zrem(_ended_key(status, job.owner), job.job_id)
            pipe.execute()

    def mark_ended(self, job_id: str, status: JobStatus, owner: str | None) -> None:
        """Enter the end state of a job, unless the job was deleted."""
        created_s = self._redis.zscore(list_key(owner), job_id)
        if created_s is not None:
            self._redis.zadd(_ended_key(status, owner), {job_id: created_s})

    def restore(self, job: Job, status: JobStatus | None) -> None:
        """Enter a stored job again, if Redis has lost it; `status` is its end state."""
        entry = {job.job_id: job.created_at.timestamp()}
        with self._redis.pipeline() as pipe:
            pipe.zadd(list_key(job.owner), entry, nx=True)
            pipe.hsetnx(_filenames_key(job.owner), job.job_id, job.filename)
            if status is not None:
                pipe.zadd(_ended_key(status, job.owner), entry)
            pipe.execute()

    def unlist_missing(self, stored: Collection[str], before_s: float) -> int:
        """Remove jobs submitted before `before_s` that are not stored from the lists of all owners; return how many.

        They are uploads whose API process died. Their owner is unknown: the record of such a job was never written.
        """
        removed = 0
        for key, owner in self._lists():
            listed = [job_id.decode() for job_id in self._redis.zrange(key, "-inf", f"({before_s}", byscore=True)]
            for job_id in set(listed) - set(stored):
                with self._redis.pipeline() as pipe:
                    unlist(pipe, job_id, owner)
                    pipe.execute()
                removed += 1
        return removed

    # Reading

    def count(self, owner: str | None) -> int:
        """Return the number of an owner's stored jobs."""
        return int(self._redis.zcard(list_key(owner)))

    def owner_of(self, job_id: str) -> str | None:
        """Return the owner of a job whose record this process does not see."""
        return next((owner for key, owner in self._lists() if self._redis.zscore(key, job_id) is not None), None)

    def filenames(self, job_ids: Collection[str], owner: str | None) -> list[str | None]:
        """Return the file names of an owner's jobs; None for those that are not known here."""
        found = self._redis.hmget(_filenames_key(owner), list(job_ids)) if job_ids else []
        return [None if name is None else name.decode() for name in found]

    def position_at(self, offset: int, owner: str | None) -> Position | None:
        """Return the position of the job that has `offset` newer ones; None if there are not so many jobs."""
        found = self._redis.zrange(list_key(owner), offset, offset, desc=True, withscores=True)
        return _position(*found[0]) if found else None

    def positions(
        self, owner: str | None, statuses: Collection[JobStatus], before: Position | None, since_s: float
    ) -> Iterator[Position]:
        """Yield the positions of an owner's jobs before `before`, submitted at `since_s` or later: newest first.

        Only those that have, or may have, one of these states; without `statuses`, all.
        """
        sources = [self._descend(_ended_key(status, owner), before, since_s) for status in statuses if status.ended]
        if not statuses:
            sources = [self._descend(list_key(owner), before, since_s)]
        elif any(not status.ended for status in statuses):
            sources.append(self._pending(owner, before, since_s))
        return (position for position, _ in groupby(merge(*sources, reverse=True)))  # a retried job may be in two

    def _descend(self, key: str, before: Position | None, since_s: float) -> Iterator[Position]:
        """Yield the entries of a sorted set, read in parts. An entry that is added or removed meanwhile moves none."""
        offset = 0
        while found := self._redis.zrange(
            key,
            before.created_s if before else "+inf",
            since_s,
            desc=True,
            byscore=True,
            withscores=True,
            offset=offset,
            num=_AT_ONCE,
        ):
            positions = [_position(*entry) for entry in found]
            new = [position for position in positions if before is None or position < before]
            yield from new
            if len(found) < _AT_ONCE:
                return
            before, offset = (new[-1], 0) if new else (before, offset + _AT_ONCE)

    def _pending(self, owner: str | None, before: Position | None, since_s: float) -> Iterator[Position]:
        """Yield the pending jobs of an owner. They are few: `SLIMGEST_MAX_PENDING_JOBS`."""
        found = self._redis.zinter({list_key(owner): 1, PENDING: 0}, aggregate="MAX", withscores=True)
        positions = [_position(*entry) for entry in found]
        for position in sorted(positions, reverse=True):
            if position.created_s >= since_s and (before is None or position < before):
                yield position

    def _lists(self) -> Iterator[tuple[bytes, str | None]]:
        """Yield the key of each list of all stored jobs, and its owner."""
        for key in self._redis.scan_iter(f"{JOBS}*", _type="zset"):
            yield key, key.decode().removeprefix(JOBS).removeprefix(":") or None


def list_key(owner: str | None) -> str:
    """Return the key of an owner's list of all stored jobs."""
    return _key(JOBS, owner)


def unlist(pipe: Redis, job_id: str, owner: str | None) -> None:
    """Remove all entries of a job, with commands added to a pipeline."""
    pipe.zrem(list_key(owner), job_id)
    pipe.hdel(_filenames_key(owner), job_id)
    for status in _END_STATES:
        pipe.zrem(_ended_key(status, owner), job_id)


def _filenames_key(owner: str | None) -> str:
    return _key("slimgest:filenames", owner)


def _ended_key(status: JobStatus, owner: str | None) -> str:
    return _key(f"slimgest:ended:{status}", owner)


def _key(name: str, owner: str | None) -> str:
    return f"{name}:{owner}" if owner else name


def _position(job_id: bytes, created_s: float) -> Position:
    return Position(created_s, job_id.decode())
