"""The page ranges of tasks: their lengths and their priorities."""

from __future__ import annotations

from slimgest_celery.pipeline.page_range import split_into_ranges


def test_ranges_contain_consecutive_pages_up_to_the_maximum_length() -> None:
    ranges = [
        (page_range.first, page_range.last)
        for page_range in split_into_ranges([1, 2, 3, 4, 5, 8, 9, 12], lambda _left: 3)
    ]
    assert ranges == [(1, 3), (4, 5), (8, 9), (12, 12)]
    assert list(split_into_ranges([], lambda _left: 3)) == []


def test_the_first_pages_of_every_job_have_priority_over_the_later_pages_of_any_job() -> None:
    priorities = [page_range.priority for page_range in split_into_ranges(range(1, 1001), lambda _left: 1)]
    assert priorities == sorted(priorities)
    assert priorities[0] == 1 and priorities[1] == 1, "a two-page letter"
    assert 1 < priorities[99] <= priorities[-1] <= 9, "within Celery's priority steps"
