"""The measured reading speed of the workers: it sizes tasks, and estimates how long a new job waits.

slimgest:page_seconds    hash: `{engine}:{source}:pages` and `…:seconds`, which all workers add to; a moving average
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress

from redis import Redis

from slimgest_celery.models.page import Page, Source
from slimgest_celery.state.lua_scripts import load_script
from slimgest_celery.state.worker_registry import WORKER_NAMES

_KEY = "slimgest:page_seconds"
_WINDOW_S = 300  # of work of each worker: older measurements weigh less than 1/e
_MIN_S, _MAX_S = 1e-6, 1e5  # limits for a plausible value
_UNMEASURED_S = {Source.TEXT_LAYER: 0.003, Source.OCR: 0.5}


class PageTimings:
    """The time per page by engine and by source of the text, as a moving average over all workers."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._record = load_script(redis, __name__, "record_timings")

    def record(self, engine: str, pages: Sequence[Page], took_s: float) -> None:
        """Add pages that a worker read in `took_s` seconds, rendering, storing and publishing included.

        The time is divided among the sources in proportion to the pages' own times: rendering and reading may overlap.
        Pages from the cache and failed pages are not counted.
        """
        counts: defaultdict[Source, int] = defaultdict(int)
        own_s: defaultdict[Source, float] = defaultdict(float)
        for page in pages:
            if page.source and not page.cached:
                counts[page.source] += 1
                own_s[page.source] += max(_MIN_S, page.seconds.render + page.seconds.read)
        if counts:
            took_s = max(_MIN_S, took_s)
            shares_s = {source: took_s * own_s[source] / sum(own_s.values()) for source in counts}
            increments = [arg for source in counts for arg in (f"{engine}:{source}", counts[source], shares_s[source])]
            self._record(keys=[_KEY, WORKER_NAMES], args=[_WINDOW_S, took_s, *increments])

    def page_s(self, engine: str, source: Source) -> float:
        """Return the seconds that a worker needs per page; a guess before any page was read."""
        return self._average([f"{engine}:{source}"]) or _UNMEASURED_S[source]

    def pages_per_second(self) -> float | None:
        """Return the pages that one worker reads per second, over all engines and sources; None before any was read."""
        names = {field.decode(errors="replace").rpartition(":")[0] for field in self._redis.hkeys(_KEY)}
        average_s = self._average(sorted(names))
        return 1 / average_s if average_s else None

    def _average(self, names: Sequence[str]) -> float | None:
        """Return the seconds per page of these names together. Invalid values are ignored."""
        fields = [f"{name}:{unit}" for name in names for unit in ("pages", "seconds")]
        values = [_number(value) for value in self._redis.hmget(_KEY, fields)] if fields else []
        measured = [pair for pair in zip(values[::2], values[1::2], strict=True) if all(pair)]
        if not measured:
            return None
        average_s = sum(seconds for _, seconds in measured) / sum(pages for pages, _ in measured)
        return average_s if _MIN_S <= average_s <= _MAX_S else None


def _number(value: bytes | None) -> float:
    """Return a stored number, or 0 if it is missing or invalid."""
    with suppress(TypeError, ValueError):
        number = float(value or 0)
        return number if 0 < number < float("inf") else 0.0
    return 0.0
