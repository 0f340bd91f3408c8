"""The events of one job as an iterator, for one client."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self

from redis import ConnectionError as RedisConnectionError
from redis import TimeoutError as RedisTimeoutError

from slimgest_celery.events.shared_subscription import RECONNECT_S, SharedSubscription, Signal
from slimgest_celery.models.events import Event, id_order


class EventStream:
    """An iterator of a job's events: in order, each once, up to the last. It yields `None` after each quiet heartbeat.

    Pub/sub delivers events at once but stores none; the Redis Stream stores them. Therefore the iterator reads the
    Redis Stream after every subscription: the first one, and each one that replaces a lost connection.
    """

    def __init__(
        self,
        subscription: SharedSubscription[Event],
        channel: str,
        *,
        after: str,
        heartbeat_s: float,
        replay: Callable[[str], Iterator[Event]],
        is_over: Callable[[str], bool],
    ) -> None:
        """Begin after the id `after`. `replay` returns stored events later than an id.

        `is_over` returns True if no event later than an id can follow.
        """
        self._subscription = subscription
        self._after = after
        self._heartbeat_s = heartbeat_s
        self._replay, self._is_over = replay, is_over
        self._subscriber = subscription.subscribe(channel)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the subscription. Repeating this is harmless."""
        self._subscription.unsubscribe(self._subscriber)

    def __iter__(self) -> Iterator[Event | None]:
        missed = False
        while True:
            received = Signal.RESYNC if missed else self._subscriber.get(self._heartbeat_s)
            try:
                for event in self._new_events(received):
                    yield event
                    if event.last:
                        return
                if received is None and self._is_over(self._after):
                    return  # the last event is not later than `after`: none follows
                missed = False
            except (RedisConnectionError, RedisTimeoutError):
                missed = True
                time.sleep(RECONNECT_S)
            if received is None or missed:
                yield None

    def _new_events(self, received: Event | Signal | None) -> Iterator[Event]:
        """Return the events not yet yielded: the received one, or those stored (after a signal or a long silence)."""
        events = [received] if isinstance(received, Event) else self._replay(self._after)
        for event in events:
            if id_order(event.id) > id_order(self._after):
                self._after = event.id
                yield event
