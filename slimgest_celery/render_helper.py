"""A plain process that renders pages for a worker child, `python -m slimgest_celery.render_helper SLOT_FDS LIMIT_MB`.

Standard input brings a JSON line per request, standard output takes one per page, images go into shared memory:

    {"open": PATH, "password": …, "dpi": …, "max_pixels": …, "look_for_text": …}     no answer
    {"page": N, "slot": I}    →    {"page": N, "slot": I, "shape": [height, width] or null, "dpi": …}

No shape: this page has no image here (it has text, is damaged, or is too large for a slot), and the child is to see for
itself. The process ends with its standard input, with its parent, or at its limit of memory.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from pathlib import Path
from typing import IO, Any

from .errors import JobFailure, PageFailure
from .parent import end_with_parent
from .pdf import Image, Pdf, PdfPage, open_pdf

MAX_SLOT_BYTES = 32 << 20  # an A4 page at 300 dpi has 26 MB; what is larger is not worth holding several of
_OWN_MB = 1024  # address space of Python, numpy and PDFium themselves


class Helper:
    """One helper: the PDF that is open, and the slots that images are put into."""

    def __init__(self, slots: list[int]) -> None:
        """`slots`: file descriptors of shared memory, one per image."""
        self._slots = slots
        self._pdf: Pdf | None = None
        self._how: dict[str, Any] = {}

    def answer(self, request: dict[str, Any]) -> dict[str, Any] | None:
        """Does what a request asks for."""
        if "open" in request:
            self._open(request)
            return None
        shape, dpi = self._render(request["page"], request["slot"])
        return {"page": request["page"], "slot": request["slot"], "shape": shape, "dpi": dpi}

    def _open(self, how: dict[str, Any]) -> None:
        if self._pdf is not None:
            self._pdf.close()
        self._how, self._pdf = how, None
        if how["open"] is None:
            return
        try:
            self._pdf = open_pdf(Path(how["open"]), how["password"])
        except JobFailure:  # the child opens it too, and says why
            return

    def _render(self, page_number: int, slot: int) -> tuple[tuple[int, int] | None, float]:
        if self._pdf is None:
            return None, 0.0
        try:
            with self._pdf.page(page_number) as page:
                if self._how["look_for_text"] and _has_text(page):
                    return None, 0.0
                rendered = page.render(self._how["dpi"], self._how["max_pixels"])
        except (PageFailure, MemoryError):
            return None, 0.0
        return self._put(rendered.image, slot), rendered.dpi

    def _put(self, image: Image, slot: int) -> tuple[int, int] | None:
        if image.nbytes > MAX_SLOT_BYTES:
            return None
        written, data = 0, image.reshape(-1).data
        while written < image.nbytes:
            written += os.pwrite(self._slots[slot], data[written:], written)
        return image.shape[0], image.shape[1]


def _has_text(page: PdfPage) -> bool:
    return page.distrust(page.text_lines()) is None


def serve(helper: Helper, requests: IO[str], answers: IO[str]) -> None:
    """Answers requests in their order, until there are no more."""
    for line in requests:
        if answer := helper.answer(json.loads(line)):
            answers.write(json.dumps(answer) + "\n")
            answers.flush()


def main() -> None:
    """Limits itself, then serves."""
    slots, limit_mb, parent = [int(fd) for fd in sys.argv[1].split(",")], int(sys.argv[2]), int(sys.argv[3])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the supervisor
    end_with_parent(signal.SIGKILL)
    if os.getppid() != parent:  # it died before this one asked to be told
        return
    limit_bytes = (limit_mb + _OWN_MB) << 20
    resource.setrlimit(resource.RLIMIT_AS, (limit_bytes, limit_bytes))
    # What a library prints goes to the log, not between the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    serve(Helper(slots), sys.stdin, answers)


if __name__ == "__main__":
    main()
