"""A worker child's context without a worker: jobs in a folder, a Redis in memory, any engine."""

from __future__ import annotations

import io
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import fakeredis
from celery import Celery

from slimgest_celery.app import Components
from slimgest_celery.config import Settings
from slimgest_celery.engines.protocol import Image, OcrEngine, OcrLine
from slimgest_celery.models.job import EngineInfo, Job, Options, Plan
from slimgest_celery.models.page import Page
from slimgest_celery.models.record import now
from slimgest_celery.pipeline.context import WorkerContext
from slimgest_celery.pipeline.ingest import ingest_job
from slimgest_celery.pipeline.pages import read_until_preempted
from slimgest_celery.pipeline.pdf_session import PdfSessions
from slimgest_celery.pipeline.watchdog import Blame
from slimgest_celery.reading.page_reader import PageReader
from slimgest_celery.reading.render_pool import RenderPool
from slimgest_celery.tasks import make_context
from tests.support import pdfs

JOB_ID = "00000000-0000-4000-8000-00000000000a"


class FakeDevice:
    """An engine that takes a fixed time per page, and records when. It sleeps, as a process that waits for a GPU.

    The text of a page is the checksum of its image.
    """

    name = "fake-device"
    version = "1"

    def __init__(self, page_s: float, batch_size: int) -> None:
        self.batch_size = batch_size
        self._page_s = page_s
        self.batches: list[tuple[float, float, int]] = []  # start, end, pages

    def warm_up(self, image: Image) -> None:
        pass

    def read(self, images: Sequence[Image]) -> list[list[OcrLine]]:
        started_s = time.perf_counter()
        found = [[OcrLine(text=str(zlib.crc32(image)), confidence=1, box=(0, 0, 9, 9))] for image in images]
        time.sleep(max(0.0, self._page_s * len(images) - (time.perf_counter() - started_s)))
        self.batches.append((started_s, time.perf_counter(), len(images)))
        return found

    def busy_share(self) -> float:
        """Return the share of the time in which the engine was reading, from its first batch to the end of its last."""
        return sum(end - start for start, end, _ in self.batches) / (self.batches[-1][1] - self.batches[0][0])


@dataclass(frozen=True, kw_only=True)
class LocalContext(WorkerContext):
    """A worker context with the components of its service."""

    parts: Components


@contextmanager
def worker_context(folder: Path, engine: OcrEngine, helpers: int = 0, **changed: object) -> Iterator[LocalContext]:
    """Yield a context without a watchdog, with this many render helpers, and by default without a page cache."""
    settings = Settings.model_validate({"SLIMGEST_STORAGE_URL": str(folder), "SLIMGEST_PAGE_CACHE": False, **changed})
    render_pool = RenderPool(helpers, 2 * engine.batch_size, settings.max_worker_mb) if helpers else None
    with fakeredis.FakeRedis() as redis:
        parts = Components(settings, redis, Celery("test", set_as_current=False))
        pdf_sessions = PdfSessions(parts.files)
        try:
            context = make_context(
                parts,
                pdf_sessions=pdf_sessions,
                reader=PageReader(engine=engine, worker="gpu0@test", max_pixels=settings.max_page_pixels),
                watch=_unwatched,
                render_pool=render_pool,
            )
            yield LocalContext(parts=parts, **vars(context))
        finally:
            pdf_sessions.release()
            if render_pool:
                render_pool.close()


def store_job(context: WorkerContext, page_count: int) -> Job:
    """Store the job JOB_ID with a PDF of this many pages."""
    job = Job(job_id=JOB_ID, filename="a.pdf", options=Options(), created_at=now())
    context.files.create(job, io.BytesIO(pdfs.numbered(page_count)), None)
    return job


def store_pages(context: WorkerContext, page_count: int, *statuses: str) -> None:
    """Store the plan to read this many pages of the job JOB_ID, and the first pages with these statuses."""
    engine = EngineInfo(name=context.engine.name, version=context.engine.version)
    plan = Plan(page_numbers=list(range(1, page_count + 1)), engine=engine, started_at=now())
    context.files.put_plan(JOB_ID, plan)
    for number, status in enumerate(statuses, 1):
        context.files.put_pages(JOB_ID, [Page.model_validate({"page_number": number, "status": status})])


def read_all(
    context: WorkerContext, pdf: bytes, password: str | None = None, owner: str | None = None, **options: object
) -> list[Page]:
    """Return every page of a PDF, planned and read range by range, as by Celery."""
    validated = Options.model_validate(options)
    job = Job(job_id=str(uuid4()), filename="test.pdf", options=validated, created_at=now(), owner=owner)
    context.files.create(job, io.BytesIO(pdf), password)
    for page_range in ingest_job(context, job.job_id):
        read_until_preempted(context, job.job_id, page_range.first, page_range.last)
    return list(context.files.pages(job.job_id).values())


def _unwatched(job_id: str, blame: Blame, page_count: int = 1) -> AbstractContextManager[None]:
    return nullcontext()
