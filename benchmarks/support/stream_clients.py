"""Thousands of clients of one event stream, in one process and without threads: `stream_clients PORT PATH CLIENTS`.

Prints `{"connected": …}` when all streams have started, and `{"received": …}` when all have ended. The ids that most
clients received are the ids that were sent. An id that a client lacks is lost; an id that it has twice is a duplicate.
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

from benchmarks.support.service import raise_file_limit

_ID = re.compile(rb"id:(\d+-\d+)\n")
_LAST = (b"event:complete", b"event:error")
_AT_ONCE = 200  # connections opened at a time
_QUIET_S = 60.0


@dataclass
class StreamClient:
    """One client."""

    sock: socket.socket
    ids: list[bytes] = field(default_factory=list)
    rest: bytes = b""  # of an incomplete event
    started: bool = False  # the stream's first line has arrived: from now on no event may be lost
    ended: bool = False

    def feed(self, received: bytes) -> None:
        """Parse bytes from the server; no bytes mean that it closed the connection."""
        if not received:
            self.ended = True
            return
        whole, blank, self.rest = (self.rest + received).rpartition(b"\n\n")
        if blank:
            self.started = True
            self.ids += _ID.findall(whole + blank)
            self.ended = any(last in whole for last in _LAST)


def count_lost_and_duplicate(received: Sequence[Sequence[bytes]]) -> tuple[int, int]:
    """Count lost and duplicate ids over all clients; an id that more than half of them received was sent."""
    by_id = Counter(one for ids in received for one in set(ids))
    sent = {one for one, count in by_id.items() if 2 * count > len(received)}
    lost = sum(len(sent - set(ids)) for ids in received)
    return lost, sum(len(ids) - len(set(ids)) for ids in received)


class StreamClients:
    """All clients of the stream."""

    def __init__(self, port: int, path: str) -> None:
        self._port, self._path = port, path
        self._selector = selectors.DefaultSelector()
        self.clients: list[StreamClient] = []
        self.first_s = self.last_s = 0.0

    def connect(self, count: int) -> None:
        """Connect some clients at a time, until the stream of each has started."""
        while len(self.clients) < count:
            for _ in range(min(_AT_ONCE, count - len(self.clients))):
                self._join()
            self._read_until(lambda: all(client.started for client in self.clients[-_AT_ONCE:]))

    def read_to_end(self) -> None:
        """Read until all streams have ended, or no client has received anything for a minute."""
        self._read_until(lambda: not self._selector.get_map())

    def _join(self) -> None:
        sock = socket.create_connection(("127.0.0.1", self._port))
        sock.sendall(f"GET {self._path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n".encode())
        sock.setblocking(False)
        client = StreamClient(sock)
        self.clients.append(client)
        self._selector.register(sock, selectors.EVENT_READ, client)

    def _read_until(self, enough: Callable[[], bool]) -> None:
        while not enough():
            ready = self._selector.select(_QUIET_S)
            if not ready:
                return
            for key, _ in ready:
                self._read(key.data)

    def _read(self, client: StreamClient) -> None:
        try:
            client.feed(client.sock.recv(1 << 16))
        except ConnectionError:
            client.feed(b"")
        if client.ids:
            self.last_s = time.perf_counter()
            self.first_s = self.first_s or self.last_s
        if client.ended:
            self._selector.unregister(client.sock)
            client.sock.close()


def main() -> None:
    """Run the command line."""
    port, path, count = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    raise_file_limit()
    clients = StreamClients(port, path)
    clients.connect(count)
    print(json.dumps({"connected": {"clients": count}}), flush=True)
    clients.read_to_end()
    received = [client.ids for client in clients.clients]
    lost, duplicate = count_lost_and_duplicate(received)
    report = {
        "events": sum(map(len, received)),
        "seconds": clients.last_s - clients.first_s,
        "lost": lost,
        "duplicate": duplicate,
        "unended": sum(not client.ended for client in clients.clients),
    }
    print(json.dumps({"received": report}), flush=True)


if __name__ == "__main__":
    main()
