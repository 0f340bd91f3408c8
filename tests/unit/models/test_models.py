"""Options, timestamps, and that records cannot be changed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from slimgest_celery.models.job import Job, JobStatus, Options
from slimgest_celery.models.page import Page, Paragraph


@pytest.mark.parametrize(
    ("pages", "count", "expected"),
    [
        (None, 3, [1, 2, 3]),
        ("2", 3, [2]),
        ("1-2", 3, [1, 2]),
        ("3,1", 3, [1, 3]),
        ("2-", 4, [2, 3, 4]),
        ("1-3,2-5,9", 4, [1, 2, 3, 4]),
        (" 1 - 2 , 4 ", 9, [1, 2, 4]),
        ("5-3", 9, []),
        ("7", 3, []),
        ("1-999999999", 2, [1, 2]),
    ],
)
def test_page_numbers_are_selected_and_sorted(pages: str | None, count: int, expected: list[int]) -> None:
    assert Options(pages=pages).page_numbers(count) == expected


@pytest.mark.parametrize("pages", ["", "0", "1,0", "a", "-3", "1--2", "1;2", "1,", "9" * 12, "1-2-3", "٣"])
def test_an_invalid_page_selection_is_rejected(pages: str) -> None:
    with pytest.raises(ValidationError):
        Options(pages=pages)


@pytest.mark.parametrize("options", [{"dpi": 35}, {"dpi": 601}, {"dpi": float("inf")}, {"mode": "x"}, {"more": 1}])
def test_options_out_of_bounds_are_rejected(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Options.model_validate(options)


def test_records_are_frozen_and_timestamps_are_rfc_3339_in_utc() -> None:
    job = Job(job_id="1", filename="a", options=Options(), created_at=datetime(2026, 1, 10, 12, tzinfo=UTC))
    assert '"created_at":"2026-01-10T12:00:00Z"' in job.model_dump_json()
    assert Job.model_validate_json(job.model_dump_json()) == job
    with pytest.raises(ValidationError):
        job.filename = "b"  # type: ignore[misc]


def test_the_end_states_are_the_four_of_the_contract() -> None:
    assert {status for status in JobStatus if status.ended} == {"completed", "partial", "failed", "cancelled"}


def test_a_page_that_version_0_1_0_has_stored_can_be_read() -> None:
    block = {"text": "A page", "confidence": 0.99, "box": [0.1, 0.1, 0.5, 0.2]}
    page = Page.model_validate({"page_number": 1, "status": "ok", "source": "ocr", "blocks": [block]})
    assert page.blocks[0].source is None


def test_cells_that_version_0_1_0_has_stored_as_rows_of_blocks_can_be_read() -> None:
    stored = {"kind": "table", "level": 0, "first": 3, "last": 5, "cells": [[3, None], [4, 5]]}
    paragraph = Paragraph.model_validate(stored)
    places = [(cell.row, cell.column, cell.blocks) for cell in paragraph.cells or ()]
    assert places == [(0, 0, [3]), (0, 1, []), (1, 0, [4]), (1, 1, [5])]
    assert Paragraph.model_validate_json(paragraph.model_dump_json()) == paragraph
    assert Paragraph.model_validate({**stored, "cells": None}).cells is None
