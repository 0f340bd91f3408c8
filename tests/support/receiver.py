"""A receiver of webhooks: real HTTP, with the answers that a test needs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook


@dataclass(frozen=True, kw_only=True)
class Received:
    """A request as received."""

    path: str
    headers: dict[str, str]
    body: str

    def verified(self, secret: str) -> dict[str, object]:
        """Return its message. Raises `WebhookVerificationError`."""
        message: dict[str, object] = Webhook(secret).verify(self.body, self.headers)
        return message


class Receiver:
    """Answers with each of `answers` in turn, then with 200. An answer is a status, or a function that writes it."""

    def __init__(self, *answers: int | Callable[[BaseHTTPRequestHandler], None]) -> None:
        self.received: list[Received] = []
        self._answers = list(answers)
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                receiver.received.append(Received(path=self.path, headers=dict(self.headers.items()), body=body))
                receiver._answer(self)

            do_GET = do_POST

            def log_message(self, format: str, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/hook"

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        answer = self._answers.pop(0) if self._answers else 200
        if callable(answer):
            answer(handler)
            return
        handler.send_response(answer)
        handler.end_headers()


@contextmanager
def receiving(*answers: int | Callable[[BaseHTTPRequestHandler], None]) -> Iterator[Receiver]:
    """Run a receiver during the context."""
    receiver = Receiver(*answers)
    thread = threading.Thread(target=receiver.server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield receiver
    finally:
        receiver.server.shutdown()
        receiver.server.server_close()
        thread.join()


def redirect_to(url: str) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(307)
        handler.send_header("Location", url)
        handler.end_headers()

    return answer


def silent_until(until: threading.Event) -> Callable[[BaseHTTPRequestHandler], None]:
    """Send no answer until this event."""
    return lambda handler: (until.wait(30), None)[1]


def dripping(until: threading.Event) -> Callable[[BaseHTTPRequestHandler], None]:
    """Send headers slowly and without end, until this event."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        try:
            while not until.wait(0.1):
                handler.wfile.write(b"X-More: to come\r\n")
        except OSError:
            pass

    return answer
