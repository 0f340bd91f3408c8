"""The examples of the document: one letter of three pages, from its submission to its webhook.

The examples are records, and texts that the service's own formats made from these records. So they always match the
real responses.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from slimgest_celery.errors import JobCancelled, PdfEncrypted
from slimgest_celery.formats.registry import FORMATS, PageFormat
from slimgest_celery.jobs.service import links
from slimgest_celery.models.events import CompleteData, ErrorData, PageData, StartData
from slimgest_celery.models.job import Document, End, EngineInfo, Job, JobStatus, Options, Status
from slimgest_celery.models.page import Block, BlockSource, Page, PageSeconds, Paragraph, Region, RegionKind, Source
from slimgest_celery.models.problem import Problem
from slimgest_celery.models.responses import (
    Accepted,
    AcceptedSeveral,
    Alive,
    Checks,
    DeliveryList,
    Documents,
    JobList,
    Preparing,
    PreparingLinks,
    Queue,
    Ready,
    ServiceStatus,
)
from slimgest_celery.models.service import Capacity, Worker
from slimgest_celery.models.webhooks import Attempt
from slimgest_celery.storage.job_files import StoredPage
from slimgest_celery.webhooks.deliveries import make_delivery

JOB_ID = "0f6c1b5e-3d8a-4c57-9b1e-2a7f4d90c3e1"
_SENT = datetime(2026, 3, 14, 9, 26, 50, tzinfo=UTC)
_ENDED = _SENT + timedelta(seconds=3.5)
_NAME = "letter.pdf"

PAGE = Page(
    page_number=3,
    status="ok",
    text="A page from a scanner",
    source=Source.OCR,
    reason="no_text",
    width=1240,
    height=1755,
    trust=0.0,
    blocks=[Block(text="A page from a scanner", confidence=0.99, box=(0.12, 0.11, 0.55, 0.14), source=BlockSource.OCR)],
    paragraphs=[Paragraph(first=0, last=0)],
    regions=[Region(kind=RegionKind.TITLE, confidence=0.91, box=(0.12, 0.11, 0.55, 0.14), first=0, last=0)],
    seconds=PageSeconds(render=0.021, read=0.74),
    worker="cpu0@host",
)
_HEAD = Document(
    job_id=JOB_ID,
    filename=_NAME,
    status=JobStatus.COMPLETED,
    total_pages=1,
    options=Options(pages="3"),
    engine=EngineInfo(name="rapidocr", version="PP-OCRv6-balanced"),
    created_at=_SENT,
    completed_at=_ENDED,
    elapsed_seconds=3.5,
    pages=[],
)
DOCUMENT = _HEAD.model_copy(update={"pages": [PAGE]})
DOCUMENTS = Documents(pdfs=[DOCUMENT])
STATUS = Status(
    job_id=JOB_ID,
    status=JobStatus.COMPLETED,
    created_at=_SENT,
    completed_at=_ENDED,
    has_result=True,
    error=None,
    filename=_NAME,
    total_pages=1,
    pages_done=1,
    pages_failed=0,
    pages_with_warnings=0,
    pages_ahead=0,
    links=links(JOB_ID),
)
QUEUED = STATUS.model_copy(
    update={"status": JobStatus.QUEUED, "completed_at": None, "has_result": False, "pages_done": 0, "pages_ahead": 12}
)
CANCELLED = STATUS.model_copy(update={"status": JobStatus.CANCELLED, "error": Problem.from_error(JobCancelled())})
LISTING = JobList(jobs=[STATUS], total=1, offset=0)
ACCEPTED = Accepted(job_id=JOB_ID, filename=_NAME, links=links(JOB_ID))
ACCEPTED_SEVERAL = AcceptedSeveral(jobs=[ACCEPTED])
PREPARING = Preparing(job_id=JOB_ID, links=PreparingLinks(result=f"{links(JOB_ID).result}?format=pdf"))

CAPACITY = Capacity(
    accepting=True,
    pending_jobs=3,
    limit=100,
    pages_ahead=120,
    workers=2,
    pages_per_second=1.6,
    estimated_wait_seconds=75.0,
    detail=None,
)
METRICS = """\
# HELP slimgest_queue_jobs Jobs accepted and not ended.
# TYPE slimgest_queue_jobs gauge
slimgest_queue_jobs 3.0
"""
SERVICE = ServiceStatus(
    status="ok",
    version="0.1.0",
    engine="rapidocr PP-OCRv6-balanced",
    languages=["de", "en", "zh-Hans"],
    workers=[
        Worker(
            name="cpu0@host",
            device="cpu",
            engine="rapidocr PP-OCRv6-balanced",
            state="busy",
            job_id=JOB_ID,
            page_number=3,
        ),
        Worker(name="cpu1@host", device="cpu", engine="rapidocr PP-OCRv6-balanced", state="idle"),
    ],
    queue=Queue(pending_jobs=1, limit=100, pages_ahead=12),
)
ALIVE = Alive()
READY = Ready(status="ok", checks=Checks(redis="ok", storage="ok", workers="ok"))
NOT_READY = Ready(
    status="unavailable", checks=Checks(redis="ok", storage="ok", workers="no worker has loaded its model yet")
)

_JOB = Job(job_id=JOB_ID, filename=_NAME, options=_HEAD.options, created_at=_SENT)
DELIVERY = make_delivery(_JOB, End(status=JobStatus.COMPLETED, completed_at=_ENDED)).model_copy(
    update={
        "state": "delivered",
        "attempts": [Attempt(started_at=_ENDED + timedelta(seconds=0.1), seconds=0.2, http_status=204)],
    }
)
DELIVERIES = DeliveryList(deliveries=[DELIVERY])

EVENTS = {
    "start": StartData(job_id=JOB_ID, filename=_NAME, total_pages=1),
    "page": PageData(
        page_number=3, status="ok", source=Source.OCR, total_pages=1, pages_done=1, pages_failed=0, page_text=PAGE.text
    ),
    "complete": CompleteData(
        status=JobStatus.COMPLETED, total_pages=1, pages_failed=0, result_url=links(JOB_ID).result
    ),
    "error": ErrorData(code=PdfEncrypted.code, message=PdfEncrypted().message, hint=PdfEncrypted.hint),
}


def _media_examples() -> dict[str, Any]:
    """Return the letter in each text format, by media type; None for binary formats."""
    examples: dict[str, Any] = {}
    stored = StoredPage.from_line(PAGE.model_dump_json().encode())
    for output in FORMATS.values():
        text = None
        if isinstance(output, PageFormat) and output.media_type != "application/zip":
            text = b"".join(output.chunks(_HEAD, [stored])).decode()
        examples.setdefault(output.media_type.partition(";")[0], text)
    del examples["application/json"]  # its example is a record
    return examples


MEDIA_EXAMPLES = _media_examples()
