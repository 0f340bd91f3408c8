"""The planning of a job. Redis is in memory."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest

from slimgest_celery.models.job import Job, Options
from slimgest_celery.models.record import now
from slimgest_celery.pipeline import ingest
from slimgest_celery.pipeline.pages import read_until_preempted
from slimgest_celery.pipeline.watchdog import Blame
from tests.support import pdfs
from tests.support.worker_context import JOB_ID, FakeDevice, LocalContext, store_job, worker_context


class Killed(BaseException):
    """A watchdog's kill of the child."""


@pytest.fixture
def context(tmp_path: Path) -> Iterator[LocalContext]:
    with worker_context(tmp_path, FakeDevice(0, batch_size=1)) as context:
        yield context


def test_a_sample_page_that_breaks_the_child_costs_the_pdf_nothing(
    context: LocalContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    blames: list[Blame] = []

    @contextmanager
    def watch(job_id: str, blame: Blame, page_count: int = 1) -> Iterator[None]:
        blames.append(blame)
        yield

    def kill(*_: object) -> None:
        raise Killed

    monkeypatch.setattr(ingest, "predict_source", kill)
    watched = replace(context, watch=watch)
    store_job(context, page_count=3)
    with pytest.raises(Killed):
        ingest.ingest_job(watched, JOB_ID)
    assert blames[-1] == Blame.nobody(), "the watchdog would fail the whole PDF"
    ranges = ingest.ingest_job(watched, JOB_ID)
    assert [number for found in ranges for number in found.page_numbers] == [1, 2, 3]
    assert context.files.end(JOB_ID) is None


def test_a_pdf_with_a_wrong_page_count_is_logged_once(context: LocalContext, caplog: pytest.LogCaptureFixture) -> None:
    pdf = re.sub(rb"/Count 2\s", b"/Count 5000 ", pdfs.text_pages(["one", "two"]))
    job = Job(job_id=JOB_ID, filename="a.pdf", options=Options(mode="text"), created_at=now())
    context.files.create(job, BytesIO(pdf), None)
    with caplog.at_level(logging.INFO):
        for found in ingest.ingest_job(context, JOB_ID):
            read_until_preempted(context, JOB_ID, found.first, found.last)
    logged = [getattr(record, "status", None) for record in caplog.records if record.message == "page read"]
    assert sorted(logged) == ["failed", "ok", "ok"]
    assert len(context.files.pages(JOB_ID)) == 5000
