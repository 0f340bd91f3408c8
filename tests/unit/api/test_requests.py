"""Query parameters and their values."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from flask import Flask, request

from api.requests import JobListQuery, parse_query
from slimgest_celery.errors import OptionInvalid
from slimgest_celery.models.job import JobStatus


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
        ("", None),
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
        "status=done",
        "status=failed,",
        "cursor=1",
        "limit=-1",
    ],
)
def test_other_values_are_refused_by_name(query: str) -> None:
    with pytest.raises(OptionInvalid, match=query.partition("=")[0]):
        _parse(query)
