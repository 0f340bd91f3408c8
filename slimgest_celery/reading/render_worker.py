"""A plain process that renders pages for a worker child (render_pool.py).

Usage: `python -m slimgest_celery.reading.render_worker SLOT_FDS LIMIT_MB PARENT_PID`

Requests are JSON lines on standard input, answers are JSON lines on standard output, images are in shared memory:

    {"open": PATH, "password": …, "dpi": …, "max_pixels": …, "skip_text_pages": …}     no answer
    {"page": N, "slot": I}    →    {"page": N, "slot": I, "shape": [height, width] or null, "dpi": …}

Without a shape the page was not rendered: it has text, is damaged, or is too large for a slot. The worker child then
handles it itself. The process ends with its standard input, with its parent, or at its memory limit.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import IO, Any

from slimgest_celery.errors import JobFailure, PageFailure
from slimgest_celery.pdf.document import Image, Pdf, open_pdf
from slimgest_celery.process_limits import limit_helper_process
from slimgest_celery.reading.text_layer_decision import has_trusted_text

_MAX_SLOT_BYTES = 32 << 20  # an A4 page at 300 dpi has 26 MB; larger images would need too much memory


class RenderWorker:
    """Renders pages of one PDF at a time into slots of shared memory."""

    def __init__(self, slots: list[int]) -> None:
        """`slots` are file descriptors of shared memory, one per image."""
        self._slots = slots
        self._pdf: Pdf | None = None
        self._settings: dict[str, Any] = {}

    def answer(self, request: dict[str, Any]) -> dict[str, Any] | None:
        """Handle a request, and return the answer if it has one."""
        if "open" in request:
            self._open(request)
            return None
        shape, dpi = self._render(request["page"], request["slot"])
        return {"page": request["page"], "slot": request["slot"], "shape": shape, "dpi": dpi}

    def _open(self, settings: dict[str, Any]) -> None:
        if self._pdf is not None:
            self._pdf.close()
        self._settings, self._pdf = settings, None
        if settings["open"] is None:
            return
        try:
            self._pdf = open_pdf(Path(settings["open"]), settings["password"])
        except JobFailure:  # the worker child opens it too and reports the error
            return

    def _render(self, page_number: int, slot: int) -> tuple[tuple[int, int] | None, float]:
        if self._pdf is None:
            return None, 0.0
        try:
            with self._pdf.page(page_number) as page:
                if self._settings["skip_text_pages"] and has_trusted_text(page):
                    return None, 0.0
                rendered = page.render(self._settings["dpi"], self._settings["max_pixels"])
        except (PageFailure, MemoryError):
            return None, 0.0
        return self._write(rendered.image, slot), rendered.dpi

    def _write(self, image: Image, slot: int) -> tuple[int, int] | None:
        if image.nbytes > _MAX_SLOT_BYTES:
            return None
        written, data = 0, image.reshape(-1).data
        while written < image.nbytes:
            written += os.pwrite(self._slots[slot], data[written:], written)
        return image.shape[0], image.shape[1]


def serve(worker: RenderWorker, requests: IO[str], answers: IO[str]) -> None:
    """Answer requests in order until the input ends."""
    for line in requests:
        if answer := worker.answer(json.loads(line)):
            answers.write(json.dumps(answer) + "\n")
            answers.flush()


def main() -> None:
    """Set the limits, then serve."""
    slots, limit_mb, parent = [int(fd) for fd in sys.argv[1].split(",")], int(sys.argv[2]), int(sys.argv[3])
    if not limit_helper_process(limit_mb, parent):
        return
    # Output of a library goes to the log, not among the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    serve(RenderWorker(slots), sys.stdin, answers)


if __name__ == "__main__":
    main()
