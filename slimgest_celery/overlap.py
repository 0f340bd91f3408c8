"""Two things at once: batches are read in one thread while the next are prepared in another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

_POLL_S = 0.002

P = TypeVar("P")
R = TypeVar("R")


def overlapped(
    numbers: Iterable[int],
    prepare: Callable[[int], P],
    read: Callable[[list[P]], R],
    most: int,
    ready: Callable[[int, float], bool],
) -> Iterator[R]:
    """What `read` makes of these pages, batch by batch and in order, while `prepare` works on those that come next.

    `read` runs in a thread of its own, one batch at a time; `prepare` and the caller, between two results, in the
    caller's. A batch has at most `most` pages, and as few as there are when `read` would else have nothing to do: the
    first is one page, and they grow as long as pages come faster than they are read. `ready(number, wait_s)` says
    whether a page can be prepared without waiting, and may wait so long for that. Raises what either raises.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="engine") as thread:
        reader = _Reader(thread, read)
        batch: list[P] = []
        for number in numbers:
            while batch and reader.busy and not ready(number, _POLL_S):
                pass
            if batch and not reader.busy and not ready(number, 0):
                yield from reader.swap(batch)
                batch = []
            batch.append(prepare(number))
            if len(batch) == most or not reader.busy:
                yield from reader.swap(batch)
                batch = []
        yield from reader.swap(batch)
        yield from reader.swap([])


class _Reader(Generic[P, R]):
    """Reads one batch at a time in its thread."""

    def __init__(self, thread: ThreadPoolExecutor, read: Callable[[list[P]], R]) -> None:
        self._thread = thread
        self._read = read
        self._reading: Future[R] | None = None

    @property
    def busy(self) -> bool:
        return self._reading is not None and not self._reading.done()

    def swap(self, batch: list[P]) -> list[R]:
        """Waits for the batch in hand, if there is one, and starts the next; returns what was made of the former."""
        done = [] if self._reading is None else [self._reading.result()]
        self._reading = self._thread.submit(self._read, batch) if batch else None
        return done
