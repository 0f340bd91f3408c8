"""Spans, their lengths and their priorities."""

from __future__ import annotations

from slimgest_celery.pace import span_length
from slimgest_celery.spans import spans


def test_spans_hold_consecutive_pages_up_to_their_length() -> None:
    found = [(span.first, span.last) for span in spans([1, 2, 3, 4, 5, 8, 9, 12], lambda _left: 3)]
    assert found == [(1, 3), (4, 5), (8, 9), (12, 12)]
    assert list(spans([], lambda _left: 3)) == []


def test_the_start_of_every_job_comes_before_the_bulk_of_any() -> None:
    priorities = [span.priority for span in spans(range(1, 1001), lambda _left: 1)]
    assert priorities == sorted(priorities)
    assert priorities[0] == 1 and priorities[1] == 1, "a two-page letter"
    assert 1 < priorities[99] <= priorities[-1] <= 9, "within Celery's priority steps"


def test_a_task_is_one_page_where_pages_take_seconds_and_hundreds_where_they_take_a_millisecond() -> None:
    assert span_length(2.0, left=1000, workers=2) == 1
    assert span_length(0.05, left=1000, workers=2) == 10
    assert span_length(0.001, left=5000, workers=2) == 256


def test_tasks_grow_shorter_towards_the_end_so_that_workers_end_together() -> None:
    lengths = [len(span.page_numbers) for span in spans(range(1, 2001), lambda left: span_length(0.002, left, 8))]
    assert lengths == sorted(lengths, reverse=True)
    assert lengths[0] == 125 and lengths[-2] == 20, "of 40 ms: less is not worth a task of its own"


def test_a_few_quick_pages_are_one_task() -> None:
    assert len(list(spans(range(1, 11), lambda left: span_length(0.002, left, 16)))) == 1
