"""Batches that are read while the next pages are prepared: their order, their sizes and their errors."""

from __future__ import annotations

import threading
import time

import pytest

from slimgest_celery.reading.dynamic_batching import read_in_batches


def _always(number: int, wait_s: float) -> bool:
    return True


def test_every_page_is_returned_once_in_order_and_no_batch_is_too_large() -> None:
    for count in (0, 1, 4, 5, 17):
        found = list(read_in_batches(range(count), str, list, 4, _always))
        assert [page for batch in found for page in batch] == [str(number) for number in range(count)]
        assert all(0 < len(batch) <= 4 for batch in found)


def test_the_next_pages_are_prepared_while_a_batch_is_read() -> None:
    reading, go_on = threading.Event(), threading.Event()

    def read(batch: list[int]) -> list[int]:
        reading.set()
        assert go_on.wait(10), "no page was prepared while this batch was read"
        return batch

    def prepare(number: int) -> int:
        if number == 3:
            assert reading.wait(10)
            go_on.set()
        return number

    assert [n for batch in read_in_batches(range(5), prepare, read, 4, _always) for n in batch] == list(range(5))


def test_an_idle_engine_does_not_wait_for_pages_that_come_slowly() -> None:
    found = list(read_in_batches(range(3), int, list, 8, lambda number, wait_s: False))
    assert found == [[0], [1], [2]]


@pytest.mark.alone
def test_batches_are_full_if_pages_come_faster_than_they_are_read() -> None:
    def read(batch: list[int]) -> int:
        time.sleep(0.05)
        return len(batch)

    assert list(read_in_batches(range(17), int, read, 8, _always)) == [1, 8, 8]


@pytest.mark.parametrize("fails", ["prepare", "read"])
def test_errors_of_both_threads_reach_the_caller(fails: str) -> None:
    def act(value: object, name: str) -> object:
        if name == fails:
            raise ValueError(name)
        return value

    with pytest.raises(ValueError, match=fails):
        list(read_in_batches(range(3), lambda n: act(n, "prepare"), lambda b: act(b, "read"), 2, _always))
