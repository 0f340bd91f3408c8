"""How a worker draws the image of a page for those who look."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image

from .errors import JobExpired, JobFailure, JobUnknown, PageFailure, PageUnknown, PageWorkerLost
from .images import ImageAsked
from .jobs import Jobs
from .pdf import open_pdf

MAX_ATTEMPTS = 2
_MAX_PIXELS = 12_000_000  # A4 at 300 dpi has 8.7 million
_HOW: dict[str, dict[str, Any]] = {
    "webp": {"quality": 80, "method": 2},  # slower methods save a tenth of the bytes for thrice the time
    "png": {"compress_level": 4},
    "jpeg": {"quality": 85},
}


def draw(jobs: Jobs, asked: ImageAsked) -> None:
    """Draws an image, stores it and tells; where that cannot be, tells why."""
    try:
        if jobs.images.begin(asked) > MAX_ATTEMPTS:
            raise PageWorkerLost
        jobs.images.put(asked, _drawn(jobs, asked))
    except (JobUnknown, JobExpired, PageUnknown, JobFailure, PageFailure) as error:
        jobs.images.refuse(asked, error)


def _drawn(jobs: Jobs, asked: ImageAsked) -> bytes:
    jobs.job(asked.job_id)
    max_pixels = min(_MAX_PIXELS, jobs.settings.max_page_pixels)
    try:
        with jobs.files.source(asked.job_id) as path:
            pdf = open_pdf(path, jobs.files.password(asked.job_id))
            try:
                if asked.page_number > len(pdf):
                    raise PageUnknown
                with pdf.page(asked.page_number) as page:
                    return _encoded(page.render(asked.dpi, max_pixels).image, asked.form)
            finally:
                pdf.close()
    except FileNotFoundError:
        raise JobExpired from None


def _encoded(pixels: Any, form: str) -> bytes:
    written = io.BytesIO()
    Image.fromarray(pixels).save(written, form, **_HOW[form])
    return written.getvalue()
