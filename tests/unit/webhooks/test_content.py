"""The document in a webhook message."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from fakeredis import FakeRedis

from slimgest_celery.config import Settings
from slimgest_celery.models.job import End, EngineInfo, Job, JobStatus, Options, Plan
from slimgest_celery.models.page import Block, Page
from slimgest_celery.models.record import now
from slimgest_celery.storage.job_files import JobFiles
from slimgest_celery.webhooks.content import CALLBACK_FORMATS
from slimgest_celery.webhooks.deliveries import DeliveryQueue
from slimgest_celery.webhooks.signing import make_secret

JOB_ID = "01234567-89ab-cdef-0123-456789abcdef"
TEXT = 'Größe "1" 日本'


def _message(folder: Path, format: str | None, status: JobStatus = JobStatus.COMPLETED, **env: str) -> dict[str, Any]:
    """Return the data of the message about a job with one page."""
    settings = Settings.from_env({"SLIMGEST_WEBHOOK_SECRET": make_secret(), **env})
    files = JobFiles(str(folder))
    job = Job(
        job_id=JOB_ID,
        filename="a.pdf",
        options=Options(),
        created_at=now(),
        callback_url="http://x/",
        callback_format=format,
    )
    files.create(job, io.BytesIO(b"%PDF-"), None)
    files.put_plan(JOB_ID, Plan(page_numbers=[1], engine=EngineInfo(name="e", version="1"), started_at=now()))
    block = Block(text=TEXT, confidence=1, box=(0, 0, 1, 1))
    files.put_pages(JOB_ID, [Page(page_number=1, status="ok", text=TEXT, blocks=[block])])
    deliveries = DeliveryQueue(settings, FakeRedis(), files)
    assert deliveries.create(job, End(status=status, completed_at=now()))
    (delivery,) = deliveries.list(JOB_ID)
    assert delivery.body.isascii()
    return dict(json.loads(delivery.body)["data"])


@pytest.mark.parametrize("format", CALLBACK_FORMATS)
def test_a_message_has_the_document_in_every_format_of_text(tmp_path: Path, format: str) -> None:
    result = _message(tmp_path, format)["result"]
    assert (result["format"], result["media_type"]) == (format, CALLBACK_FORMATS[format].media_type)
    assert "日本" in result["content"]
    if format == "json":
        assert json.loads(result["content"])["pages"][0]["text"] == TEXT


def test_without_a_format_and_for_a_failed_job_there_is_no_document(tmp_path: Path) -> None:
    assert "result" not in _message(tmp_path / "1", None)
    assert "result" not in _message(tmp_path / "2", "md", JobStatus.FAILED)
    assert _message(tmp_path / "3", "txt", JobStatus.CANCELLED)["result"]["content"].startswith(TEXT)


def test_a_document_that_is_too_large_is_left_out(tmp_path: Path) -> None:
    assert _message(tmp_path, "txt", SLIMGEST_CALLBACK_RESULT_KB="0")["result"]["content"] is None


def test_a_job_without_a_format_is_stored_as_before() -> None:
    job = Job(job_id=JOB_ID, filename="a.pdf", options=Options(), created_at=now())
    assert "callback_format" not in job.model_dump_json()
    chosen = job.model_copy(update={"callback_format": "md"})
    assert Job.model_validate_json(chosen.model_dump_json()) == chosen
