"""Spans and their priorities."""

from __future__ import annotations

from slimgest_celery.spans import spans


def test_spans_hold_consecutive_pages_up_to_their_length() -> None:
    found = [(span.first, span.last) for span in spans([1, 2, 3, 4, 5, 8, 9, 12], 3)]
    assert found == [(1, 3), (4, 5), (8, 9), (12, 12)]
    assert list(spans([], 3)) == []


def test_the_start_of_every_job_comes_before_the_bulk_of_any() -> None:
    priorities = [span.priority for span in spans(range(1, 1001), 1)]
    assert priorities == sorted(priorities)
    assert priorities[0] == 1 and priorities[1] == 1, "a two-page letter"
    assert 1 < priorities[99] <= priorities[-1] <= 9, "within Celery's priority steps"
