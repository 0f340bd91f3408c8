"""Settings and hooks of gunicorn: close bodies that stall, and send its errors as problem documents."""

from __future__ import annotations

import socket
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from http import HTTPStatus
from typing import Any

import gevent
from gunicorn import util
from gunicorn.http.errors import ParseException

from slimgest_celery.errors import RequestInvalid, RequestStalled, ServiceFailure
from slimgest_celery.models.problem import Problem
from slimgest_celery.models.responses import ProblemDocument

_SERVE_OTHERS_BYTES = 256 << 10  # some milliseconds of parsing a form
_DRAIN_S, _DRAINED_PIECES, _PIECE_BYTES = 0.5, 16, 65536
_MAX_REASON = 200  # characters of a refused line that are repeated


# --- Bodies that stall ------------------------------------------------------------------------------------------------


class BodyTimeout:
    """WSGI middleware that gives up a request whose body sends no data for `timeout_s` seconds."""

    def __init__(self, wsgi_app: Callable[..., Any], timeout_s: float) -> None:
        self._wsgi_app = wsgi_app
        self._timeout_s = timeout_s

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        connection = environ.get("gunicorn.socket")
        if connection is not None:  # missing in Flask's test client
            environ["wsgi.input"] = _Body(environ["wsgi.input"], connection, self._timeout_s)
        return self._wsgi_app(environ, start_response)


class _Body:
    """A request body, read from a socket. Raises `RequestStalled`, or `RequestInvalid` for invalid chunks.

    The timeout is on only while the body is read: the client of an event stream sends nothing for hours. Other
    requests are served in between: gevent switches only when it has to wait for data, and those of a fast client are
    always there.
    """

    def __init__(self, body: Any, connection: socket.socket, timeout_s: float) -> None:
        self._body = body
        self._connection = connection
        self._timeout_s = timeout_s
        self._bytes = 0  # since other requests were served

    def read(self, size: int | None = None) -> bytes:
        return self._limited(self._body.read, size)

    def readline(self, size: int | None = None) -> bytes:
        return self._limited(self._body.readline, size)

    def readlines(self, size: int | None = None) -> list[bytes]:
        return list(self)

    def __iter__(self) -> Iterator[bytes]:
        while line := self.readline():
            yield line

    def _limited(self, read: Callable[[int | None], bytes], size: int | None) -> bytes:
        self._connection.settimeout(self._timeout_s)
        try:
            data = read(size)
        except TimeoutError as error:
            raise RequestStalled from error
        except ParseException as error:
            raise RequestInvalid(f"The body of the request is invalid: {_printable(str(error))}.") from error
        finally:
            self._connection.settimeout(None)
        self._bytes += len(data)
        if self._bytes >= _SERVE_OTHERS_BYTES:
            self._bytes = 0
            gevent.sleep(0)
        return data


# --- Errors of the server ---------------------------------------------------------------------------------------------


def answer_with_problems() -> None:
    """Let gunicorn answer a request that it cannot parse with a problem document instead of HTML.

    gunicorn has no hook for this: each of its workers calls this function of its module `util`.
    """
    util.write_error = write_problem


def write_problem(connection: socket.socket, status: int, reason: str, message: str) -> None:
    """Write a whole HTTP response. The arguments are those of gunicorn's function."""
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        problem = Problem.from_error(ServiceFailure())
    else:
        problem = Problem.from_error(RequestInvalid(f"The HTTP server refused the request: {_printable(message)}."))
    body = ProblemDocument.from_problem(problem, status).model_dump_json().encode()
    head = [
        f"HTTP/1.1 {status} {reason}",
        "Connection: close",
        "Content-Type: application/problem+json",
        "X-Content-Type-Options: nosniff",
        f"X-Request-ID: {uuid.uuid4().hex}",
        f"Content-Length: {len(body)}",
    ]
    util.write_nonblock(connection, "\r\n".join(head).encode("latin-1", "replace") + b"\r\n\r\n" + body)
    _drain(connection)


def _drain(connection: socket.socket) -> None:
    """Read what the client still sends: the system discards the answer if unread data is there at the close."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(_DRAIN_S)
        for _ in range(_DRAINED_PIECES):
            if not connection.recv(_PIECE_BYTES):
                return


def _printable(text: str) -> str:
    return "".join(character for character in text if character.isprintable())[:_MAX_REASON].rstrip(".")
