"""Callback URLs: which are allowed, and how a webhook is sent to them.

The user who submits a job chooses the host that this service connects to. A URL is therefore checked when it is
submitted and at each attempt: its host is resolved once, every address must be public, and the connection goes to one
of these addresses. So a DNS answer that changes between the check and the connection has no effect. Redirects are
not followed, proxies from the environment are not used, and of an answer only the status is read.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import threading
import time
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from slimgest_celery.config import Network, Settings
from slimgest_celery.errors import (
    CallbackDisabled,
    CallbackInvalid,
    CallbackRefused,
    CallbackTimeout,
    CallbackUnreachable,
)

_MAX_URL = 2048
_PORTS = {"http": 80, "https": 443}
# The only public part of IPv6. In it, 2002::/16 (6to4) contains IPv4 addresses of any kind.
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
_SIX_TO_FOUR = ipaddress.IPv6Network("2002::/16")


@dataclass(frozen=True, kw_only=True)
class CallbackUrl:
    """The parts of a callback URL."""

    scheme: str
    host: str
    port: int
    path: str  # with the query
    authorization: str | None  # Basic, from the user and password in the URL


@dataclass(frozen=True, kw_only=True)
class Address:
    """An address for `socket.connect`."""

    family: int
    sockaddr: Any


def check(url: str, settings: Settings) -> None:
    """Check a callback URL before a job is accepted.

    Raises `CallbackDisabled`, `CallbackInvalid`, `CallbackUnreachable` or `CallbackRefused`.
    """
    if not settings.webhook_secrets:
        raise CallbackDisabled
    resolve(parse(url), settings.callback_networks)


def parse(url: str) -> CallbackUrl:
    """Return the parts of a callback URL. Raises `CallbackInvalid`, whose message does not repeat the URL."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or _PORTS[parts.scheme]
    except (ValueError, KeyError):
        raise CallbackInvalid from None
    if not host or len(url) > _MAX_URL or not url.isascii() or not url.isprintable() or " " in url:
        raise CallbackInvalid
    return CallbackUrl(
        scheme=parts.scheme,
        host=host,
        port=port,
        path=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
        authorization=_basic(parts.username, parts.password or "") if parts.username else None,
    )


def resolve(url: CallbackUrl, allowed: Sequence[Network]) -> list[Address]:
    """Return the addresses of a host, all of them public or in one of the allowed networks.

    Raises `CallbackUnreachable` if the host has no address, and `CallbackRefused` if any address is not allowed.
    """
    try:
        found = socket.getaddrinfo(url.host, url.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise CallbackUnreachable from None
    if not all(_is_allowed(str(sockaddr[0]), allowed) for *_, sockaddr in found):
        raise CallbackRefused
    return [Address(family=family, sockaddr=sockaddr) for family, *_, sockaddr in found]


def post(url: str, body: bytes, headers: dict[str, str], settings: Settings) -> int:
    """Send a webhook and return the HTTP status of the answer.

    Raises `CallbackTimeout` if this takes longer in all than the settings allow, and the errors of `check`.
    """
    callback, deadline_s = parse(url), time.monotonic() + settings.callback_timeout_s
    addresses = resolve(callback, settings.callback_networks)
    if callback.authorization:
        headers = {**headers, "Authorization": callback.authorization}
    try:
        with _shut_down_at(deadline_s, _connect(addresses, deadline_s)) as connection:
            status = _exchange(callback, connection, body, headers)
        if time.monotonic() >= deadline_s:  # `http.client` accepts truncated headers as complete
            raise TimeoutError
        return status
    except (OSError, http.client.HTTPException) as error:
        if isinstance(error, TimeoutError) or time.monotonic() >= deadline_s:
            raise CallbackTimeout from None
        raise CallbackUnreachable(f"The receiver of the callback gave no answer ({type(error).__name__}).") from None


def _is_allowed(text: str, allowed: Sequence[Network]) -> bool:
    address = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return _is_allowed(str(address.ipv4_mapped), allowed)
        public = address.is_global and address in _GLOBAL_UNICAST and address not in _SIX_TO_FOUR
    else:
        public = address.is_global and not address.is_multicast
    return public or any(address in network for network in allowed)


def _connect(addresses: list[Address], deadline_s: float) -> socket.socket:
    """Return a connection to the first address that accepts one; each address gets an equal share of the time."""
    for left in range(len(addresses), 0, -1):
        address = addresses[-left]
        connection = socket.socket(address.family, socket.SOCK_STREAM)
        try:
            connection.settimeout(max(0.01, (deadline_s - time.monotonic()) / left))
            connection.connect(address.sockaddr)
        except OSError:
            connection.close()
            if left == 1:
                raise
        else:
            connection.settimeout(None)  # from here on, `_shut_down_at` limits the time
            return connection
    raise OSError("no address")


@contextmanager
def _shut_down_at(deadline_s: float, connection: socket.socket) -> Iterator[socket.socket]:
    """Shut a connection down at the deadline, even if the receiver keeps sending, slowly and steadily."""
    with connection, connection.dup() as handle:  # TLS takes over the socket itself

        def shut_down() -> None:
            with suppress(OSError):
                handle.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(max(0.0, deadline_s - time.monotonic()), shut_down)
        timer.daemon = True
        timer.start()
        try:
            yield connection
        finally:
            timer.cancel()
            timer.join()


def _exchange(url: CallbackUrl, connection: socket.socket, body: bytes, headers: dict[str, str]) -> int:
    https = url.scheme == "https"
    http_connection = (http.client.HTTPSConnection if https else http.client.HTTPConnection)(url.host, url.port)
    if https:
        connection = ssl.create_default_context().wrap_socket(connection, server_hostname=url.host)
    http_connection.sock = connection
    try:
        http_connection.request("POST", url.path, body=body, headers=headers)
        return http_connection.getresponse().status
    finally:
        http_connection.close()


def _basic(user: str, password: str) -> str:
    return "Basic " + b64encode(f"{unquote(user)}:{unquote(password)}".encode()).decode()
