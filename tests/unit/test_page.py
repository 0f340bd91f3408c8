"""The web page's files: what is served to whom, and that they hold together."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from api import create_app
from api.page import _ASSETS
from slimgest_celery.access import make_key
from slimgest_celery.config import Settings
from slimgest_celery.formats import FORMATS
from tests.support.stack import ROOT

WEB = ROOT / "api" / "web"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
HTML = (WEB / "index.html").read_text()


@pytest.fixture
def client() -> FlaskClient:
    """Of a service with keys, whose Redis is not there: the page needs neither."""
    settings = {"SLIMGEST_API_KEYS": make_key("alice")[1], "SLIMGEST_REDIS_URL": "redis://127.0.0.1:9/0"}
    return create_app(Settings.from_env(settings)).test_client()


def _page(client: FlaskClient, **headers: str) -> TestResponse:
    return client.get("/", headers={"Accept": BROWSER, **headers})


def test_a_browser_gets_the_page_without_a_key_and_everyone_else_is_asked_for_one(client: FlaskClient) -> None:
    answer = _page(client)
    assert answer.status_code == 200 and answer.mimetype == "text/html" and answer.headers["Vary"] == "Accept"
    for accept in ("*/*", "application/json", "", "text/html, application/json"):
        assert client.get("/", headers={"Accept": accept}).status_code == 401, accept
    assert client.get("/jobs", headers={"Accept": BROWSER}).status_code == 401


def test_the_policy_lets_nothing_in_from_elsewhere_and_nothing_inline(client: FlaskClient) -> None:
    policy = dict(part.split(" ", 1) for part in _page(client).headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == policy["frame-ancestors"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert "unsafe" not in str(policy) and "http" not in str(policy)
    assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=|//[a-z]", HTML)


def test_every_file_of_the_page_is_served_and_no_other(client: FlaskClient) -> None:
    assert {file.name for file in WEB.iterdir()} == _ASSETS | {"index.html"}
    for name in _ASSETS:
        answer = client.get(f"/web/{name}")
        assert answer.status_code == 200 and answer.data == (WEB / name).read_bytes()
        assert not re.search(rb"https?://(?!www\.w3\.org/)", answer.data)
    for name in ("index.html", "nothing.js", "..%2f__main__.py", "%2e%2e/page.py"):
        assert client.get(f"/web/{name}").status_code in (401, 404), name


def test_a_file_that_a_browser_has_is_not_sent_again(client: FlaskClient) -> None:
    first = client.get("/web/main.js")
    assert first.headers["Cache-Control"] == "no-cache" and first.mimetype == "text/javascript"
    again = client.get("/web/main.js", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304 and not again.data


def test_every_format_is_offered_and_every_module_is_there() -> None:
    assert set(re.findall(r'data-format="([^"]+)"', HTML)) == set(FORMATS)
    for script in WEB.glob("*.js"):
        for imported in re.findall(r'from "\./([^"]+)"', script.read_text()):
            assert (WEB / imported).exists(), f"{script.name} imports {imported}"


def test_every_element_that_a_script_looks_for_is_in_the_page() -> None:
    ids = set(re.findall(r'\sid="([^"]+)"', HTML))
    asked = {name for script in WEB.glob("*.js") for name in re.findall(r'\$\("([^"]+)"\)', script.read_text())}
    assert asked <= ids and len(asked) > 30
