"""One subscription of a process, shared by all who listen in it: with a Redis connection each, and every message parsed
for each, a few thousand clients would cost an API process more than all else that it does.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

T = TypeVar("T")
_log = logging.getLogger(__name__)

_MOST_WAITING = 200  # messages that a slow listener may leave unheard before it has to look for itself
_IDLE_S = 0.5
COUNT_S = 5.0
RECONNECT_S = 1.0
_NEVER = Retry(NoBackoff(), 0)


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
    """Passes on what Redis publishes. Its thread (under gevent, its greenlet) lives while somebody listens.

    That thread alone connects, and subscribes to all channels when it does; others send their commands on a connection
    that stands. Two who connect at once read each other's answers.
    """

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
        self._running = False
        self._standing: Any = None  # the redis-py subscription, while its connection stands

    def listen(self, channel: str) -> Listener[T]:
        """A new listener, which is told to look as soon as its subscription stands, and again after each loss of it."""
        listener: Listener[T] = Listener(channel)
        with self._lock:
            self._listeners[channel].add(listener)
            if channel in self._confirmed:
                listener.put(Told.LOOK)
            elif len(self._listeners[channel]) == 1:
                self._say("subscribe", channel)
            if not self._running:
                self._running = True
                threading.Thread(target=self._run, name="hub", daemon=True).start()
        return listener

    def leave(self, listener: Listener[T]) -> None:
        """Ends a listener; harmless when repeated."""
        with self._lock:
            there = self._listeners.get(listener.channel, set())
            there.discard(listener)
            if not there and self._listeners.pop(listener.channel, None) is not None:
                self._confirmed.discard(listener.channel)
                self._say("unsubscribe", listener.channel)

    def _say(self, command: str, channel: str) -> None:
        """Changes what is subscribed to, under the lock. Where that fails, the thread connects anew and does it all."""
        if self._standing is not None:
            try:
                getattr(self._standing, command)(channel)
            except RedisError:
                self._standing = None

    # The thread

    def _run(self) -> None:
        while (pubsub := self._connected()) is not None:
            try:
                while self._standing is pubsub and not self._is_over():
                    self._tell_count()
                    if message := pubsub.get_message(timeout=_IDLE_S):
                        self._pass_on(message)
            except Exception as error:
                # Whatever it is, without this thread nobody hears anything. Where a command of another fails, redis-py
                # closes the connection under the hands of this one, which then finds a closed file.
                _log.warning("the subscription of the event streams broke (%s) and is renewed", type(error).__name__)
            self._close(pubsub)

    def _connected(self) -> Any:
        """A new subscription to all that is listened to; None, and the thread's end, where that is nothing."""
        while True:
            with self._lock:
                if self._is_over():
                    self._running = False
                    return None
                pubsub = self._redis.pubsub()
                with suppress(RedisError):
                    pubsub.subscribe(*self._listeners)
                    pubsub.connection.retry = _NEVER  # a new connection is made here
                    self._standing = pubsub
                    return pubsub
                pubsub.close()
            time.sleep(RECONNECT_S)

    def _close(self, pubsub: Any) -> None:
        with self._lock:
            if self._standing is pubsub:
                self._standing = None
            self._confirmed.clear()
            pubsub.connection.retry = self._redis.connection_pool.connection_kwargs.get("retry", _NEVER)
            with suppress(RedisError, OSError, ValueError):
                pubsub.close()

    def _is_over(self) -> bool:
        """Whether nobody listens any more, which is told."""
        with self._lock:
            if self._listeners:
                return False
            with suppress(RedisError):
                self._count(0)
            return True

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

    def _pass_on(self, message: dict[str, Any]) -> None:
        channel = message["channel"].decode()
        if message["type"] == "message":
            told: T | Told | None = self._parse(message["data"])
        elif message["type"] == "subscribe":
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
