"""The rendering of a page image for viewers, in a worker."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image

from slimgest_celery.errors import (
    JobExpired,
    JobFailure,
    JobUnknown,
    PageFailure,
    PageUnknown,
    PageWorkerLost,
    StorageUnavailable,
)
from slimgest_celery.jobs.page_images import PageImages
from slimgest_celery.jobs.service import JobService
from slimgest_celery.models.page import PageImageRequest
from slimgest_celery.pdf.document import open_pdf
from slimgest_celery.storage.base import temporary_space_errors
from slimgest_celery.storage.job_files import JobFiles

MAX_ATTEMPTS = 2
_MAX_PIXELS = 12_000_000  # A4 at 300 dpi has 8.7 million
_ENCODER_OPTIONS: dict[str, dict[str, Any]] = {
    "webp": {"quality": 80, "method": 2},  # slower methods save a tenth of the bytes and take three times as long
    "png": {"compress_level": 4},
    "jpeg": {"quality": 85},
}


def render_page_image(
    request: PageImageRequest, *, jobs: JobService, files: JobFiles, images: PageImages, max_page_pixels: int
) -> None:
    """Render an image, store and publish it; if that fails, publish the reason."""
    try:
        if images.begin_attempt(request) > MAX_ATTEMPTS:
            raise PageWorkerLost
        jobs.job(request.job_id)
        with temporary_space_errors():
            images.put(request, _render(request, files, min(_MAX_PIXELS, max_page_pixels)))
    except (JobUnknown, JobExpired, PageUnknown, JobFailure, PageFailure, StorageUnavailable) as error:
        images.put_error(request, error)


def _render(request: PageImageRequest, files: JobFiles, max_pixels: int) -> bytes:
    try:
        with files.source(request.job_id) as path:
            pdf = open_pdf(path, files.password(request.job_id))
            try:
                if request.page_number > len(pdf):
                    raise PageUnknown
                with pdf.page(request.page_number) as page:
                    return _encode(page.render(request.dpi, max_pixels).image, request.form)
            finally:
                pdf.close()
    except FileNotFoundError:
        if files.exists(request.job_id):  # an image that is not converted yet, or cannot be
            raise PageUnknown from None
        raise JobExpired from None


def _encode(pixels: Any, form: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, form, **_ENCODER_OPTIONS[form])
    return buffer.getvalue()
