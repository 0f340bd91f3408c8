"""How jobs end, once, whoever is slow. Redis is in memory, storage a folder."""

from __future__ import annotations

import io
from pathlib import Path
from unittest import mock
from uuid import uuid4

from slimgest_celery import pipeline
from slimgest_celery.model import Engine, Job, JobStatus, Options, Plan, now
from tests.support import pdfs
from tests.support.desk import FakeDevice, desk


def test_a_finish_that_was_slow_does_not_end_the_run_that_a_retry_has_begun(tmp_path: Path) -> None:
    with desk(tmp_path, FakeDevice(0, 1)) as at, mock.patch.object(at.jobs, "celery"):
        jobs, job = at.jobs, Job(job_id=str(uuid4()), filename="a.pdf", options=Options(), created_at=now())
        jobs.files.create(job, io.BytesIO(pdfs.numbered(1)), None)
        engine = Engine(name="e", version="1")
        jobs.files.put_plan(job.job_id, Plan(page_numbers=[1], engine=engine, started_at=now()))
        with mock.patch.object(jobs, "send"), mock.patch.object(jobs, "status"):
            jobs.cancel(job.job_id)
            told = jobs.events.end

            def meanwhile(*said: object) -> bool:
                """What a finish of the first run was about to tell; a retry comes in between."""
                jobs.retry(job.job_id, None, password="again")
                return told(*said)  # type: ignore[arg-type]

            with mock.patch.object(jobs.events, "end", meanwhile):
                pipeline.assemble(jobs, job.job_id, run=0)
        assert jobs.end(job.job_id) is None and not jobs.ledger.ended(job.job_id)
        assert jobs.ledger.pending() == [job.job_id]
        end = pipeline.assemble(jobs, job.job_id, run=1)
        assert end is not None and end.status == JobStatus.FAILED and jobs.ledger.pending() == []
