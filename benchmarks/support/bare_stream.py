"""A gevent server that only sends events: `bare_stream PORT EVENTS BYTES CLIENTS`.

When CLIENTS clients have connected, each receives EVENTS events of BYTES bytes, one by one, as HTTP chunks.
"""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import socket  # noqa: E402 - after the patch
import sys  # noqa: E402 - after the patch

from gevent.event import Event  # noqa: E402 - after the patch
from gevent.server import StreamServer  # noqa: E402 - after the patch

from benchmarks.support.service import raise_file_limit  # noqa: E402 - after the patch


def chunk(body: bytes) -> bytes:
    """Return a body as one chunk of HTTP/1.1."""
    return b"%x\r\n%s\r\n" % (len(body), body)


def main() -> None:
    """Run the command line."""
    port, events, size, clients = map(int, sys.argv[1:])
    raise_file_limit()
    all_connected = Event()
    connected = 0

    def serve(sock: socket.socket, _address: object) -> None:
        nonlocal connected
        sock.recv(4096)
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        sock.sendall(chunk(b"retry:2000\n\n"))
        connected += 1
        if connected == clients:
            all_connected.set()
        all_connected.wait()
        for number in range(events):
            kind = b"complete" if number == events - 1 else b"page"
            sock.sendall(chunk(b"event:%s\ndata:%s\nid:%d-0\n\n" % (kind, b"x" * (size - 30), number + 1)))
        sock.sendall(b"0\r\n\r\n")

    server = StreamServer(("127.0.0.1", port), serve, backlog=4096)
    server.start()
    print("ready", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
