"""Query parameters and their values."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
from flask import Flask, request

from api import create_app
from api.openapi.routes import Route, described_routes
from api.requests import JobListQuery, parse_query
from slimgest_celery.config import Settings
from slimgest_celery.errors import OptionInvalid
from slimgest_celery.models.job import JobStatus

JOB = "0f6c1b5e-3d8a-4c57-9b1e-2a7f4d90c3e1"
APP = create_app(Settings.from_env({"SLIMGEST_REDIS_URL": "redis://127.0.0.1:9/0"}))
ROUTES = {(route.method, route.path): route for route in described_routes(APP)}


def _parse(query: str) -> JobListQuery:
    with Flask("test").test_request_context(f"/jobs?{query}"):
        return parse_query(request, JobListQuery)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("2026-11-25", datetime(2026, 11, 25, tzinfo=UTC)),
        ("2026-11-25T12:53:43.550801Z", datetime(2026, 11, 25, 12, 53, 43, 550801, tzinfo=UTC)),
        ("2026-11-25T12:53", datetime(2026, 11, 25, 12, 53, tzinfo=UTC)),
        ("2026-11-25T14:53:00%2B02:00", datetime(2026, 11, 25, 12, 53, tzinfo=UTC)),
        ("2026-11-25T14:53:00+02:00", datetime(2026, 11, 25, 12, 53, tzinfo=UTC)),
        ("2026-11-25 12:53", datetime(2026, 11, 25, 12, 53, tzinfo=UTC)),
    ],
)
def test_a_time_is_a_date_or_as_in_rfc_3339_and_a_forgotten_escape_of_plus_does_no_harm(
    given: str, expected: datetime | None
) -> None:
    assert _parse(f"since={given}").since == expected


def test_several_statuses_are_separated_by_commas() -> None:
    assert _parse("status=failed,partial").status == {JobStatus.FAILED, JobStatus.PARTIAL}
    assert _parse("status=").status == _parse("").status == frozenset()


@pytest.mark.parametrize(
    "query",
    [
        "since=1795449081",
        "since=2026-13-01",
        "since=yesterday",
        "since=",
        "status=done",
        "status=failed,",
        "cursor=1",
        "limit=-1",
    ],
)
def test_other_values_are_refused_by_name(query: str) -> None:
    with pytest.raises(OptionInvalid, match=query.partition("=")[0]):
        _parse(query)


@pytest.mark.parametrize("route", ROUTES.values(), ids=[" ".join(key) for key in ROUTES])
def test_every_route_refuses_an_unknown_query_parameter_and_says_which_are_known(route: Route) -> None:
    path = route.path.replace("{job_id}", JOB).replace("{page_number}", "1").replace("{delivery_id}", "msg_1")
    answer = APP.test_client().open(path, method=route.method, query_string={"Colour": "red"})
    assert answer.status_code == 400 and answer.json is not None
    assert answer.json["code"] == "request.invalid" and "'Colour'" in answer.json["detail"]
    known = route.description.query.model_fields if route.description.query else {}
    assert all(name in answer.json["detail"] for name in known)


@pytest.mark.parametrize(
    ("method", "address", "says"),
    [
        ("GET", "/jobs?stauts=failed", "did you mean 'status'? Known query parameters are cursor, filename"),
        ("GET", f"/jobs/{JOB}/events?lastEventId=1", "did you mean 'last_event_id'?"),
        ("POST", "/jobs?language=de", "did you mean 'languages'?"),
        ("POST", "/jobs?password=sesame", "'password' is a form field, not a query parameter."),
        ("GET", f"/jobs/{JOB}?verbose=1", "Unknown query parameter 'verbose'; this address has none."),
    ],
)
def test_the_nearest_known_name_is_suggested(method: str, address: str, says: str) -> None:
    answer = APP.test_client().open(address, method=method)
    assert answer.json is not None and says in answer.json["detail"]


@pytest.mark.parametrize("path", ["/jobs", f"/jobs/{JOB}/retry", f"/jobs/{JOB}/result"])
def test_an_unknown_form_field_is_refused_likewise(path: str) -> None:
    data = {"file": (io.BytesIO(b"%PDF-1.4"), "a.pdf")} if path == "/jobs" else {}
    answer = APP.test_client().post(path, data={**data, "pasword": "x"}, headers={"Idempotency-Key": "k"})
    assert answer.status_code == 400 and answer.json is not None
    assert "Unknown form field 'pasword'; did you mean 'password'?" in answer.json["detail"]


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"callback_format": "md"}, "callback_format: needs a callback_url"),
        ({"callback_format": "pdf", "callback_url": "http://x/"}, "callback_format: must be one of json, "),
    ],
)
def test_a_callback_format_is_one_of_text_and_needs_a_callback(form: dict[str, str], says: str) -> None:
    data = {"file": (io.BytesIO(b"%PDF-1.4"), "a.pdf"), **form}
    answer = APP.test_client().post("/jobs", data=data, headers={"Idempotency-Key": "k"})
    assert answer.status_code == 422 and answer.json is not None and says in answer.json["detail"]


def test_browsers_get_the_web_page_and_its_files_whatever_the_query() -> None:
    client = APP.test_client()
    page = client.get("/?utm_source=mail", headers={"Accept": "text/html"}, buffered=True)
    assert page.status_code == 200 and page.mimetype == "text/html"
    assert client.get("/web/main.js?v=2", buffered=True).status_code == 200
