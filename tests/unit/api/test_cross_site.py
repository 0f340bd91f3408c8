"""Requests with a foreign host, requests of foreign web pages, and the headers of proxies."""

from __future__ import annotations

import pytest
from flask import Flask, request
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from api import create_app
from slimgest_celery.api_keys import make_key
from slimgest_celery.config import Settings, SettingsError

KEY, PAIR = make_key("alice")
LINK = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
PASSED = "request.not_found"  # of a path without a view: the request passed all checks


def _app(**env: str) -> Flask:
    return create_app(Settings.from_env({"SLIMGEST_REDIS_URL": "redis://127.0.0.1:9/0", **env}))


def _get(client: FlaskClient, listens_on: str = "127.0.0.1", method: str = "GET", **headers: str) -> TestResponse:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.open("/nowhere", method=method, headers=given, environ_overrides={"SERVER_NAME": listens_on})


def _code(response: TestResponse) -> str:
    return str(response.get_json()["code"])


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8000", "app.localhost", "127.0.0.1:8000", "127.1.2.3", "[::1]:8000"]
)
def test_a_host_of_this_machine_is_accepted(host: str) -> None:
    assert _code(_get(_app().test_client(), Host=host)) == PASSED


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "localhost.evil.example", "127.0.0.1.evil.example", "10.1.2.3", "["]
)
def test_a_foreign_host_is_refused_on_loopback(host: str) -> None:
    refused = _get(_app().test_client(), Host=host)
    assert (refused.status_code, _code(refused)) == (403, "access.host")
    assert refused.headers["X-Request-ID"]


def test_an_address_is_accepted_where_other_machines_may_connect_and_a_name_is_not() -> None:
    client = _app().test_client()
    assert _code(_get(client, "0.0.0.0", Host="10.1.2.3:8000")) == PASSED
    assert _code(_get(client, "0.0.0.0", Host="evil.example")) == "access.host"


def test_allowed_hosts_are_accepted_and_with_keys_only_those() -> None:
    allowed = {"SLIMGEST_ALLOWED_HOSTS": "pdf.example.com,.inside.example"}
    client, guarded = _app(**allowed).test_client(), _app(SLIMGEST_API_KEYS=PAIR, **allowed).test_client()
    for host in ("pdf.example.com", "PDF.example.com:443", "a.inside.example", "localhost"):
        assert _code(_get(client, Host=host)) == PASSED
        assert _code(_get(guarded, Host=host, Authorization=f"Bearer {KEY}")) == PASSED
    for host in ("example.com", "evilinside.example"):
        assert _code(_get(client, Host=host)) == "access.host"
        assert _code(_get(guarded, Host=host, Authorization=f"Bearer {KEY}")) == "access.host"
    any_host = _app(SLIMGEST_API_KEYS=PAIR).test_client()
    assert _code(_get(any_host, Host="pdf.example.com", Authorization=f"Bearer {KEY}")) == PASSED


def test_a_host_setting_with_a_scheme_is_refused_at_start() -> None:
    with pytest.raises(SettingsError, match="SLIMGEST_ALLOWED_HOSTS"):
        Settings.from_env({"SLIMGEST_ALLOWED_HOSTS": "https://pdf.example.com"})


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:3000"},
        {"Origin": "http://localhost", "Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_request_of_a_foreign_web_page_is_refused(method: str, headers: dict[str, str]) -> None:
    refused = _get(_app().test_client(), method=method, **headers)
    assert (refused.status_code, _code(refused)) == (403, "access.origin")


@pytest.mark.parametrize(
    "headers", [{}, {"Origin": "http://localhost"}, {"Sec_Fetch_Site": "same-origin"}, {"Sec_Fetch_Site": "none"}]
)
def test_requests_of_the_own_web_page_and_of_programs_are_accepted(headers: dict[str, str]) -> None:
    for method in ("GET", "POST"):
        assert _code(_get(_app().test_client(), method=method, **headers)) == PASSED


def test_a_link_may_be_followed_and_a_form_may_not_be_sent() -> None:
    client = _app().test_client()
    assert client.get("/nowhere", headers=LINK).get_json()["code"] == PASSED
    assert client.post("/nowhere", headers=LINK).get_json()["code"] == "access.origin"
    framed = {**LINK, "Sec-Fetch-Dest": "iframe"}
    assert client.get("/nowhere", headers=framed).get_json()["code"] == "access.origin"
    assert client.get("/health/live", headers={"Origin": "https://evil.example"}).status_code == 200


def test_listed_origins_may_use_the_api() -> None:
    client = _app(SLIMGEST_CORS_ORIGINS="https://ours.example").test_client()
    headers = {"Origin": "https://ours.example", "Sec_Fetch_Site": "cross-site"}
    answer = _get(client, method="POST", **headers)
    assert _code(answer) == PASSED and answer.headers["Access-Control-Allow-Origin"] == "https://ours.example"


def test_a_service_with_keys_needs_no_check_of_the_origin() -> None:
    client = _app(SLIMGEST_API_KEYS=PAIR).test_client()
    assert _code(_get(client, Origin="https://evil.example")) == "access.key_missing"
    assert _code(_get(client, Origin="https://evil.example", Authorization=f"Bearer {KEY}")) == PASSED


def test_forwarded_headers_count_only_from_trusted_proxies() -> None:
    flask = _app(SLIMGEST_TRUSTED_PROXIES="10.1.0.0/16", SLIMGEST_ALLOWED_HOSTS="pdf.example.com")
    seen: list[tuple[str, str | None, str]] = []
    flask.before_request_funcs[None].insert(
        0, lambda: seen.append((request.root_url, request.remote_addr, request.path))
    )
    forwarded = {
        "X-Forwarded-For": "203.0.113.9",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "pdf.example.com",
        "X-Forwarded-Prefix": "/slim",
    }
    for peer in ("10.1.2.3", "10.2.0.1"):
        flask.test_client().get("/health/live", headers=forwarded, environ_base={"REMOTE_ADDR": peer})
    assert seen == [
        ("https://pdf.example.com/slim/", "203.0.113.9", "/health/live"),
        ("http://localhost/", "10.2.0.1", "/health/live"),
    ]


def test_behind_a_path_prefix_the_types_of_errors_and_the_api_document_have_it() -> None:
    client = _app(SLIMGEST_TRUSTED_PROXIES="127.0.0.1").test_client()
    behind = {"X-Forwarded-Prefix": "/slim"}
    assert client.get("/nowhere", headers=behind).get_json()["type"] == "/slim/docs/errors#request.not_found"
    assert client.get("/openapi.json", headers=behind).get_json()["servers"] == [{"url": "/slim"}]
    assert client.get("/openapi.json").get_json()["servers"] == [{"url": "/"}]
