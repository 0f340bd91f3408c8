"""A worker yields the rest of a task when higher-priority work is waiting."""

from __future__ import annotations

import time
from contextlib import suppress

from celery import Celery
from redis import Redis
from redis.exceptions import RedisError

from slimgest_celery.state.lua_scripts import load_script
from slimgest_celery.state.queues import HOUSEKEEPING, list_name

# Often enough for a waiting user, and rarely enough for pages that take a millisecond. The interval starts with the
# first page, so each task runs for at least this long, even if messages keep arriving.
_CHECK_EVERY_S = 0.04
_YIELDING = "slimgest:giving_way"  # how many workers have yielded and not yet received the message they yielded to
_PICKUP_MS = 60


class Preemption:
    """The decision of one worker to yield the rest of its current task."""

    def __init__(self, celery: Celery, redis: Redis, below: int, every_s: float = _CHECK_EVERY_S) -> None:
        """Count messages with a priority number below `below`; ask Redis at most every `every_s` seconds."""
        queues = celery.amqp.queues.consume_from  # all, or those that the worker was started for
        pairs = [(queue, priority) for queue in queues for priority in range(below)]
        self._lists = [list_name(celery, *pair) for pair in pairs if pair != ("ingest", HOUSEKEEPING)]
        self._may_yield = load_script(redis, __name__, "may_yield")
        self._every_s = every_s
        self._checked_s: float | None = None

    def should_yield(self) -> bool:
        """Return True if higher-priority work is waiting and this worker is to take it.

        Call this after each page: it asks Redis once per interval. While Redis is away, it returns False.
        """
        now_s = time.monotonic()
        if self._checked_s is None:
            self._checked_s = now_s
        if now_s - self._checked_s < self._every_s:
            return False
        self._checked_s = now_s
        with suppress(RedisError):
            return bool(self._may_yield(keys=[*self._lists, _YIELDING], args=[_PICKUP_MS]))
        return False
