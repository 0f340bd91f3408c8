"""Pages rendered ahead of the engine, in helper processes, so that a GPU need not wait for PDFium.

PDFium is not thread-safe, and a prefork child may not start `multiprocessing` ones; so these are plain subprocesses
(render_helper.py) that talk by pipes and hand images over in shared memory. They only ever save time: a page that no
helper has rendered, for whatever reason, is rendered by the child itself, as if there were no helpers.
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

from .pdf import Pdf, PdfPage, Rendered

_DRAIN_S = 5.0  # a page given up with its span is waited for so long
_log = logging.getLogger(__name__)


class Renderers:
    """The helpers of one worker child. Made once; used for one span of pages at a time, by one thread."""

    def __init__(self, count: int, window: int, limit_mb: int) -> None:
        """`count` helpers, started here, hold at most `window` images between them; `limit_mb` limits each of them."""
        self._limit_mb = limit_mb
        self._slots = [_shared_memory() for _ in range(window)]
        self._helpers = [self._started() for _ in range(count)]

    @contextmanager
    def ahead(
        self,
        pdf: Pdf,
        source: tuple[Path, str | None],
        page_numbers: Sequence[int],
        *,
        dpi: float,
        max_pixels: int,
        look_for_text: bool,
    ) -> Iterator[AheadPdf]:
        """The PDF with these pages being rendered from now on; they are to be asked for in ascending order.

        `source` is the path and password of the same PDF. With `look_for_text` pages whose text layer can be trusted
        are left out.
        """
        self._helpers = [helper if helper.alive else self._successor(helper) for helper in self._helpers]
        path, password = source
        how = {"open": str(path), "password": password, "dpi": dpi, "max_pixels": max_pixels}
        for helper in self._helpers:
            helper.send({**how, "look_for_text": look_for_text})
        span = _Span(self._helpers, self._slots, page_numbers, how)
        try:
            yield AheadPdf(pdf, span)
        finally:
            span.drain()
            for helper in self._helpers:
                helper.send({"open": None})

    def pids(self) -> list[int]:
        """The process ids of the helpers."""
        return [helper.pid for helper in self._helpers]

    def close(self) -> None:
        """Ends the helpers."""
        for helper in self._helpers:
            helper.close()
        for slot in self._slots:
            os.close(slot)
        self._helpers, self._slots = [], []

    def _started(self) -> _Helper:
        return _Helper(self._slots, self._limit_mb)

    def _successor(self, dead: _Helper) -> _Helper:
        dead.close()
        return self._started()


class AheadPdf:
    """An open PDF whose pages may have been rendered already; in all else the PDF itself."""

    def __init__(self, pdf: Pdf, span: _Span) -> None:
        self._pdf = pdf
        self._span = span

    def __len__(self) -> int:
        return len(self._pdf)

    def ready(self, page_number: int, wait_s: float) -> bool:
        """Whether this page can be prepared without waiting for a helper; waits for that at most so long."""
        return self._span.ready(page_number, wait_s)

    @contextmanager
    def page(self, page_number: int) -> Iterator[PdfPage]:
        """The page with this 1-based number; raises as `Pdf.page` does."""
        with self._pdf.page(page_number) as page:
            yield cast(PdfPage, _AheadPage(page, page_number, self._span))


class _AheadPage:
    """A page whose image may be there already; in all else the page itself."""

    def __init__(self, page: PdfPage, page_number: int, span: _Span) -> None:
        self._page = page
        self._page_number = page_number
        self._span = span

    def __getattr__(self, name: str) -> Any:
        return getattr(self._page, name)

    def render(self, dpi: float, max_pixels: int) -> Rendered:
        """As `PdfPage.render`, but waits for the helper that renders this page, if one does."""
        if self._span.is_for(dpi, max_pixels) and (rendered := self._span.take(self._page_number)):
            return rendered
        return self._page.render(dpi, max_pixels)


class _Span:
    """Pages of one PDF on their way through the helpers: still to be sent, in a helper's hands, or in a slot."""

    def __init__(
        self, helpers: list[_Helper], slots: list[int], page_numbers: Sequence[int], how: dict[str, Any]
    ) -> None:
        self._helpers = helpers
        self._slots = slots
        self._how = how
        self._waiting = deque(page_numbers)
        self._free = deque(range(len(slots)))
        self._held_by: dict[int, _Helper] = {}  # page number → the helper that renders it
        self._send()

    def is_for(self, dpi: float, max_pixels: int) -> bool:
        return (dpi, max_pixels) == (self._how["dpi"], self._how["max_pixels"])

    def ready(self, page_number: int, wait_s: float) -> bool:
        helper = self._held_by.get(page_number)
        return helper is None or helper.has_answer(wait_s)

    def take(self, page_number: int) -> Rendered | None:
        """The page as its helper rendered it, or None. The slot is free again, and the next page on its way."""
        helper = self._held_by.get(page_number)
        found = None
        while helper is not None and page_number in self._held_by:
            answer = helper.receive()
            if answer is None:
                self._lose(helper)
                break
            rendered = self._settle(answer)
            if answer["page"] == page_number:
                found = rendered
        self._send()
        return found

    def drain(self) -> None:
        """Takes in what is still with the helpers, so that the next span finds them idle; one that hangs is ended."""
        self._waiting.clear()
        for page_number, helper in list(self._held_by.items()):
            if page_number in self._held_by and not helper.has_answer(_DRAIN_S):
                helper.kill()
            self.take(page_number)

    def _settle(self, answer: dict[str, Any]) -> Rendered | None:
        del self._held_by[answer["page"]]
        self._free.append(answer["slot"])
        if answer["shape"] is None:
            return None
        image = np.empty((*answer["shape"], 3), np.uint8)
        # A copy, so that the slot is free at once; it takes a millisecond, and none of it is the engine's.
        read, data = 0, image.reshape(-1).data
        while read < image.nbytes:
            read += os.preadv(self._slots[answer["slot"]], [data[read:]], read)
        return Rendered(image=image, dpi=answer["dpi"])

    def _lose(self, helper: _Helper) -> None:
        """A helper has died: its pages are rendered by the child, which will know what to say if it dies of one too."""
        _log.warning("a render helper ended (%s); its pages are rendered without it", helper.returncode)
        for page_number in [number for number, holder in self._held_by.items() if holder is helper]:
            del self._held_by[page_number]
            self._free.append(helper.slot_of(page_number))

    def _send(self) -> None:
        """Gives waiting pages, in order, to whoever has least to do, while there are free slots."""
        while self._waiting and self._free and (alive := [helper for helper in self._helpers if helper.alive]):
            helper = min(alive, key=lambda helper: helper.load)
            page_number = self._waiting.popleft()
            helper.ask(page_number, self._free.popleft())
            self._held_by[page_number] = helper


class _Helper:
    """A helper process, and what it has been asked for."""

    def __init__(self, slots: list[int], limit_mb: int) -> None:
        arguments = [",".join(map(str, slots)), str(limit_mb), str(os.getpid())]
        self._process = subprocess.Popen(  # noqa: S603 - our own arguments
            [sys.executable, "-m", "slimgest_celery.render_helper", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            pass_fds=slots,
            env={**os.environ, "CUDA_VISIBLE_DEVICES": "", "OPENBLAS_NUM_THREADS": "1"},
        )
        self._answers = cast(Any, self._process.stdout).fileno()
        self._asked: dict[int, int] = {}  # page number → slot
        self._buffer = b""

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    @property
    def returncode(self) -> int | None:
        return self._process.wait(1)

    @property
    def load(self) -> int:
        return len(self._asked)

    def slot_of(self, page_number: int) -> int:
        return self._asked.pop(page_number)

    def ask(self, page_number: int, slot: int) -> None:
        self._asked[page_number] = slot
        self.send({"page": page_number, "slot": slot})

    def send(self, request: dict[str, Any]) -> None:
        """Sends a request; to one that has died, nothing: its silence will tell."""
        try:
            cast(Any, self._process.stdin).write(json.dumps(request).encode() + b"\n")
        except BrokenPipeError:
            return

    def has_answer(self, wait_s: float) -> bool:
        return b"\n" in self._buffer or bool(select.select([self._answers], [], [], wait_s)[0])

    def receive(self) -> dict[str, Any] | None:
        """The next answer, waited for; None where the helper has died."""
        while b"\n" not in self._buffer:
            piece = os.read(self._answers, 4096)
            if not piece:
                return None
            self._buffer += piece
        line, _, self._buffer = self._buffer.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        self._asked.pop(answer["page"], None)
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
    """A file descriptor of memory that goes with its last process. Not in /dev/shm, which containers keep small."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("slimgest-page")
    with tempfile.TemporaryFile(prefix="slimgest-page-") as file:
        return os.dup(file.fileno())
