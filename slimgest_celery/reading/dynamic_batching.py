"""Dynamic batches: one thread reads a batch while another prepares the pages of the next."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

_POLL_S = 0.002

P = TypeVar("P")
R = TypeVar("R")


def read_in_batches(
    numbers: Iterable[int],
    prepare: Callable[[int], P],
    read: Callable[[list[P]], R],
    max_batch: int,
    is_ready: Callable[[int, float], bool],
) -> Iterator[R]:
    """Yield the results of `read` for these pages, batch by batch and in order, while `prepare` makes the next pages.

    `read` runs in its own thread, one batch at a time. `prepare` runs in the caller's thread, as does the caller
    between two results. A batch has at most `max_batch` pages. It has fewer if `read` would otherwise be idle: the
    first batch is one page, and batches grow while pages are prepared faster than they are read. `is_ready(number,
    wait_s)` returns True if a page can be prepared without waiting; it may wait so long for that. Raises as `prepare`
    and `read` do.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="engine") as thread:
        reader = _BatchReader(thread, read)
        batch: list[P] = []
        for number in numbers:
            while batch and reader.is_busy and not is_ready(number, _POLL_S):
                pass
            if batch and not reader.is_busy and not is_ready(number, 0):
                yield from reader.exchange(batch)
                batch = []
            batch.append(prepare(number))
            if len(batch) == max_batch or not reader.is_busy:
                yield from reader.exchange(batch)
                batch = []
        yield from reader.exchange(batch)
        yield from reader.exchange([])


class _BatchReader(Generic[P, R]):
    """Reads one batch at a time in a thread."""

    def __init__(self, thread: ThreadPoolExecutor, read: Callable[[list[P]], R]) -> None:
        self._thread = thread
        self._read = read
        self._reading: Future[R] | None = None

    @property
    def is_busy(self) -> bool:
        return self._reading is not None and not self._reading.done()

    def exchange(self, batch: list[P]) -> list[R]:
        """Wait for the current batch, if any, and start this one; return the result of the former, if any."""
        done = [] if self._reading is None else [self._reading.result()]
        self._reading = self._thread.submit(self._read, batch) if batch else None
        return done
