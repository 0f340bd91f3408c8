"""Jobs that lost a message are resumed, and expired ones are deleted. Redis is in memory, the storage is a folder."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest

from slimgest_celery.jobs.maintenance import STUCK_S
from slimgest_celery.models.job import End, JobStatus
from slimgest_celery.models.record import now
from slimgest_celery.models.service import Worker
from slimgest_celery.state.job_index import list_key
from tests.support.worker_context import JOB_ID, FakeDevice, LocalContext, store_job, store_pages, worker_context

RETENTION_S = 100


@pytest.fixture
def context(tmp_path: Path) -> Iterator[LocalContext]:
    with worker_context(tmp_path, FakeDevice(0, batch_size=1), SLIMGEST_RETENTION=RETENTION_S) as context:
        context.job_state.mark_initialised()
        yield context


@pytest.fixture
def sent(context: LocalContext) -> Iterator[list[str]]:
    """The ids of the jobs that were queued."""
    sent: list[str] = []
    with (
        mock.patch.object(context.jobs, "send", lambda job: sent.append(job.job_id)),
        mock.patch.object(context.parts.queue_lengths, "any_waiting", lambda: False),
        mock.patch.object(context.parts.maintenance._celery, "AsyncResult"),
    ):
        yield sent


def _accept(context: LocalContext) -> None:
    job = store_job(context, page_count=1)
    context.job_state.admit([JOB_ID], 10, job.created_at.timestamp())


def _end(context: LocalContext) -> None:
    context.files.put_end(JOB_ID, End(status=JobStatus.COMPLETED, completed_at=now()))


def test_a_job_without_activity_is_queued_again(context: LocalContext, sent: list[str]) -> None:
    _accept(context)
    assert context.parts.maintenance.reconcile() == sent == [JOB_ID]


def test_a_job_with_recent_activity_is_not_queued_again(context: LocalContext, sent: list[str]) -> None:
    _accept(context)
    context.job_state.mark_activity(JOB_ID)
    assert context.job_state.seconds_since_activity(JOB_ID) < STUCK_S
    assert context.parts.maintenance.reconcile() == sent == []


def test_a_job_that_a_worker_is_reading_is_not_queued_again(context: LocalContext, sent: list[str]) -> None:
    _accept(context)
    context.worker_registry.register(Worker(name="cpu0@host", device="cpu", engine="e", state="idle"))
    context.worker_registry.mark_busy("cpu0@host", JOB_ID, 1)
    assert context.parts.maintenance.reconcile() == sent == []


def test_no_job_is_queued_again_while_messages_wait(context: LocalContext, sent: list[str]) -> None:
    _accept(context)
    with mock.patch.object(context.parts.queue_lengths, "any_waiting", lambda: True):
        assert context.parts.maintenance.reconcile() == sent == []


def test_a_stored_end_that_was_not_published_is_published(context: LocalContext, sent: list[str]) -> None:
    _accept(context)
    _end(context)
    assert context.parts.maintenance.reconcile() == [JOB_ID] and sent == []
    assert context.job_state.ended(JOB_ID) and context.job_state.pending() == []


def test_jobs_without_an_end_are_queued_again_after_redis_lost_its_data(context: LocalContext, sent: list[str]) -> None:
    _accept(context)
    context.parts.redis.flushall()
    assert context.parts.maintenance.reconcile() == sent == [JOB_ID]
    assert context.job_state.is_initialised()


def test_two_processes_do_not_reconcile_at_the_same_time(context: LocalContext, sent: list[str]) -> None:
    _accept(context)
    assert context.parts.maintenance.reconcile() == [JOB_ID]
    assert context.parts.maintenance.reconcile() == []


def test_an_ended_job_is_deleted_after_the_retention_and_is_then_known_as_expired(
    context: LocalContext, sent: list[str]
) -> None:
    _accept(context)
    _end(context)
    assert context.parts.maintenance.sweep(time.time() + RETENTION_S - 10) == 0
    assert context.parts.maintenance.sweep(time.time() + RETENTION_S + 10) == 1
    assert not context.files.exists(JOB_ID) and context.job_state.expired(JOB_ID)


def test_a_job_that_has_not_ended_is_never_deleted(context: LocalContext, sent: list[str]) -> None:
    _accept(context)
    assert context.parts.maintenance.sweep(time.time() + 1e6) == 0


def test_an_upload_whose_process_died_leaves_the_list_of_its_owner(context: LocalContext, sent: list[str]) -> None:
    _accept(context)
    for owner, job_id in (("alice", "lost"), (None, "lost-too"), ("alice", "new")):
        context.job_state.admit([job_id], 10, time.time() - (0 if job_id == "new" else 3700), owner)
    context.parts.redis.zadd(list_key("alice"), {JOB_ID: time.time() - 5000})
    context.parts.maintenance.reconcile()
    context.parts.maintenance.sweep(time.time())
    assert [context.parts.redis.zscore(list_key("alice"), job_id) is None for job_id in ("new", JOB_ID)] == [False] * 2
    assert context.parts.job_index.count("alice") == 2
    assert context.parts.redis.zscore(list_key(None), "lost-too") is None
    assert set(context.job_state.pending()) == {JOB_ID, "new"}


def test_what_a_worker_stores_after_a_job_was_deleted_is_deleted_by_the_next_sweep(
    context: LocalContext, sent: list[str]
) -> None:
    _accept(context)
    context.files.delete(JOB_ID)
    context.job_state.expire(JOB_ID)
    store_pages(context, 1, "ok")
    assert context.files.job_ids() == [JOB_ID]
    assert context.parts.maintenance.sweep(time.time()) == 1 and context.files.job_ids() == []
