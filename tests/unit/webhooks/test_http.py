"""The callback URLs to which webhooks may be sent."""

from __future__ import annotations

import socket
from ipaddress import ip_network
from typing import Any

import pytest

from slimgest_celery.config import Settings
from slimgest_celery.errors import CallbackDisabled, CallbackInvalid, CallbackRefused, CallbackUnreachable
from slimgest_celery.webhooks.http import check, parse, resolve
from slimgest_celery.webhooks.signing import make_secret

PUBLIC = ["1.1.1.1", "93.184.215.14", "[2606:4700:4700::1111]"]
NOT_PUBLIC = [
    "127.0.0.1", "127.1", "2130706433", "0x7f.0.0.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1",
    "169.254.169.254", "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
    "[::]", "[::1]", "[fe80::1]", "[fc00::1]", "[fec0::1]", "[ff02::1]", "[2001:db8::1]",
    "[::ffff:10.0.0.1]", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[2001:0:7f00:1::]",
]  # fmt: skip


@pytest.mark.parametrize("host", NOT_PUBLIC)
def test_an_address_that_is_not_public_is_refused_in_every_notation(host: str) -> None:
    with pytest.raises(CallbackRefused):
        resolve(parse(f"http://{host}/hook"), ())


@pytest.mark.parametrize("host", PUBLIC)
def test_a_public_address_is_allowed(host: str) -> None:
    (address, *_) = resolve(parse(f"https://{host}/hook"), ())
    assert address.sockaddr[:2] == (host.strip("[]"), 443)


def test_a_host_with_one_address_that_is_not_public_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def answers(*_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, 80)) for ip in ("1.1.1.1", "10.0.0.1")]

    monkeypatch.setattr(socket, "getaddrinfo", answers)
    with pytest.raises(CallbackRefused):
        resolve(parse("http://two-faced.example/"), ())
    assert len(resolve(parse("http://two-faced.example/"), [ip_network("10.0.0.0/8")])) == 2


def test_an_unknown_host_is_unreachable() -> None:
    with pytest.raises(CallbackUnreachable):
        resolve(parse("http://nowhere.invalid/"), ())


@pytest.mark.parametrize(
    "url",
    ["", "hook", "ftp://example.org/", "file:///etc/passwd", "javascript:alert(1)", "http://", "http:///path",
     "http://example.org:99999/", "http://[::1/", "http://example.org/a b", "http://example.org/\r\nX: y",
     "http://exämple.org/", "http://example.org/" + "x" * 2048],
)  # fmt: skip
def test_a_callback_that_is_not_an_http_url_is_invalid(url: str) -> None:
    with pytest.raises(CallbackInvalid) as invalid:
        parse(url)
    assert not url or url not in invalid.value.message


def test_a_url_is_split_into_its_parts() -> None:
    url = parse("https://anna:s%40fe@example.org:8443/hook?job=1#part")
    assert (url.scheme, url.host, url.port, url.path) == ("https", "example.org", 8443, "/hook?job=1")
    assert url.authorization == "Basic YW5uYTpzQGZl"
    assert parse("http://example.org").path == "/" and parse("http://example.org").authorization is None


def test_callbacks_are_disabled_without_a_secret() -> None:
    with pytest.raises(CallbackDisabled):
        check("https://1.1.1.1/", Settings.from_env({}))
    check("https://1.1.1.1/", Settings.from_env({"SLIMGEST_WEBHOOK_SECRET": make_secret()}))
