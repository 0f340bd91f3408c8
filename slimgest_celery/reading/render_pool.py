"""A pool of processes that render pages ahead of the engine, so that a GPU does not wait for PDFium.

PDFium is not thread-safe, and a prefork child cannot start `multiprocessing` processes. So the pool starts plain
subprocesses (render_worker.py), which communicate by pipes and pass images in shared memory. The pool only saves time:
the worker child renders each page that the pool has not rendered for any reason.
"""

from __future__ import annotations

import json
import logging
import os
import select
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import numpy as np

from slimgest_celery.pdf.document import Pdf, PdfPage, Rendered

_DRAIN_S = 5.0  # the longest wait for a page that is no longer needed
_log = logging.getLogger(__name__)


class RenderPool:
    """The render workers of one worker child. Used by one thread, for one range of pages at a time."""

    def __init__(self, count: int, window: int, limit_mb: int) -> None:
        """Start `count` processes, each limited to `limit_mb`. Together they hold at most `window` images."""
        self._limit_mb = limit_mb
        self._slots = [_shared_memory() for _ in range(window)]
        self._processes = [self._start() for _ in range(count)]

    @contextmanager
    def render_ahead(
        self,
        pdf: Pdf,
        source: tuple[Path, str | None],
        page_numbers: Sequence[int],
        *,
        dpi: float,
        max_pixels: int,
        skip_text_pages: bool,
    ) -> Iterator[PrerenderedPdf]:
        """Yield the PDF while the pool renders these pages. The caller must render them in ascending order.

        `source` is the path and password of the same PDF. With `skip_text_pages` the pool does not render pages with a
        trusted text layer.
        """
        self._processes = [process if process.is_alive else self._restart(process) for process in self._processes]
        path, password = source
        settings = {"open": str(path), "password": password, "dpi": dpi, "max_pixels": max_pixels}
        for process in self._processes:
            process.send({**settings, "skip_text_pages": skip_text_pages})
        queue = _RenderQueue(self._processes, self._slots, page_numbers, settings)
        try:
            yield PrerenderedPdf(pdf, queue)
        finally:
            queue.drain()
            for process in self._processes:
                process.send({"open": None})

    def pids(self) -> list[int]:
        """Return the process ids."""
        return [process.pid for process in self._processes]

    def close(self) -> None:
        """End the processes."""
        for process in self._processes:
            process.close()
        for slot in self._slots:
            os.close(slot)
        self._processes, self._slots = [], []

    def _start(self) -> _RenderProcess:
        return _RenderProcess(self._slots, self._limit_mb)

    def _restart(self, ended: _RenderProcess) -> _RenderProcess:
        ended.close()
        return self._start()


class PrerenderedPdf:
    """An open PDF whose pages may be rendered already. In all other respects the PDF itself."""

    def __init__(self, pdf: Pdf, queue: _RenderQueue) -> None:
        self._pdf = pdf
        self._queue = queue

    def __len__(self) -> int:
        return len(self._pdf)

    def is_ready(self, page_number: int, wait_s: float) -> bool:
        """Return True if no process still renders this page; wait so long for that."""
        return self._queue.is_ready(page_number, wait_s)

    @contextmanager
    def page(self, page_number: int) -> Iterator[PdfPage]:
        """Yield the page with this 1-based number; raises as `Pdf.page` does."""
        with self._pdf.page(page_number) as page:
            yield cast(PdfPage, _PrerenderedPage(page, page_number, self._queue))


class _PrerenderedPage:
    """A page that may be rendered already. In all other respects the page itself."""

    def __init__(self, page: PdfPage, page_number: int, queue: _RenderQueue) -> None:
        self._page = page
        self._page_number = page_number
        self._queue = queue

    def __getattr__(self, name: str) -> Any:
        return getattr(self._page, name)

    def render(self, dpi: float, max_pixels: int) -> Rendered:
        """As `PdfPage.render`, but use the image of the pool, if it renders this page."""
        if self._queue.matches(dpi, max_pixels) and (rendered := self._queue.take(self._page_number)):
            return rendered
        return self._page.render(dpi, max_pixels)


class _RenderQueue:
    """The pages of one range: waiting, assigned to a process, or rendered into a slot."""

    def __init__(
        self, processes: list[_RenderProcess], slots: list[int], page_numbers: Sequence[int], settings: dict[str, Any]
    ) -> None:
        self._processes = processes
        self._slots = slots
        self._settings = settings
        self._waiting = deque(page_numbers)
        self._free_slots = deque(range(len(slots)))
        self._assigned: dict[int, _RenderProcess] = {}  # by page number
        self._send()

    def matches(self, dpi: float, max_pixels: int) -> bool:
        return (dpi, max_pixels) == (self._settings["dpi"], self._settings["max_pixels"])

    def is_ready(self, page_number: int, wait_s: float) -> bool:
        process = self._assigned.get(page_number)
        return process is None or process.has_answer(wait_s)

    def take(self, page_number: int) -> Rendered | None:
        """Return the rendered page, or None. Free its slot and send the next page."""
        process = self._assigned.get(page_number)
        found = None
        while process is not None and page_number in self._assigned:
            answer = process.receive()
            if answer is None:
                self._unassign(process)
                break
            rendered = self._copy_from_slot(answer)
            if answer["page"] == page_number:
                found = rendered
        self._send()
        return found

    def drain(self) -> None:
        """Take all assigned pages, so that the processes are idle for the next range. Kill a process that hangs."""
        self._waiting.clear()
        for page_number, process in list(self._assigned.items()):
            if page_number in self._assigned and not process.has_answer(_DRAIN_S):
                process.kill()
            self.take(page_number)

    def _copy_from_slot(self, answer: dict[str, Any]) -> Rendered | None:
        del self._assigned[answer["page"]]
        self._free_slots.append(answer["slot"])
        if answer["shape"] is None:
            return None
        image = np.empty((*answer["shape"], 3), np.uint8)
        # A copy frees the slot at once. It takes a millisecond, while the engine works.
        read, data = 0, image.reshape(-1).data
        while read < image.nbytes:
            read += os.preadv(self._slots[answer["slot"]], [data[read:]], read)
        return Rendered(image=image, dpi=answer["dpi"])

    def _unassign(self, process: _RenderProcess) -> None:
        """Leave the pages of a process that has ended to the worker child, which has its own handling of crashes."""
        _log.warning("a render worker ended (%s); its pages are rendered without it", process.returncode)
        for page_number in [number for number, holder in self._assigned.items() if holder is process]:
            del self._assigned[page_number]
            self._free_slots.append(process.slot_of(page_number))

    def _send(self) -> None:
        """Assign waiting pages, in order, to the process with the fewest pages, while slots are free."""
        while (
            self._waiting
            and self._free_slots
            and (alive := [process for process in self._processes if process.is_alive])
        ):
            process = min(alive, key=lambda process: process.pending_count)
            page_number = self._waiting.popleft()
            process.request(page_number, self._free_slots.popleft())
            self._assigned[page_number] = process


class _RenderProcess:
    """A process of render_worker.py, and the pages that it has been asked for."""

    def __init__(self, slots: list[int], limit_mb: int) -> None:
        arguments = [",".join(map(str, slots)), str(limit_mb), str(os.getpid())]
        self._process = subprocess.Popen(  # noqa: S603 - our own arguments
            [sys.executable, "-m", "slimgest_celery.reading.render_worker", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            pass_fds=slots,
            env={**os.environ, "CUDA_VISIBLE_DEVICES": "", "OPENBLAS_NUM_THREADS": "1"},
        )
        self._answers = cast(Any, self._process.stdout).fileno()
        self._requested: dict[int, int] = {}  # page number → slot
        self._buffer = b""

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    @property
    def returncode(self) -> int | None:
        return self._process.wait(1)

    @property
    def pending_count(self) -> int:
        return len(self._requested)

    def slot_of(self, page_number: int) -> int:
        return self._requested.pop(page_number)

    def request(self, page_number: int, slot: int) -> None:
        self._requested[page_number] = slot
        self.send({"page": page_number, "slot": slot})

    def send(self, request: dict[str, Any]) -> None:
        """Send a request. If the process has ended, `receive` shows it."""
        try:
            cast(Any, self._process.stdin).write(json.dumps(request).encode() + b"\n")
        except BrokenPipeError:
            return

    def has_answer(self, wait_s: float) -> bool:
        return b"\n" in self._buffer or bool(select.select([self._answers], [], [], wait_s)[0])

    def receive(self) -> dict[str, Any] | None:
        """Wait for the next answer; return None if the process has ended."""
        while b"\n" not in self._buffer:
            data = os.read(self._answers, 4096)
            if not data:
                return None
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        self._requested.pop(answer["page"], None)
        return answer

    def kill(self) -> None:
        self._process.kill()

    def close(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            cast(Any, pipe).close()
        try:
            self._process.wait(2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _shared_memory() -> int:
    """Return a descriptor of memory that is freed with its last process. Not in /dev/shm: it is small in containers."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("slimgest-page")
    with tempfile.TemporaryFile(prefix="slimgest-page-") as file:
        return os.dup(file.fileno())
