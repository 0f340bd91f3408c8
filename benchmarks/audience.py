"""Thousands of clients of one event stream, in one process and without threads: `audience PORT PATH CLIENTS`.

Prints `{"connected": …}` when all streams have begun, and `{"heard": …}` when all have heard the end. What was
heard is held against what most of them heard: ids that one lacks are lost, ids that it has again are twice.
"""

from __future__ import annotations

import json
import re
import selectors
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from benchmarks.service import more_files

_ID = re.compile(rb"id:(\d+-\d+)\n")
_LAST = (b"event:complete", b"event:error")
_AT_ONCE = 200  # connections that are being made at a time
_QUIET_S = 60.0


@dataclass
class Listener:
    """One client."""

    sock: socket.socket
    ids: list[bytes] = field(default_factory=list)
    rest: bytes = b""  # of an event that has not come whole
    begun: bool = False  # the stream's first line came: from now on nothing may be missed
    ended: bool = False

    def take(self, received: bytes) -> None:
        """What the server sent; nothing means that it closed the connection."""
        if not received:
            self.ended = True
            return
        whole, blank, self.rest = (self.rest + received).rpartition(b"\n\n")
        if blank:
            self.begun = True
            self.ids += _ID.findall(whole + blank)
            self.ended = any(last in whole for last in _LAST)


def tally(heard: Sequence[Sequence[bytes]]) -> tuple[int, int]:
    """Ids that were lost and ids that came twice, over all clients; what half of them heard is what was sent."""
    by_id = Counter(one for ids in heard for one in set(ids))
    sent = {one for one, count in by_id.items() if 2 * count > len(heard)}
    lost = sum(len(sent - set(ids)) for ids in heard)
    return lost, sum(len(ids) - len(set(ids)) for ids in heard)


class Audience:
    """All of them."""

    def __init__(self, port: int, path: str) -> None:
        self._port, self._path = port, path
        self._selector = selectors.DefaultSelector()
        self.listeners: list[Listener] = []
        self.first_s = self.last_s = 0.0

    def connect(self, count: int) -> None:
        """Some at a time, until each one's stream has begun."""
        while len(self.listeners) < count:
            for _ in range(min(_AT_ONCE, count - len(self.listeners))):
                self._join()
            self._hear(lambda: all(listener.begun for listener in self.listeners[-_AT_ONCE:]))

    def listen(self) -> None:
        """Until all have heard the end, or nobody heard anything for long."""
        self._hear(lambda: not self._selector.get_map())

    def _join(self) -> None:
        sock = socket.create_connection(("127.0.0.1", self._port))
        sock.sendall(f"GET {self._path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n".encode())
        sock.setblocking(False)
        listener = Listener(sock)
        self.listeners.append(listener)
        self._selector.register(sock, selectors.EVENT_READ, listener)

    def _hear(self, enough: Callable[[], bool]) -> None:
        while not enough():
            ready = self._selector.select(_QUIET_S)
            if not ready:
                return
            for key, _ in ready:
                self._take(key.data)

    def _take(self, listener: Listener) -> None:
        try:
            listener.take(listener.sock.recv(1 << 16))
        except ConnectionError:
            listener.take(b"")
        if listener.ids:
            self.last_s = time.perf_counter()
            self.first_s = self.first_s or self.last_s
        if listener.ended:
            self._selector.unregister(listener.sock)
            listener.sock.close()


def main() -> None:
    """The command line."""
    port, path, count = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    more_files()
    audience = Audience(port, path)
    audience.connect(count)
    print(json.dumps({"connected": {"clients": count}}), flush=True)
    audience.listen()
    heard = [listener.ids for listener in audience.listeners]
    lost, twice = tally(heard)
    told = {
        "events": sum(map(len, heard)),
        "seconds": audience.last_s - audience.first_s,
        "lost": lost,
        "twice": twice,
        "unended": sum(not listener.ended for listener in audience.listeners),
    }
    print(json.dumps({"heard": told}), flush=True)


if __name__ == "__main__":
    main()
