"""The time limits of tasks, and the failures that are stored when a worker child exceeds a limit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

import celeryconfig
from slimgest_celery import tasks
from slimgest_celery.config import Settings
from slimgest_celery.errors import PageFailure, PageOutOfMemory, PageTimeout
from slimgest_celery.models.events import BEGINNING
from slimgest_celery.models.page import PageImageRequest
from slimgest_celery.pipeline.watchdog import Blame, WatchedWork
from tests.support.worker_context import JOB_ID, FakeDevice, LocalContext, store_job, store_pages, worker_context

IMAGE = PageImageRequest(job_id=JOB_ID, page_number=2, dpi=100, form="png")


def test_the_time_limit_of_a_range_is_shorter_than_the_visibility_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the visibility timeout, another worker would receive the same message."""
    monkeypatch.setattr(tasks, "settings", lambda: Settings.model_validate({"SLIMGEST_PAGE_TIMEOUT": 120}))
    limits = [tasks._limit_s(pages) for pages in (1, 10, 256)]
    assert limits == sorted(limits) and limits[0] > 120 and limits[1] > 1200
    assert limits[-1] < celeryconfig.broker_transport_options["visibility_timeout"]


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalContext]:
    """A worker that reads the three pages of a job."""
    with worker_context(tmp_path, FakeDevice(0, batch_size=1)) as context:
        store_job(context, page_count=3)
        store_pages(context, 3)
        monkeypatch.setattr(tasks, "components", lambda: context.parts)
        yield context


def test_the_tasks_of_a_worker_child_share_its_layout_model(
    context: LocalContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To compile the network takes longer than to read most pages."""
    own = {"settings": Settings(), "engine": context.engine, "pdf_sessions": context.pdf_sessions, "render_pool": None}
    for name, part in {**own, "watchdog": SimpleNamespace(watch=context.watch)}.items():
        monkeypatch.setattr(tasks, name, lambda part=part: part)
    monkeypatch.setattr(tasks, "Preemption", lambda *_, **__: SimpleNamespace(should_yield=None))  # needs a Redis
    models = [tasks.worker_context("cpu0@test").reader.layout_model for _ in range(2)]
    assert models[0] is models[1] is not None


def _exceed_limit(blame: Blame, error: PageFailure) -> None:
    tasks.on_limit_exceeded(WatchedWork(job_id=JOB_ID, blame=blame, deadline_s=0), error)


def _failed_pages(context: LocalContext) -> dict[int, str]:
    """Return the error codes of the stored pages by page number."""
    return {number: page.error.code for number, page in context.files.pages(JOB_ID).items() if page.error}


@pytest.mark.parametrize(
    ("error", "code"),
    [(PageTimeout(), "pdf.timeout"), (PageOutOfMemory(), "pdf.out_of_memory")],
    ids=["time", "memory"],
)
def test_the_job_fails_if_the_pdf_is_to_blame(context: LocalContext, error: PageFailure, code: str) -> None:
    _exceed_limit(Blame.pdf(), error)
    end = context.files.end(JOB_ID)
    assert end is not None and end.error is not None and (end.status, end.error.code) == ("failed", code)
    assert context.job_state.ended(JOB_ID), "the end is published"


def test_only_a_page_fails_if_that_page_is_to_blame(context: LocalContext) -> None:
    _exceed_limit(Blame.page(2), PageTimeout())
    assert _failed_pages(context) == {2: "page.timeout"}
    assert [event.data["page_number"] for event in context.events.replay(JOB_ID, BEGINNING)] == [2], "it is published"
    assert context.files.end(JOB_ID) is None


def test_nothing_fails_if_nobody_is_to_blame(context: LocalContext) -> None:
    """Several pages were read at once: the next attempt reads them one by one."""
    _exceed_limit(Blame.pages([1, 2, 3]), PageTimeout())
    assert _failed_pages(context) == {} and context.files.end(JOB_ID) is None
    assert list(context.events.replay(JOB_ID, BEGINNING)) == []


def test_only_the_image_fails_if_an_image_request_is_to_blame(context: LocalContext) -> None:
    _exceed_limit(Blame.image_request(IMAGE), PageOutOfMemory())
    assert b'"page.out_of_memory"' in context.parts.redis.get(IMAGE.key)
    assert _failed_pages(context) == {} and context.files.end(JOB_ID) is None
