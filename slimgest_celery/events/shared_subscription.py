"""One Redis subscription per process, shared by all its event streams.

A Redis connection for each stream, and parsing each message once per stream, would cost an API process with a few
thousand clients more than everything else that it does.
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

# Messages that wait for a slow subscriber, and their total size. If there are more, it resyncs from the stream.
_MAX_BACKLOG, _MAX_BACKLOG_SIZE = 200, 1 << 20
_IDLE_S = 0.5
REPORT_EVERY_S = 5.0
RECONNECT_S = 1.0
_NEVER = Retry(NoBackoff(), 0)


class Signal(Enum):
    """A signal that a subscriber receives in place of a message."""

    RESYNC = "resync"  # messages may have been missed: read them where they are stored


class Subscriber(Generic[T]):
    """One subscriber of a channel, with the messages that it has not read yet."""

    def __init__(self, channel: str) -> None:
        self.channel = channel
        self._backlog: SimpleQueue[tuple[T | Signal, int]] = SimpleQueue()
        self._added, self._taken = 0, 0  # sizes; each is changed by one thread only
        self._behind = False

    def put(self, message: T | Signal, size: int = 0) -> None:
        """Called by the subscription. If the backlog is full, drop the message; the subscriber resyncs later."""
        if self._backlog.qsize() >= _MAX_BACKLOG or self._added - self._taken > _MAX_BACKLOG_SIZE:
            self._behind = True
        elif not self._behind:
            self._added += size
            self._backlog.put((message, size))

    def get(self, timeout_s: float) -> T | Signal | None:
        """Return the next message, or None after `timeout_s` without one."""
        if self._behind and self._backlog.empty():
            self._behind = False  # first: a message that arrives from now on may be read twice, but is not missed
            return Signal.RESYNC
        try:
            message, size = self._backlog.get(timeout=timeout_s)
        except Empty:
            return None
        self._taken += size
        return message


class SharedSubscription(Generic[T]):
    """Distributes messages of Redis channels. Its thread (under gevent: greenlet) runs while there are subscribers.

    Only that thread connects, and it then subscribes to all channels. Other threads send their commands over the
    existing connection. If two threads connected at once, they would read each other's answers.
    """

    def __init__(
        self,
        redis: Redis,
        parse: Callable[[bytes], T | None],
        report_count: Callable[[int], object] = lambda _: None,
        size_of: Callable[[T], int] = lambda _: 0,
    ) -> None:
        """`parse` turns a payload into the message for all subscribers, or into None if it is invalid.

        `report_count` receives the number of subscribers: at least every REPORT_EVERY_S seconds while there are any,
        and when the last one leaves. `size_of` returns the size of a message, in about bytes.
        """
        self._redis = redis
        self._parse = parse
        self._report_count = report_count
        self._size_of = size_of
        self._reported = 0, 0.0  # the count, and when
        self._lock = threading.RLock()
        self._subscribers: defaultdict[str, set[Subscriber[T]]] = defaultdict(set)
        self._confirmed: set[str] = set()
        self._running = False
        self._connection: Any = None  # the redis-py subscription, while it is connected

    def subscribe(self, channel: str) -> Subscriber[T]:
        """Return a new subscriber. It receives a RESYNC when its subscription is active, and after every reconnect."""
        subscriber: Subscriber[T] = Subscriber(channel)
        with self._lock:
            self._subscribers[channel].add(subscriber)
            if channel in self._confirmed:
                subscriber.put(Signal.RESYNC)
            elif len(self._subscribers[channel]) == 1:
                self._send("subscribe", channel)
            if not self._running:
                self._running = True
                threading.Thread(target=self._run, name="subscription", daemon=True).start()
        return subscriber

    def unsubscribe(self, subscriber: Subscriber[T]) -> None:
        """Remove a subscriber. Repeating this is harmless."""
        with self._lock:
            others = self._subscribers.get(subscriber.channel, set())
            others.discard(subscriber)
            if not others and self._subscribers.pop(subscriber.channel, None) is not None:
                self._confirmed.discard(subscriber.channel)
                self._send("unsubscribe", subscriber.channel)

    def _send(self, command: str, channel: str) -> None:
        """Send a command, under the lock. If this fails, the thread reconnects and subscribes to all channels."""
        if self._connection is not None:
            try:
                getattr(self._connection, command)(channel)
            except RedisError:
                self._connection = None

    # The thread

    def _run(self) -> None:
        while (pubsub := self._connect()) is not None:
            try:
                while self._connection is pubsub and not self._is_unused():
                    self._report()
                    if message := pubsub.get_message(timeout=_IDLE_S):
                        self._distribute(message)
            except Exception as error:
                # Catch everything: without this thread no subscriber receives any message. If another thread's command
                # fails, redis-py closes the connection while this thread reads from it, which raises a ValueError.
                _log.warning("the event subscription failed (%s); reconnecting", type(error).__name__)
            self._close(pubsub)

    def _connect(self) -> Any:
        """Return a new subscription to all channels; None, which ends the thread, if there are none."""
        while True:
            with self._lock:
                if self._is_unused():
                    self._running = False
                    return None
                pubsub = self._redis.pubsub()
                with suppress(RedisError):
                    pubsub.subscribe(*self._subscribers)
                    pubsub.connection.retry = _NEVER  # this class reconnects, not redis-py
                    self._connection = pubsub
                    return pubsub
                pubsub.close()
            time.sleep(RECONNECT_S)

    def _close(self, pubsub: Any) -> None:
        with self._lock:
            if self._connection is pubsub:
                self._connection = None
            self._confirmed.clear()
            pubsub.connection.retry = self._redis.connection_pool.connection_kwargs.get("retry", _NEVER)
            with suppress(RedisError, OSError, ValueError):
                pubsub.close()

    def _is_unused(self) -> bool:
        """Return True, and report a count of 0, if there are no subscribers."""
        with self._lock:
            if self._subscribers:
                return False
            with suppress(RedisError):
                self._report_count(0)
            return True

    def _report(self) -> None:
        """Report the count from time to time, not at every change: there may be thousands of changes per second."""
        with self._lock:
            count = sum(map(len, self._subscribers.values()))
        last_count, reported_s = self._reported
        passed_s = time.monotonic() - reported_s
        if passed_s > REPORT_EVERY_S or (count != last_count and passed_s > _IDLE_S):
            self._reported = count, time.monotonic()
            with suppress(RedisError):  # a Redis without free memory refuses the count, but still delivers messages
                self._report_count(count)

    def _distribute(self, message: dict[str, Any]) -> None:
        channel = message["channel"].decode()
        if message["type"] == "message":
            item: T | Signal | None = self._parse(message["data"])
        elif message["type"] == "subscribe":
            item = Signal.RESYNC
        else:
            return
        with self._lock:
            subscribers = list(self._subscribers.get(channel, ()))
            if item is Signal.RESYNC and subscribers:
                self._confirmed.add(channel)
        if item is not None:
            size = 0 if isinstance(item, Signal) else self._size_of(item)
            for subscriber in subscribers:
                subscriber.put(item, size)
