"""The replacement of a worker child that has grown, and the limits that leave no room for pages."""

from __future__ import annotations

import pytest

from workers.child_recycling import size_function, too_small

MB = 1 << 20


def test_a_child_is_replaced_because_of_its_growth_and_not_of_its_loaded_model() -> None:
    resident = 900 * MB
    size_kb = size_function(1500, lambda: resident, lambda: "")
    assert [size_kb() for _ in range(50)] == [1] * 50, "the model alone is more than half of the limit"
    resident = 1300 * MB
    assert size_kb() == 1
    resident = 1400 * MB
    assert size_kb() > 1 << 30, "more than any limit"


def test_a_child_does_some_work_before_it_is_replaced() -> None:
    resident = 100 * MB
    size_kb = size_function(500, lambda: resident, lambda: "")
    resident = 10_000 * MB
    assert [size_kb() for _ in range(19)] == [1] * 19
    assert size_kb() > 1 << 30


def test_a_reason_of_the_engine_replaces_the_child_at_once() -> None:
    reason = ""
    size_kb = size_function(500, lambda: 0, lambda: reason)
    assert size_kb() == 1
    reason = "a leak on the device"
    assert size_kb() > 1 << 30


@pytest.mark.parametrize(
    ("limit_mb", "loaded_mb", "workable"),
    [(1500, 900, None), (1125, 900, None), (1100, 900, 1700), (256, 900, 1700), (400, 180, None), (256, 180, 600)],
)
def test_a_limit_without_room_for_pages_is_refused_with_one_that_works(
    limit_mb: int, loaded_mb: int, workable: int | None
) -> None:
    said = too_small(limit_mb, loaded_mb)
    assert said is None if workable is None else said and f"{workable} or more" in said and f"{loaded_mb} MB" in said
    assert workable is None or too_small(workable, loaded_mb) is None
