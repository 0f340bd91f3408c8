"""Callback URLs: where a message may go, and how it gets there.

Whoever submits a job chooses where this service connects to, so a URL is checked when it comes and at each attempt: its
host is resolved once, every address must be public, and the connection goes to one of those very addresses. A name
whose answer changes between the two gains nothing. Redirects are not followed, proxies of the environment are not used,
and nothing of an answer but its status is looked at.
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

from .config import Network, Settings
from .errors import CallbackDisabled, CallbackInvalid, CallbackRefused, CallbackTimeout, CallbackUnreachable

_MAX_URL = 2048
_PORTS = {"http": 80, "https": 443}
# Of IPv6 only this is assigned to the public; in it, 2002::/16 wraps IPv4 addresses of any kind.
_UNICAST = ipaddress.IPv6Network("2000::/3")
_WRAPPED = ipaddress.IPv6Network("2002::/16")


@dataclass(frozen=True, kw_only=True)
class Target:
    """A callback URL taken apart."""

    scheme: str
    host: str
    port: int
    path: str  # with its query
    authorization: str | None  # from the URL's user and password


@dataclass(frozen=True, kw_only=True)
class Address:
    """What `socket` connects to."""

    family: int
    sockaddr: Any


def check(url: str, settings: Settings) -> None:
    """Raises `CallbackDisabled`, `CallbackInvalid`, `CallbackUnreachable` or `CallbackRefused`."""
    if not settings.webhook_secrets:
        raise CallbackDisabled
    resolve(parse(url), settings.callback_networks)


def parse(url: str) -> Target:
    """Raises `CallbackInvalid`, which does not repeat the URL."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or _PORTS[parts.scheme]
    except (ValueError, KeyError):
        raise CallbackInvalid from None
    if not host or len(url) > _MAX_URL or not url.isascii() or not url.isprintable() or " " in url:
        raise CallbackInvalid
    return Target(
        scheme=parts.scheme,
        host=host,
        port=port,
        path=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
        authorization=_basic(parts.username, parts.password or "") if parts.username else None,
    )


def resolve(target: Target, allowed: Sequence[Network]) -> list[Address]:
    """The addresses of a host, all of them public or in one of the allowed networks.

    Raises `CallbackUnreachable` where there are none, and `CallbackRefused` where any is neither.
    """
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise CallbackUnreachable from None
    if not all(_may_be_reached(str(sockaddr[0]), allowed) for *_, sockaddr in found):
        raise CallbackRefused
    return [Address(family=family, sockaddr=sockaddr) for family, *_, sockaddr in found]


def post(url: str, body: bytes, headers: dict[str, str], settings: Settings) -> int:
    """Sends a message; returns the HTTP status of the answer.

    Raises `CallbackTimeout` when all of it takes longer than the settings allow, else as `check`.
    """
    target, deadline_s = parse(url), time.monotonic() + settings.callback_timeout_s
    addresses = resolve(target, settings.callback_networks)
    if target.authorization:
        headers = {**headers, "Authorization": target.authorization}
    try:
        with _cut_at(deadline_s, _connected(addresses, deadline_s)) as connected:
            status = _exchange(target, connected, body, headers)
        if time.monotonic() >= deadline_s:  # `http.client` takes headers that were cut off for all of them
            raise TimeoutError
        return status
    except (OSError, http.client.HTTPException) as error:
        if isinstance(error, TimeoutError) or time.monotonic() >= deadline_s:
            raise CallbackTimeout from None
        raise CallbackUnreachable(f"The receiver of the callback gave no answer ({type(error).__name__}).") from None


def _may_be_reached(text: str, allowed: Sequence[Network]) -> bool:
    address = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return _may_be_reached(str(address.ipv4_mapped), allowed)
        public = address.is_global and address in _UNICAST and address not in _WRAPPED
    else:
        public = address.is_global and not address.is_multicast
    return public or any(address in network for network in allowed)


def _connected(addresses: list[Address], deadline_s: float) -> socket.socket:
    """A connection to the first address that takes one; each has an equal share of the time that is left."""
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
            connection.settimeout(None)  # from here on, it is cut off
            return connection
    raise OSError("no address")


@contextmanager
def _cut_at(deadline_s: float, connection: socket.socket) -> Iterator[socket.socket]:
    """Shuts a connection down at its time, however slowly and steadily the other side goes on talking."""
    with connection, connection.dup() as handle:  # TLS takes the socket itself over

        def cut() -> None:
            with suppress(OSError):
                handle.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(max(0.0, deadline_s - time.monotonic()), cut)
        timer.daemon = True
        timer.start()
        try:
            yield connection
        finally:
            timer.cancel()
            timer.join()


def _exchange(target: Target, connection: socket.socket, body: bytes, headers: dict[str, str]) -> int:
    https = target.scheme == "https"
    http_connection = (http.client.HTTPSConnection if https else http.client.HTTPConnection)(target.host, target.port)
    if https:
        connection = ssl.create_default_context().wrap_socket(connection, server_hostname=target.host)
    http_connection.sock = connection
    try:
        http_connection.request("POST", target.path, body=body, headers=headers)
        return http_connection.getresponse().status
    finally:
        http_connection.close()


def _basic(user: str, password: str) -> str:
    return "Basic " + b64encode(f"{unquote(user)}:{unquote(password)}".encode()).decode()
