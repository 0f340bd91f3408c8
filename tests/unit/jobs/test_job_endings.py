"""A job ends once, even if its finish is slow. Redis is in memory, and the storage is a folder."""

from __future__ import annotations

import io
from pathlib import Path
from unittest import mock
from uuid import uuid4

from slimgest_celery.jobs.retry import retry_job
from slimgest_celery.models.job import End, EngineInfo, Job, JobStatus, Options, Plan
from slimgest_celery.models.record import now
from slimgest_celery.pipeline.finish import finish_job
from tests.support import pdfs
from tests.support.worker_context import FakeDevice, worker_context


def test_a_slow_finish_does_not_end_a_job_that_is_retried_meanwhile(tmp_path: Path) -> None:
    with worker_context(tmp_path, FakeDevice(0, 1)) as context, mock.patch.object(context.jobs, "_celery"):
        job = Job(job_id=str(uuid4()), filename="a.pdf", options=Options(), created_at=now())
        context.files.create(job, io.BytesIO(pdfs.numbered(1)), None)
        engine = EngineInfo(name="e", version="1")
        context.files.put_plan(job.job_id, Plan(page_numbers=[1], engine=engine, started_at=now()))

        def finish(retry_count: int) -> End | None:
            parts = {
                "jobs": context.jobs,
                "files": context.files,
                "job_state": context.job_state,
                "events": context.events,
            }
            return finish_job(job.job_id, retry_count, **parts)  # type: ignore[arg-type]

        with mock.patch.object(context.jobs, "send"), mock.patch.object(context.jobs, "status"):
            context.jobs.cancel(job.job_id)
            publish_end = context.events.publish_end

            def retry_before_publishing(*arguments: object) -> bool:
                parts = {
                    "jobs": context.jobs,
                    "files": context.files,
                    "events": context.events,
                    "admission": context.parts.admission,
                }
                retry_job(job.job_id, None, password="secret", **parts)  # type: ignore[arg-type]
                return publish_end(*arguments)  # type: ignore[arg-type]

            with mock.patch.object(context.events, "publish_end", retry_before_publishing):
                finish(retry_count=0)
        assert context.jobs.end(job.job_id) is None and not context.job_state.ended(job.job_id)
        assert context.job_state.pending() == [job.job_id]
        end = finish(retry_count=1)
        assert end is not None and end.status == JobStatus.FAILED and context.job_state.pending() == []
