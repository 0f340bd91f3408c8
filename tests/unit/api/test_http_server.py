"""The reading of request bodies. tests/service/test_http_server.py sends them to a real server."""

from __future__ import annotations

import io
import socket

import gevent

from api.http_server import _Body


def test_other_requests_are_served_while_a_fast_client_uploads() -> None:
    content = io.BytesIO(b"x" * (1 << 20))  # as a socket whose data are always there: nothing waits for them
    served_at: list[int] = []
    ours, theirs = socket.socketpair()
    with ours, theirs:
        body = _Body(content, ours, 5)
        other = gevent.spawn(lambda: served_at.append(content.tell()))
        while body.read(1 << 16):
            pass
        other.join()
    assert served_at[0] <= 256 << 10
