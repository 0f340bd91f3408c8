"""A gevent server that does nothing but send events: `bare_stream PORT EVENTS BYTES CLIENTS`.

When so many clients have come, all get so many events of so many bytes, one by one, as HTTP's chunks.
"""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import socket  # noqa: E402 - after the patch
import sys  # noqa: E402

from gevent.event import Event  # noqa: E402
from gevent.server import StreamServer  # noqa: E402

from benchmarks.service import more_files  # noqa: E402


def chunk(body: bytes) -> bytes:
    """As HTTP/1.1 sends a part of an answer."""
    return b"%x\r\n%s\r\n" % (len(body), body)


def main() -> None:
    """The command line."""
    port, events, size, clients = map(int, sys.argv[1:])
    more_files()
    all_here = Event()
    come = 0

    def serve(sock: socket.socket, _address: object) -> None:
        nonlocal come
        sock.recv(4096)
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        sock.sendall(chunk(b"retry:2000\n\n"))
        come += 1
        if come == clients:
            all_here.set()
        all_here.wait()
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
