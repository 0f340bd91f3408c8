"""slimgest: PDFs in; text, boxes and confidence out, page by page, live.

    models/     what is stored and sent          reading/    one page: text layer or OCR → its record
    storage/    the files of a job               events/     publish, replay and follow
    layout/     boxes → reading order, tables    webhooks/   sign, schedule and send
    telemetry/  logs, metrics, traces            jobs/       what the API calls: submit, status, results, retry
    pdf/        PDFium and qpdf                  pipeline/   what the workers run: ingest → pages → finish
    engines/    one OCR engine per module        client/     the Python client
    formats/    page records → md, hOCR, …       cli/        the slimgest command
    state/      what Redis stores of jobs        tasks.py    the Celery tasks, which call pipeline/

`celery` is the Celery application: `celery -A slimgest_celery worker`. `Client` and `AsyncClient` call a service.
docs/architecture.md describes the flow of a PDF, the layers and the guarantees.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from slimgest_celery.app import app as celery
    from slimgest_celery.client import AsyncClient, Client
    from slimgest_celery.models.job import Document, JobStatus, Mode, Options
    from slimgest_celery.models.page import Block, Page, Paragraph

__all__ = [
    "AsyncClient", "Block", "Client", "Document", "JobStatus", "Mode", "Options", "Page", "Paragraph", "celery",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import each name at its first use: a worker does not need httpx, and a client does not need Celery."""
    if name == "celery":
        return import_module("slimgest_celery.app").app
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module("slimgest_celery.client" if name in ("AsyncClient", "Client") else "slimgest_celery.model")
    return getattr(module, name)
