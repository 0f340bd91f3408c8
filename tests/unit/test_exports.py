"""The process that makes a PDF searchable, and its limits."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from slimgest_celery import exports
from slimgest_celery.jobs import Jobs
from slimgest_celery.model import Block, End, Engine, Job, JobStatus, Options, Page, Plan, Source, now
from tests.support import pdfs
from tests.support.desk import FakeDevice, desk

JOB_ID = "00000000-0000-4000-8000-00000000000a"


def _ended(jobs: Jobs, pdf: bytes, reason: str) -> End:
    """A job of one page that was read."""
    jobs.files.create(Job(job_id=JOB_ID, filename="x.pdf", options=Options(), created_at=now()), io.BytesIO(pdf), None)
    jobs.files.put_plan(JOB_ID, Plan(page_numbers=[1], engine=Engine(name="n", version="1"), started_at=now()))
    block = Block(text="word", confidence=1, box=(0.1, 0.1, 0.5, 0.2))
    page = Page(page_number=1, status="ok", source=Source.OCR, reason=reason, blocks=[block])
    jobs.files.put_pages(JOB_ID, [page])
    return jobs.files.put_end(JOB_ID, End(status=JobStatus.COMPLETED, completed_at=now()))


def test_it_is_made_and_then_not_made_again(tmp_path: Path) -> None:
    with desk(tmp_path, FakeDevice(0, 1)) as at:
        name = exports.file_name(_ended(at.jobs, pdfs.numbered(1), "no_text").completed_at)
        exports.make(at.jobs, JOB_ID)
        assert b"".join(at.jobs.files.export(JOB_ID, name)).startswith(b"%PDF-")
        at.jobs.files.put_export(JOB_ID, name, Path(__file__))
        exports.make(at.jobs, JOB_ID)
        assert b"".join(at.jobs.files.export(JOB_ID, name)) == Path(__file__).read_bytes()
        assert at.jobs.files.take_export_problem(JOB_ID) is None


@pytest.mark.parametrize(
    ("limits", "said"),
    [({"SLIMGEST_PAGE_TIMEOUT": 1}, "took too long"), ({"SLIMGEST_MAX_WORKER_MB": 256}, "more memory")],
    ids=["time", "memory"],
)
def test_past_a_limit_it_ends_and_says_why(tmp_path: Path, limits: dict[str, object], said: str) -> None:
    pdf = pdfs.unfolding(b"BT 3 Tr (a) Tj ET\n", 4_000_000)
    with desk(tmp_path, FakeDevice(0, 1), **limits) as at:
        _ended(at.jobs, pdf, "wrong_ocr_layer")
        exports.make(at.jobs, JOB_ID)
        problem = at.jobs.files.take_export_problem(JOB_ID)
    assert problem is not None and problem.code == "format.failed" and said in problem.message
    assert at.jobs.files.take_export_problem(JOB_ID) is None, "told once"
