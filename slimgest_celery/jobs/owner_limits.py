"""Limits on what one owner may ask of the service at the same time. Without API keys, all clients are one owner."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from limits import RateLimitItemPerMinute
from limits.storage import RedisStorage
from limits.strategies import FixedWindowRateLimiter
from redis import Redis
from redis.exceptions import RedisError

from slimgest_celery.config import Settings
from slimgest_celery.errors import OwnerLimit, TooManyEventStreams, TooManyPageImages, TooManyRequests, TooManyUploads

_FIRST_GUESS_S = 5.0  # before any use was measured
_WEIGHT = 0.1  # of the latest use in the average
_MAX_RETRY_AFTER_S = 600
_SKIP_S = 5.0  # without a check of the rate, after Redis did not answer


class Places:
    """The places of one kind of request, counted per owner in this process.

    Each process counts its own: an entry in Redis would outlive a process that dies.
    """

    def __init__(self, limit: int, error: type[OwnerLimit]) -> None:
        self._limit = limit
        self._error = error
        self._used: Counter[str | None] = Counter()
        self._mean_s = _FIRST_GUESS_S * limit

    def take(self, owner: str | None) -> Callable[[], None]:
        """Take a place. Return the function that gives it back, once. Raises `OwnerLimit` if all places are taken."""
        if self._used[owner] >= self._limit:
            raise self._error(retry_after_s=self._retry_after_s())
        self._used[owner] += 1
        taken_s: list[float] = [time.monotonic()]

        def give_back() -> None:
            if taken_s:  # a response may be closed twice
                self._mean_s += _WEIGHT * (time.monotonic() - taken_s.pop() - self._mean_s)
                self._used[owner] -= 1
                if not self._used[owner]:
                    del self._used[owner]

        return give_back

    @contextmanager
    def taken(self, owner: str | None) -> Iterator[None]:
        """Take a place for the time of the context. Raises as `take`."""
        give_back = self.take(owner)
        try:
            yield
        finally:
            give_back()

    def used(self, owner: str | None) -> int:
        """Return the number of places that an owner has taken."""
        return self._used[owner]

    def _retry_after_s(self) -> int:
        """Return the seconds until one of the owner's places is free, estimated from the measured uses."""
        return max(1, min(_MAX_RETRY_AFTER_S, math.ceil(self._mean_s / self._limit)))


@dataclass(frozen=True, kw_only=True)
class OwnerPlaces:
    """The places of each kind of request that takes long."""

    uploads: Places
    event_streams: Places
    page_images: Places

    @classmethod
    def from_settings(cls, settings: Settings) -> OwnerPlaces:
        return cls(
            uploads=Places(settings.owner_uploads, TooManyUploads),
            event_streams=Places(settings.owner_event_streams, TooManyEventStreams),
            page_images=Places(settings.owner_page_images, TooManyPageImages),
        )


class RequestRate:
    """The number of requests of each owner in the current minute, counted in Redis for all processes."""

    def __init__(self, redis: Redis, per_minute: int) -> None:
        """Opens no connection."""
        storage = RedisStorage("redis://", connection_pool=redis.connection_pool, key_prefix="slimgest:limits")
        self._limiter = FixedWindowRateLimiter(storage)
        self._limit = RateLimitItemPerMinute(per_minute)
        self._skip_until_s = 0.0

    def check(self, owner: str | None) -> None:
        """Count a request. Raises `TooManyRequests`.

        While Redis is away, all requests are accepted: those that need Redis fail by themselves.
        """
        if time.monotonic() < self._skip_until_s:
            return
        try:
            if not self._limiter.hit(self._limit, owner or ""):
                reset_s = self._limiter.get_window_stats(self._limit, owner or "").reset_time
                raise TooManyRequests(retry_after_s=max(1, math.ceil(reset_s - time.time())))
        except RedisError:
            self._skip_until_s = time.monotonic() + _SKIP_S
