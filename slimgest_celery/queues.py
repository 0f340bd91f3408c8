"""What waits in the queues, of which Kombu keeps a list in Redis for each priority."""

from __future__ import annotations

import time
from contextlib import suppress

from celery import Celery
from redis import Redis
from redis.exceptions import RedisError

# Often enough for somebody who waits, seldom enough for pages that take a millisecond. As the clock starts with the
# task, it is also what a task gets done at least, however much keeps coming.
_LOOK_EVERY_S = 0.04


def list_name(celery: Celery, queue: str, priority: int) -> str:
    """The list of a queue's messages of one priority."""
    return f"{queue}{celery.conf.broker_transport_options['sep']}{priority}" if priority else queue


class Urgency:
    """Whether this worker would take anything else before the rest of the task that it has in hand."""

    def __init__(self, celery: Celery, redis: Redis, below: int, every_s: float = _LOOK_EVERY_S) -> None:
        """Messages count whose priority is a number `below` that of such a rest; `every_s` seconds it is looked."""
        queues = celery.amqp.queues.consume_from  # all, or those that the worker was started for
        self._lists = [list_name(celery, queue, priority) for queue in queues for priority in range(below)]
        self._redis = redis
        self._every_s = every_s
        self._looked_s = time.monotonic()

    def waits(self) -> bool:
        """Cheap: it asks Redis, once, only when the time has come. Where Redis is away nothing is known to wait."""
        if time.monotonic() - self._looked_s < self._every_s:
            return False
        self._looked_s = time.monotonic()
        with suppress(RedisError):
            return bool(self._redis.exists(*self._lists))  # no list is empty: the last message takes its list with it
        return False
