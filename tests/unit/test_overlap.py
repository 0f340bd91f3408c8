"""Reading and preparing at the same time: order, sizes of batches, faults."""

from __future__ import annotations

import threading
import time

import pytest

from slimgest_celery.overlap import overlapped


def _always(number: int, wait_s: float) -> bool:
    return True


def test_every_page_comes_back_once_in_order_in_batches_of_at_most_so_many() -> None:
    for count in (0, 1, 4, 5, 17):
        found = list(overlapped(range(count), str, list, 4, _always))
        assert [page for batch in found for page in batch] == [str(number) for number in range(count)]
        assert all(0 < len(batch) <= 4 for batch in found)


def test_the_next_pages_are_prepared_and_the_last_stored_while_one_batch_is_read() -> None:
    reading, go_on = threading.Event(), threading.Event()

    def read(batch: list[int]) -> list[int]:
        reading.set()
        assert go_on.wait(10), "nothing was prepared while this batch was read"
        return batch

    def prepare(number: int) -> int:
        if number == 3:
            assert reading.wait(10)
            go_on.set()
        return number

    assert [n for batch in overlapped(range(5), prepare, read, 4, _always) for n in batch] == list(range(5))


def test_pages_that_come_slowly_are_not_waited_for_while_the_engine_has_nothing_to_do() -> None:
    found = list(overlapped(range(3), int, list, 8, lambda number, wait_s: False))
    assert found == [[0], [1], [2]]


def test_pages_that_come_faster_than_they_are_read_make_full_batches() -> None:
    def read(batch: list[int]) -> int:
        time.sleep(0.05)
        return len(batch)

    assert list(overlapped(range(17), int, read, 8, _always)) == [1, 8, 8]


@pytest.mark.parametrize("fails", ["prepare", "read"])
def test_what_either_raises_arrives(fails: str) -> None:
    def act(value: object, name: str) -> object:
        if name == fails:
            raise ValueError(name)
        return value

    with pytest.raises(ValueError, match=fails):
        list(overlapped(range(3), lambda n: act(n, "prepare"), lambda b: act(b, "read"), 2, _always))
