"""A worker child's desk without a worker: jobs in a folder, a Redis in memory, any engine."""

from __future__ import annotations

import io
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from uuid import uuid4

import fakeredis
from celery import Celery

from slimgest_celery import pipeline
from slimgest_celery.config import Settings
from slimgest_celery.desk import Desk
from slimgest_celery.engines import Engine, Line
from slimgest_celery.engines.protocol import Image
from slimgest_celery.jobs import Jobs
from slimgest_celery.model import Job, Options, Page, now
from slimgest_celery.open_jobs import OpenJobs
from slimgest_celery.pace import Pace
from slimgest_celery.render_ahead import Renderers


class FakeDevice:
    """An engine that takes a fixed time per page, nearly all of it asleep as one waits for a GPU, and says when.

    A page reads as the checksum of its image.
    """

    name = "fake-device"
    version = "1"

    def __init__(self, page_s: float, batch_size: int) -> None:
        self.batch_size = batch_size
        self._page_s = page_s
        self.batches: list[tuple[float, float, int]] = []  # from, to, pages

    def warm_up(self, image: Image) -> None:
        pass

    def read(self, images: Sequence[Image]) -> list[list[Line]]:
        started_s = time.perf_counter()
        found = [[Line(text=str(zlib.crc32(image)), confidence=1, box=(0, 0, 9, 9))] for image in images]
        time.sleep(max(0.0, self._page_s * len(images) - (time.perf_counter() - started_s)))
        self.batches.append((started_s, time.perf_counter(), len(images)))
        return found

    def busy_share(self) -> float:
        """The share of the time from the first page's reading to the end of the last's in which it had work."""
        return sum(end - start for start, end, _ in self.batches) / (self.batches[-1][1] - self.batches[0][0])


@contextmanager
def desk(folder: Path, engine: Engine, helpers: int = 0, **changed: object) -> Iterator[Desk]:
    """A desk at which nobody watches; with this many render helpers."""
    settings = Settings.model_validate(
        {
            "SLIMGEST_STORAGE_URL": str(folder),
            "SLIMGEST_PAGE_CACHE": False,
            **changed,
        }  # what is read twice is read twice
    )
    renderers = Renderers(helpers, 2 * engine.batch_size, settings.max_worker_mb) if helpers else None
    with fakeredis.FakeRedis() as redis:
        jobs = Jobs(settings, redis, Celery("test", set_as_current=False))
        open_jobs = OpenJobs(jobs.files)
        try:
            yield Desk(
                jobs=jobs,
                engine=engine,
                open_jobs=open_jobs,
                pace=Pace(redis, engine.name),
                worker="gpu0@test",
                watch=_unwatched,
                renderers=renderers,
            )
        finally:
            open_jobs.release()
            if renderers:
                renderers.close()


def read_all(
    desk: Desk, pdf: bytes, password: str | None = None, owner: str | None = None, **options: object
) -> list[Page]:
    """Every page of a PDF, planned and read span by span as Celery would have it."""
    asked = Options.model_validate(options)
    job = Job(job_id=str(uuid4()), filename="test.pdf", options=asked, created_at=now(), owner=owner)
    desk.jobs.files.create(job, io.BytesIO(pdf), password)
    for span in pipeline.plan(desk, job.job_id):
        pipeline.read(desk, job.job_id, span.first, span.last)
    return list(desk.jobs.files.pages(job.job_id).values())


def _unwatched(job_id: str, page_numbers: Sequence[int] | None) -> AbstractContextManager[None]:
    return nullcontext()
