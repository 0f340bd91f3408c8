"""What waits in the queues, of which Kombu keeps a list in Redis for each priority."""

from __future__ import annotations

import time
from contextlib import suppress

from celery import Celery
from redis import Redis
from redis.exceptions import RedisError

HOUSEKEEPING = 1  # the priority in `ingest` of what the service does for itself: nobody waits for it
# Often enough for somebody who waits, seldom enough for pages that take a millisecond. As the clock starts with the
# first page, it is also what a task gets done at least, however much keeps coming.
_LOOK_EVERY_S = 0.04
_TURN = "slimgest:giving_way"  # how many give way, until what they do it for is taken up
_TAKEN_UP_MS = 60

# No more give way than messages wait: it costs each a task.
_MAY_GO = """
local waiting, going = 0, KEYS[#KEYS]
for at = 1, #KEYS - 1 do waiting = waiting + redis.call('LLEN', KEYS[at]) end
if waiting <= tonumber(redis.call('GET', going) or 0) then return 0 end
redis.call('INCR', going)
redis.call('PEXPIRE', going, ARGV[1])
return 1
"""


def list_name(celery: Celery, queue: str, priority: int) -> str:
    """The list of a queue's messages of one priority."""
    return f"{queue}{celery.conf.broker_transport_options['sep']}{priority}" if priority else queue


class Urgency:
    """Whether this worker would take anything else before the rest of the task that it has in hand."""

    def __init__(self, celery: Celery, redis: Redis, below: int, every_s: float = _LOOK_EVERY_S) -> None:
        """Messages count whose priority is a number `below` that of such a rest; `every_s` seconds it is looked."""
        queues = celery.amqp.queues.consume_from  # all, or those that the worker was started for
        ranks = [(queue, priority) for queue in queues for priority in range(below)]
        self._lists = [list_name(celery, *rank) for rank in ranks if rank != ("ingest", HOUSEKEEPING)]
        self._may_go = redis.register_script(_MAY_GO)
        self._every_s = every_s
        self._looked_s: float | None = None

    def waits(self) -> bool:
        """To be asked after each page: it asks Redis, once, only when the time has come.

        Where Redis is away nothing is known to wait.
        """
        now_s = time.monotonic()
        if self._looked_s is None:
            self._looked_s = now_s
        if now_s - self._looked_s < self._every_s:
            return False
        self._looked_s = now_s
        with suppress(RedisError):
            return bool(self._may_go(keys=[*self._lists, _TURN], args=[_TAKEN_UP_MS]))
        return False
