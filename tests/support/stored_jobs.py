"""Ended jobs as workers store them, made by a test: for tests of what the API sends."""

from __future__ import annotations

import io
import uuid
from collections.abc import Sequence

from slimgest_celery.jobs import searchable_pdf
from slimgest_celery.models.job import End, EngineInfo, Job, JobStatus, Options, Plan
from slimgest_celery.models.page import Page
from slimgest_celery.models.record import now
from slimgest_celery.storage.job_files import JobFiles

PAGE = Page(page_number=1, status="ok", text="page 1", width=100, height=100)


def store_job(files: JobFiles, filename: str, pages: Sequence[Page] = (PAGE,)) -> str:
    """Store an ended job with these pages, and bytes in place of its searchable PDF. Return its id."""
    job_id, moment = str(uuid.uuid4()), now()
    job = Job(job_id=job_id, filename=filename, options=Options(), created_at=moment)
    files.create(job, io.BytesIO(b"%PDF-1.7"), None)
    engine = EngineInfo(name="none", version="1")
    files.put_plan(job_id, Plan(page_numbers=[page.page_number for page in pages], engine=engine, started_at=moment))
    for page in pages:
        files.put_pages(job_id, [page])
    files.put_end(job_id, End(status=JobStatus.COMPLETED, completed_at=moment))
    files._storage.write(f"{job_id}/exports/{searchable_pdf.file_name(moment)}", b"%PDF-1.7 searchable")
    return job_id
