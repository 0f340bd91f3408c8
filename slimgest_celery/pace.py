"""How long pages take here, by where their text comes from: what the tasks of a job are sized by.

slimgest:page_seconds    hash: `{engine}:{source}` to seconds a page, a moving average over what all workers read
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress

from redis import Redis

from .model import Page, Source

_KEY = "slimgest:page_seconds"
_WEIGHT = 0.2  # of the latest pages in the average
_OUTLIER = 4  # times the average: more counts as that much, for one slow page is no slow engine
# A task costs some 4 ms, and is what a page of another job may have to wait for; not a job's start (see queues.py).
_TASK_S = 0.5
_LEAST_TASK_S = 0.04  # less is not worth sharing out among idle workers
_MOST_PAGES = 256
_TASKS_PER_WORKER = 2  # at least, of the pages left, so that all workers end with a job at about the same time
_LEAST_S, _MOST_S = 1e-6, 1e5  # that a page ever takes
_UNMEASURED_S = {Source.TEXT_LAYER: 0.003, Source.OCR: _TASK_S}


class Pace:
    """What a page costs with one engine."""

    def __init__(self, redis: Redis, engine: str) -> None:
        self._redis = redis
        self._engine = engine

    def note(self, pages: Sequence[Page]) -> None:
        """Takes pages that were just read into the average."""
        for source in Source:
            taken = [
                page.seconds.render + page.seconds.read for page in pages if page.source == source and not page.cached
            ]
            if taken:
                latest_s = sum(taken) / len(taken)
                known_s = self._measured_s(source) or latest_s
                told_s = known_s + _WEIGHT * (min(latest_s, _OUTLIER * known_s) - known_s)
                self._redis.hset(_KEY, self._field(source), round(told_s, 6))

    def page_s(self, source: Source) -> float:
        """Seconds that a page takes; a guess where none was read yet."""
        return self._measured_s(source) or _UNMEASURED_S[source]

    def _measured_s(self, source: Source) -> float | None:
        """What Redis holds is data: only what a page may take counts."""
        known = self._redis.hget(_KEY, self._field(source))
        with suppress(TypeError, ValueError):
            return seconds if _LEAST_S <= (seconds := float(known)) <= _MOST_S else None
        return None

    def _field(self, source: Source) -> str:
        return f"{self._engine}:{source}"


def span_length(page_s: float, left: int, workers: int) -> int:
    """Pages to a task, of a job with so many left to be shared out: one where a page takes long, else up to hundreds.

    They grow fewer towards the end (guided self-scheduling, Polychronopoulos and Kuck, 1987), so that no worker is
    left alone with a long task when the others are done.
    """
    shared = max(math.ceil(left / (_TASKS_PER_WORKER * max(1, workers))), math.ceil(_LEAST_TASK_S / page_s))
    return max(1, min(shared, int(_TASK_S / page_s), _MOST_PAGES))
