"""The document in a webhook message, for a job with a `callback_format`."""

from __future__ import annotations

from slimgest_celery.formats.document.pages import DocumentContext, find_context
from slimgest_celery.formats.registry import FORMATS, PageFormat
from slimgest_celery.models.job import End, Job, JobStatus, document_head
from slimgest_celery.models.results import FormatOptions
from slimgest_celery.storage.job_files import JobFiles

# The formats that are text, and made at once. The others are binary, and a PDF may need minutes and a password.
CALLBACK_FORMATS = {
    name: format
    for name, format in FORMATS.items()
    if isinstance(format, PageFormat) and format.media_type != "application/zip"
}
_DEFAULTS = FormatOptions()


def result_content(job: Job, end: End, files: JobFiles, max_bytes: int) -> dict[str, str | None] | None:
    """Return the document of an ended job for its message; None if none was asked for, or the job has none.

    The `content` is None if the document has more than `max_bytes` in UTF-8: the receiver fetches it.
    """
    if job.callback_format is None or end.status == JobStatus.FAILED:
        return None
    format = CALLBACK_FORMATS[job.callback_format]
    head = document_head(job, end, files.plan(job.job_id))
    context = find_context(files.iterate_stored(job.job_id)) if format.needs_context else DocumentContext()
    content = bytearray()
    for piece in format.chunks(head, files.iterate_stored(job.job_id), _DEFAULTS, context):
        content += piece
        if len(content) > max_bytes:
            break
    is_whole = len(content) <= max_bytes
    return {
        "format": job.callback_format,
        "media_type": format.media_type,
        "content": content.decode() if is_whole else None,
    }
