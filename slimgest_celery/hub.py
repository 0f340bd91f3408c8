"""One subscription of a process, shared by all who listen in it: with a Redis connection each, and every message parsed
for each, a few thousand clients would cost an API process more than all else that it does.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

from redis import ConnectionError as RedisConnectionError
from redis import Redis
from redis import TimeoutError as RedisTimeoutError
from redis.exceptions import RedisError

T = TypeVar("T")

_MOST_WAITING = 200  # messages that a slow listener may leave unheard before it has to look for itself
_IDLE_S = 0.5
COUNT_S = 5.0
RECONNECT_S = 1.0


class Told(Enum):
    """What a listener is told beside messages."""

    LOOK = "look"  # messages may have passed unheard: look where they are kept


class Listener(Generic[T]):
    """What one listener has not heard yet of a channel."""

    def __init__(self, channel: str) -> None:
        self.channel = channel
        self._waiting: SimpleQueue[T | Told] = SimpleQueue()
        self._behind = False

    def put(self, message: T | Told) -> None:
        """For the hub. After more than a listener may leave waiting, there is nothing but a look for it."""
        if self._waiting.qsize() >= _MOST_WAITING:
            self._behind = True
        elif not self._behind:
            self._waiting.put(message)

    def get(self, timeout_s: float) -> T | Told | None:
        """The next message, or None after `timeout_s` without one."""
        if self._behind and self._waiting.empty():
            self._behind = False  # first: what comes from now on comes again with the look, and does no harm
            return Told.LOOK
        try:
            return self._waiting.get(timeout=timeout_s)
        except Empty:
            return None


class Hub(Generic[T]):
    """Passes on what Redis publishes. Its thread (under gevent, its greenlet) lives while somebody listens."""

    def __init__(
        self, redis: Redis, parse: Callable[[bytes], T | None], count: Callable[[int], object] = lambda _: None
    ) -> None:
        """`parse` makes of a payload what all its listeners get, or None of nonsense; `count` is told now and then how
        many listen, at least every COUNT_S seconds while any does."""
        self._redis = redis
        self._parse = parse
        self._count = count
        self._counted = 0, 0.0
        self._lock = threading.RLock()
        self._listeners: defaultdict[str, set[Listener[T]]] = defaultdict(set)
        self._confirmed: set[str] = set()
        self._pubsub: Any = None

    def listen(self, channel: str) -> Listener[T]:
        """A new listener, which is told to look as soon as its subscription stands, and again after each loss of it.

        Raises `RedisError`.
        """
        listener: Listener[T] = Listener(channel)
        with self._lock:
            if self._pubsub is None:
                self._pubsub = self._redis.pubsub()
                threading.Thread(target=self._run, args=(self._pubsub,), name="hub", daemon=True).start()
            self._listeners[channel].add(listener)
            if channel in self._confirmed:
                listener.put(Told.LOOK)
            elif len(self._listeners[channel]) == 1:
                try:
                    self._pubsub.subscribe(channel)
                except BaseException:
                    self._forget(listener)
                    raise
        return listener

    def leave(self, listener: Listener[T]) -> None:
        """Ends a listener; harmless when repeated."""
        with self._lock:
            if listener in self._listeners.get(listener.channel, ()) and self._forget(listener):
                self._unsubscribe(listener.channel)

    def _forget(self, listener: Listener[T]) -> bool:
        """Whether it was the last on its channel."""
        self._listeners[listener.channel].discard(listener)
        if self._listeners[listener.channel]:
            return False
        del self._listeners[listener.channel]
        self._confirmed.discard(listener.channel)
        return True

    def _unsubscribe(self, channel: str) -> None:
        try:
            self._pubsub.unsubscribe(channel)
        except (RedisConnectionError, RedisTimeoutError):
            return  # it went with the connection; if it comes back with the next, nobody listens

    def _run(self, pubsub: Any) -> None:
        while not self._is_over(pubsub):
            self._tell_count()
            try:
                message = pubsub.get_message(timeout=_IDLE_S)
            except RedisError:  # whatever it is: without this thread nobody hears anything
                time.sleep(RECONNECT_S)
                continue
            if message is not None:
                self._pass_on(message)

    def _tell_count(self) -> None:
        """Not for each that comes or goes: that may be thousands in a second."""
        with self._lock:
            count = sum(map(len, self._listeners.values()))
        known, told_s = self._counted
        passed_s = time.monotonic() - told_s
        if passed_s > COUNT_S or (count != known and passed_s > _IDLE_S):
            self._counted = count, time.monotonic()
            with suppress(RedisError):  # a Redis that is full refuses a count, and still passes messages on
                self._count(count)

    def _is_over(self, pubsub: Any) -> bool:
        with self._lock:
            if self._listeners:
                return False
            self._pubsub = None
            pubsub.close()
            with suppress(RedisError):
                self._count(0)
            return True

    def _pass_on(self, message: dict[str, Any]) -> None:
        channel = message["channel"].decode()
        if message["type"] == "message":
            told: T | Told | None = self._parse(message["data"])
        elif message["type"] == "subscribe":  # the first time, or again by redis-py on a new connection
            told = Told.LOOK
        else:
            return
        with self._lock:
            listeners = list(self._listeners.get(channel, ()))
            if told is Told.LOOK and listeners:
                self._confirmed.add(channel)
        if told is not None:
            for listener in listeners:
                listener.put(told)
