"""The files of the web page: which requests get them, and that they refer to each other correctly."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from api import create_app
from api.web_page import _ASSETS
from slimgest_celery.api_keys import make_key
from slimgest_celery.config import Settings
from slimgest_celery.formats.registry import FORMATS
from tests.support.stack import ROOT

WEB = ROOT / "api" / "web"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
HTML = (WEB / "index.html").read_text()


@pytest.fixture
def client() -> FlaskClient:
    """A client of a service with API keys and without Redis: the web page needs neither."""
    settings = {"SLIMGEST_API_KEYS": make_key("alice")[1], "SLIMGEST_REDIS_URL": "redis://127.0.0.1:9/0"}
    return create_app(Settings.from_env(settings)).test_client()


def _get_web_page(client: FlaskClient) -> TestResponse:
    return client.get("/", headers={"Accept": BROWSER})


def test_a_browser_gets_the_web_page_without_a_key_and_other_clients_need_one(client: FlaskClient) -> None:
    response = _get_web_page(client)
    assert response.status_code == 200 and response.mimetype == "text/html" and response.headers["Vary"] == "Accept"
    for accept in ("*/*", "application/json", "", "text/html, application/json"):
        assert client.get("/", headers={"Accept": accept}).status_code == 401, accept
    assert client.get("/jobs", headers={"Accept": BROWSER}).status_code == 401


def test_the_policy_forbids_other_origins_and_inline_scripts(client: FlaskClient) -> None:
    policy = dict(part.split(" ", 1) for part in _get_web_page(client).headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == policy["frame-ancestors"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert "unsafe" not in str(policy) and "http" not in str(policy)
    assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=|//[a-z]", HTML)


def test_every_file_of_the_web_page_is_served_and_no_other(client: FlaskClient) -> None:
    assert {file.name for file in WEB.iterdir()} == _ASSETS | {"index.html"}
    for name in _ASSETS:
        response = client.get(f"/web/{name}")
        assert response.status_code == 200 and response.data == (WEB / name).read_bytes()
        assert not re.search(rb"https?://(?!www\.w3\.org/)", response.data)
    for name in ("index.html", "nothing.js", "..%2f__main__.py", "%2e%2e/page.py"):
        assert client.get(f"/web/{name}").status_code in (401, 404), name


def test_a_cached_file_is_not_sent_again(client: FlaskClient) -> None:
    first = client.get("/web/main.js")
    assert first.headers["Cache-Control"] == "no-cache" and first.mimetype == "text/javascript"
    again = client.get("/web/main.js", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304 and not again.data


def test_every_format_is_offered_and_every_imported_module_exists() -> None:
    assert set(re.findall(r'data-format="([^"]+)"', HTML)) == set(FORMATS)
    for script in WEB.glob("*.js"):
        for imported in re.findall(r'from "\./([^"]+)"', script.read_text()):
            assert (WEB / imported).exists(), f"{script.name} imports {imported}"


def test_every_element_id_used_by_a_script_exists() -> None:
    ids = set(re.findall(r'\sid="([^"]+)"', HTML))
    used = {name for script in WEB.glob("*.js") for name in re.findall(r'\$\("([^"]+)"\)', script.read_text())}
    assert used <= ids and len(used) > 30


def test_every_key_is_documented() -> None:
    keys = re.findall(r'keys: \["([^"]+)"', (WEB / "main.js").read_text())
    documented = re.findall(r"`([^`]+)`", (ROOT / "docs" / "web-page.md").read_text())
    assert len(keys) > 10 and set(keys) <= set(documented)
