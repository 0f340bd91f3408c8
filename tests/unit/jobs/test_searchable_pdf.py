"""The process that makes a searchable PDF, and its limits."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from slimgest_celery.jobs.searchable_pdf import file_name
from slimgest_celery.models.job import End, EngineInfo, Job, JobStatus, Options, Plan
from slimgest_celery.models.page import Block, Page, Source
from slimgest_celery.models.record import now
from slimgest_celery.storage.job_files import JobFiles
from tests.support import pdfs
from tests.support.worker_context import FakeDevice, worker_context

JOB_ID = "00000000-0000-4000-8000-00000000000a"


def _store_ended_job(files: JobFiles, pdf: bytes, reason: str) -> End:
    """Store an ended job with one page. Return its end state."""
    files.create(Job(job_id=JOB_ID, filename="x.pdf", options=Options(), created_at=now()), io.BytesIO(pdf), None)
    files.put_plan(JOB_ID, Plan(page_numbers=[1], engine=EngineInfo(name="n", version="1"), started_at=now()))
    block = Block(text="word", confidence=1, box=(0.1, 0.1, 0.5, 0.2))
    page = Page(page_number=1, status="ok", source=Source.OCR, reason=reason, blocks=[block])
    files.put_pages(JOB_ID, [page])
    return files.put_end(JOB_ID, End(status=JobStatus.COMPLETED, completed_at=now()))


def test_a_searchable_pdf_is_made_once(tmp_path: Path) -> None:
    with worker_context(tmp_path, FakeDevice(0, 1)) as context:
        name = file_name(_store_ended_job(context.files, pdfs.numbered(1), "no_text").completed_at)
        context.parts.searchable_pdfs.make(context.jobs.document_head(JOB_ID))
        assert b"".join(context.files.export(JOB_ID, name)).startswith(b"%PDF-")
        context.files.put_export(JOB_ID, name, Path(__file__))
        context.parts.searchable_pdfs.make(context.jobs.document_head(JOB_ID))
        assert b"".join(context.files.export(JOB_ID, name)) == Path(__file__).read_bytes()
        assert context.files.pop_export_problem(JOB_ID) is None


@pytest.mark.parametrize(
    ("limits", "message"),
    [({"SLIMGEST_PAGE_TIMEOUT": 1}, "took too long"), ({"SLIMGEST_MAX_WORKER_MB": 256}, "more memory")],
    ids=["time", "memory"],
)
def test_past_a_limit_the_process_ends_with_a_reason(tmp_path: Path, limits: dict[str, object], message: str) -> None:
    pdf = pdfs.unfolding(b"BT 3 Tr (a) Tj ET\n", 4_000_000)
    with worker_context(tmp_path, FakeDevice(0, 1), **limits) as context:
        _store_ended_job(context.files, pdf, "wrong_ocr_layer")
        context.parts.searchable_pdfs.make(context.jobs.document_head(JOB_ID))
        problem = context.files.pop_export_problem(JOB_ID)
    assert problem is not None and problem.code == "format.failed" and message in problem.message
    assert context.files.pop_export_problem(JOB_ID) is None, "the reason is deleted when it is read"


@pytest.mark.parametrize(("others", "pages", "priority"), [(0, 1, 0), (0, 100, 0), (0, 200, 3), (2, 1, 3), (40, 1, 5)])
def test_a_short_searchable_pdf_comes_first_and_one_of_many_or_a_long_one_later(
    tmp_path: Path, others: int, pages: int, priority: int
) -> None:
    with worker_context(tmp_path, FakeDevice(0, 1)) as context:
        _store_ended_job(context.files, pdfs.numbered(1), "no_text")
        for number in range(others):
            context.job_state.begin_export(f"other-{number}", None, 60)
        sent: list[int] = []
        context.parts.searchable_pdfs._celery = _Sender(sent)  # type: ignore[assignment]
        head = context.jobs.document_head(JOB_ID).model_copy(update={"total_pages": pages})
        context.parts.searchable_pdfs._request(head, None)
        context.parts.searchable_pdfs._request(head, None)
        assert sent == [priority], "queued once"
        context.parts.searchable_pdfs.make(context.jobs.document_head(JOB_ID))
        assert context.job_state.begin_export("next", None, 60) == others, "one that is made counts no more"


class _Sender:
    def __init__(self, sent: list[int]) -> None:
        self._sent = sent

    def send_task(self, name: str, *, priority: int, **_: object) -> None:
        self._sent.append(priority)
