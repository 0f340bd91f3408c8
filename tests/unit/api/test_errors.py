"""Errors of the API as problem documents, and the page that describes their codes."""

from __future__ import annotations

from html.parser import HTMLParser

from flask.testing import FlaskClient

from api import create_app
from api.openapi.error_page import error_page
from slimgest_celery.config import Settings
from slimgest_celery.errors import RouteUnknown, all_errors


class Rows(HTMLParser):
    """The text of each table row that has an anchor, by the name of the anchor."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text: dict[str, str] = {}
        self._anchor = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self._anchor = dict(attrs).get("id") or ""

    def handle_data(self, data: str) -> None:
        if self._anchor:
            self.text[self._anchor] = f"{self.text.get(self._anchor, '')} {data.strip()}".strip()


def _client() -> FlaskClient:
    return create_app(Settings.from_env({"SLIMGEST_REDIS_URL": "redis://127.0.0.1:9/0"})).test_client()


def test_the_type_of_an_error_leads_to_the_description_of_its_code() -> None:
    client = _client()
    response = client.get("/nowhere")
    assert (response.status_code, response.mimetype) == (404, "application/problem+json")
    problem = response.get_json()
    address, _, anchor = problem["type"].partition("#")
    page = client.get(address)
    assert (page.status_code, page.mimetype) == (200, "text/html")
    row = Rows(page.text).text[anchor]
    assert problem["code"] in row and problem["title"] in row and problem["hint"] in row
    assert problem["title"] == problem["detail"] == RouteUnknown().message


def test_the_page_describes_every_code_once_and_nothing_else() -> None:
    rows = Rows(error_page()).text
    assert list(rows) == [error.code for error in all_errors()]
    assert error_page().count(" id=") == len(rows)
    for error in all_errors():
        retryable = "yes" if error.retryable else "no"
        assert rows[error.code] == f"{error.code} {error.http_status} {error().message} {error.hint} {retryable}"


def test_the_title_stays_the_same_while_the_detail_describes_the_request() -> None:
    client = _client()
    first, second = (client.get("/jobs", query_string={name: "x"}).get_json() for name in ("limit", "offset"))
    assert first["title"] == second["title"] and first["detail"] != second["detail"]


def test_the_page_loads_only_its_own_style() -> None:
    client = _client()
    page = client.get("/docs/errors")
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'self';")
    assert "<script" not in page.text and "style=" not in page.text
    assert client.get("/docs/errors.css", buffered=True).mimetype == "text/css"
