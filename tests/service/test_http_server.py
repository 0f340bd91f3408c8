"""Requests that the HTTP server cannot parse, and bodies that stop arriving."""

from __future__ import annotations

import json
import socket
import time
from urllib.parse import urlsplit

import pytest

from tests.support.stack import Stack

FORM = b"Content-Type: multipart/form-data; boundary=x\r\n"
POST = b"POST /jobs HTTP/1.1\r\nHost: localhost\r\n" + FORM


def _exchange(stack: Stack, request: bytes, url: str | None = None) -> tuple[int, dict[str, object], str]:
    """Send bytes, and return the status, the problem document and the head of the answer, when the server closes."""
    address = urlsplit(url or stack.url)
    with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
        connection.sendall(request)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head, answer
    return int(head.split()[1]), json.loads(body), head.decode("latin-1")


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/9.9\r\n\r\n", 400),
        (b"G@T / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nBad Name: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n", 400),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 20_000 + b"\r\n\r\n", 431),
        (b"POST /jobs HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: magic\r\n\r\n", 501),
    ],
)
def test_what_the_server_cannot_parse_is_answered_with_a_problem_document(
    stack: Stack, request_bytes: bytes, status: int
) -> None:
    answered, problem, head = _exchange(stack, request_bytes)
    assert (answered, problem["status"], problem["code"]) == (status, status, "request.invalid")
    assert "nosniff" in head and "<" not in json.dumps(problem)


def test_an_invalid_chunk_of_a_body_is_a_problem_of_the_request(stack: Stack) -> None:
    chunked = POST + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\nnot-a-size\r\n"
    status, problem, _ = _exchange(stack, chunked)
    assert (status, problem["code"]) == (400, "request.invalid")


@pytest.mark.parametrize(
    "framing", [b"Content-Length: 1000\r\n\r\n--x\r\n", b"Transfer-Encoding: chunked\r\n\r\n5\r\n--x"]
)
def test_a_body_that_stops_arriving_is_given_up_and_one_that_is_slow_is_not(stack: Stack, framing: bytes) -> None:
    url = stack.start_api(SLIMGEST_BODY_TIMEOUT="2")
    started_s = time.monotonic()
    status, problem, _ = _exchange(stack, POST + framing, url)
    assert (status, problem["code"], problem["retryable"]) == (408, "request.stalled", True)
    assert 1.9 < time.monotonic() - started_s < 15


def test_a_slow_body_is_read_to_its_end(stack: Stack) -> None:
    url = stack.start_api(SLIMGEST_BODY_TIMEOUT="2")
    address, body = urlsplit(url), b'--x\r\nContent-Disposition: form-data; name="odd"\r\n\r\n1\r\n--x--\r\n'
    with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
        connection.sendall(POST + f"Content-Length: {len(body)}\r\n\r\n".encode())
        started_s = time.monotonic()
        for part in range(0, len(body), 20):
            time.sleep(0.9)
            connection.sendall(body[part : part + 20])
        assert time.monotonic() - started_s > 2
        assert b"Unknown form field" in connection.recv(65536) + connection.recv(65536)
