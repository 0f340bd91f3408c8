"""The queues in Redis: their names, and the priorities of their messages.

Kombu keeps one list for each priority of a queue, and 0 comes first:

    0        a step that opens or ends a job, and what a person waits for: an image of a page, a searchable PDF
    1        the first pages of jobs · in the queue `ingest`: the service's own periodic work
    2        the rest of a task that has yielded: its pages are needed next
    3 to 7   all other pages, by the number of pages that their owner has ahead of them

So the first pages of every job are read before the later pages of any other, and an owner with 500 jobs does not hold
up an owner with one: for the priority of a page, each earlier job of the same owner has as many pages ahead of it as
the page's own job. All steps of a job whose owner has many other jobs ahead, even the one that opens it, wait as its
pages do. The searchable PDF of a long document waits longer, too (jobs/searchable_pdf.py).
"""

from __future__ import annotations

from celery import Celery
from redis import Redis

URGENT, FIRST_PAGES, REQUEUED = 0, 1, 2
HOUSEKEEPING = 1  # in the queue `ingest`: no user waits for it, and no page task yields to it
_STEPS = (2, 8, 32, 128, 512)


def page_priority(pages_before: int, jobs_ahead: int = 0) -> int:
    """Return the priority of a page with this many earlier pages in its job, and jobs of its owner ahead of its job."""
    ahead = pages_before * (jobs_ahead + 1) + jobs_ahead
    steps = sum(ahead >= step for step in _STEPS)
    return REQUEUED + steps if steps else FIRST_PAGES


def step_priority(ahead: int) -> int:
    """Return the priority of a step that a client waits for; its owner has this many such steps ahead of it."""
    priority = page_priority(ahead)
    return URGENT if priority == FIRST_PAGES else priority


def list_name(celery: Celery, queue: str, priority: int) -> str:
    """Return the name of the Redis list that holds a queue's messages of one priority."""
    return f"{queue}{celery.conf.broker_transport_options['sep']}{priority}" if priority else queue


class QueueLengths:
    """The number of messages in Celery's queues."""

    def __init__(self, celery: Celery, redis: Redis) -> None:
        self._celery = celery
        self._redis = redis

    def waiting(self) -> dict[str, int]:
        """Return the number of waiting messages by queue."""
        queues = self._celery.conf.task_queues
        steps = self._celery.conf.broker_transport_options["priority_steps"]
        with self._redis.pipeline(transaction=False) as pipe:
            for queue in queues:
                for step in steps:
                    pipe.llen(list_name(self._celery, queue.name, step))
            counts = pipe.execute()
        return {queue.name: sum(counts[n * len(steps) : (n + 1) * len(steps)]) for n, queue in enumerate(queues)}

    def any_waiting(self) -> bool:
        return any(self.waiting().values())
