"""Requests that a foreign web page sends from the user's browser, and requests through a proxy.

Without API keys, everyone who reaches the service may use it: above all the programs of its own machine. One of them is
the browser, which also runs the scripts of foreign web pages. Two checks keep these out:

- Host: with DNS rebinding, a foreign name leads to this machine, and the browser then takes the service for a part of
  the foreign site. Such a request names the foreign host.
- Origin: a web page of another origin can send a form, or load an image. The browser names that origin.

With API keys, neither is possible: a foreign web page has no key. Then only SLIMGEST_ALLOWED_HOSTS is checked.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit

from flask import Flask, Request
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.sansio.utils import host_is_trusted

from slimgest_celery.config import Network, Settings
from slimgest_celery.errors import HostRefused, OriginRefused

_FORWARDED = "HTTP_X_FORWARDED_"


# --- Host and origin --------------------------------------------------------------------------------------------------


def check_host(request: Request, settings: Settings) -> None:
    """Raise `HostRefused` if the request names a host that this service does not have."""
    if settings.api_keys and not settings.allowed_hosts:
        return
    name = _host_name(request)
    if _is_loopback(name) or (settings.allowed_hosts and host_is_trusted(name, settings.allowed_hosts)):
        return
    # DNS rebinding needs a name: an address of this machine is harmless.
    if _is_address(name) and not _is_loopback(request.environ["SERVER_NAME"]):
        return
    raise HostRefused


def check_origin(request: Request, settings: Settings) -> None:
    """Raise `OriginRefused` for a request of a web page of another origin, unless the operator has listed it.

    A link that the user follows is allowed: the foreign web page does not see the answer.
    """
    if settings.api_keys:
        return
    origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
    if origin in settings.cors_origins or site in ("same-origin", "none"):
        return
    is_own = origin is None or urlsplit(origin).netloc.lower() == request.host.lower()
    if not (_is_followed_link(request) if site else is_own):
        raise OriginRefused


def _is_followed_link(request: Request) -> bool:
    fetch = request.headers.get("Sec-Fetch-Mode"), request.headers.get("Sec-Fetch-Dest")
    return request.method in ("GET", "HEAD") and fetch == ("navigate", "document")


def _host_name(request: Request) -> str:
    """Return the host that the request names, without its port, and an IPv6 address without its brackets."""
    try:
        return urlsplit(f"//{request.host}").hostname or ""
    except ValueError:  # a single bracket, for example
        return ""


def _is_loopback(name: str) -> bool:
    return name == "localhost" or name.endswith(".localhost") or (_is_address(name) and ip_address(name).is_loopback)


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


# --- Proxies ----------------------------------------------------------------------------------------------------------


class TrustedProxies:
    """WSGI middleware that honours `X-Forwarded-*` (client, scheme, host, port, path prefix) from trusted proxies only.

    From everyone else these headers are removed.
    """

    def __init__(self, flask: Flask, networks: Iterable[Network]) -> None:
        self._networks = tuple(networks)
        self._direct = flask.wsgi_app
        self._proxied = ProxyFix(flask.wsgi_app, x_for=1, x_proto=1, x_host=1, x_port=1, x_prefix=1)

    def __call__(self, environ, start_response):  # type: ignore[no-untyped-def] # the types of WSGI are in typeshed only
        if self._is_trusted(environ.get("REMOTE_ADDR", "")):
            return self._proxied(environ, start_response)
        for name in [name for name in environ if name.startswith(_FORWARDED)]:
            del environ[name]
        return self._direct(environ, start_response)

    def _is_trusted(self, address: str) -> bool:
        return _is_address(address) and any(ip_address(address) in network for network in self._networks)
