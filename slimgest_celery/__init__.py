"""slimgest: PDFs in; text, boxes and confidence out, page by page, live. The way of a PDF:

    jobs.submit      checks the upload, stores it (files.py), then sends `slimgest.ingest` with the job's id
    tasks.ingest     opens the PDF (open_jobs.py), plans its pages: those read before are there at once (recall.py), the
                     rest is shared out (spans.py, by the measured pace.py, last_pages.py); replaces itself by
                     chord(pages) | finish
    tasks.pages      reads a span (span_reading.py), each page by its text layer, or rendered and by OCR
                     (page_reading.py); stores its pages, then tells
    tasks.finish     the chord's body and errback: writes the one end state
    events           every step told on a Redis Stream and pub/sub (heard by one hub.py a process); anyone may replay
    jobs.status      the result backend's word for a job, joined with its record in storage
    results          the document in any format (formats/); deliveries has its end told to a callback

The steps in a worker are plain functions in pipeline.py, which take a desk.py of what its child works with. guard.py
ends what takes too long, sweeping.py what fell between two steps. storage.py is a folder, object_store.py is S3.

`app` is the Celery application: `celery -A slimgest_celery worker`. `Client` and `AsyncClient` speak to a service.
"""

from typing import TYPE_CHECKING, Any

from .app import app

if TYPE_CHECKING:
    from .client import AsyncClient, Client

__all__ = ["AsyncClient", "Client", "app"]


def __getattr__(name: str) -> Any:
    """The clients, when somebody asks for them: a worker has no use for httpx."""
    if name not in ("AsyncClient", "Client"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import client

    return getattr(client, name)
