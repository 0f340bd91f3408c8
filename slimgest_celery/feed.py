"""A job's events as somebody follows them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self

from redis import ConnectionError as RedisConnectionError
from redis import TimeoutError as RedisTimeoutError

from .event import Event, order
from .hub import RECONNECT_S, Hub, Told


class Feed:
    """An iterator of a job's events, in order, each once, to the last; `None` whenever it was quiet for a heartbeat.

    Pub/sub brings news at once but forgets; the stream remembers. So every subscription, the first as well as one
    that was renewed after a lost connection, is followed by a look into the stream.
    """

    def __init__(
        self,
        hub: Hub[Event],
        channel: str,
        *,
        after: str,
        heartbeat_s: float,
        replay: Callable[[str], Iterator[Event]],
        over: Callable[[str], bool],
    ) -> None:
        """From the id `after` on: `replay` looks for later events, `over` says whether none can come any more."""
        self._hub = hub
        self._after = after
        self._heartbeat_s = heartbeat_s
        self._replay, self._over = replay, over
        self._listener = hub.listen(channel)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Ends the subscription; harmless when repeated."""
        self._hub.leave(self._listener)

    def __iter__(self) -> Iterator[Event | None]:
        missed = False
        while True:
            heard = Told.LOOK if missed else self._listener.get(self._heartbeat_s)
            try:
                for event in self._news(heard):
                    yield event
                    if event.last:
                        return
                if heard is None and self._over(self._after):
                    return  # its end came before `after`: nothing comes any more
                missed = False
            except (RedisConnectionError, RedisTimeoutError):
                missed = True
                time.sleep(RECONNECT_S)
            if heard is None or missed:
                yield None

    def _news(self, heard: Event | Told | None) -> Iterator[Event]:
        """What is new: a message, or what a look into the stream brings. Long silence is worth a look, too."""
        events = [heard] if isinstance(heard, Event) else self._replay(self._after)
        for event in events:
            if order(event.id) > order(self._after):
                self._after = event.id
                yield event
