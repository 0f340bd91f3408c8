"""The filtered list of jobs, in parts. Redis is in memory, the storage is a folder."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock
from uuid import UUID

import pytest

from slimgest_celery.jobs import listing
from slimgest_celery.jobs.listing import CURSOR, JobSelection, list_jobs
from slimgest_celery.models.job import End, Job, JobStatus, Options
from slimgest_celery.models.responses import JobList
from tests.support.worker_context import FakeDevice, LocalContext, worker_context

START = datetime(2026, 3, 14, tzinfo=UTC)


@pytest.fixture
def context(tmp_path: Path) -> Iterator[LocalContext]:
    with (
        worker_context(tmp_path, FakeDevice(0, batch_size=1)) as context,
        mock.patch.object(context.jobs._celery, "AsyncResult") as result,
    ):
        result.return_value.state = "PENDING"
        yield context


def _add(context: LocalContext, number: int, filename: str, status: JobStatus | None = None) -> str:
    """Store a job that was submitted `number` microseconds after the start; `status` is its end state."""
    at = START + timedelta(microseconds=number)
    job = Job(job_id=str(UUID(int=number)), filename=filename, options=Options(), created_at=at)
    context.files._put(job.job_id, "job.json", job)
    context.job_state.admit([job.job_id], 999, at.timestamp())
    context.parts.job_index.enter(job)
    if status:
        context.jobs.end_job(job.job_id, End(status=status, completed_at=at))
    return job.job_id


def _list(context: LocalContext, **selection: Any) -> JobList:
    return list_jobs(JobSelection(**selection), jobs=context.jobs, job_index=context.parts.job_index)


def _all(context: LocalContext, **selection: Any) -> list[int]:
    """The numbers of all selected jobs, read in parts."""
    part, found = _list(context, **selection), []
    while True:
        found += [UUID(entry.job_id).int for entry in part.jobs]
        if part.next_cursor is None:
            return found
        assert re.fullmatch(CURSOR, part.next_cursor)
        part = _list(context, **selection, cursor=part.next_cursor)


@pytest.fixture
def filled(context: LocalContext) -> LocalContext:
    ends = [JobStatus.COMPLETED, JobStatus.FAILED, None]
    for number in range(1, 31):
        _add(context, number, f"{'Invoice' if number % 5 == 0 else 'letter'} {number}.pdf", ends[number % 3])
    return context


@pytest.mark.parametrize("limit", [1, 4, 50])
def test_the_parts_together_are_the_selected_jobs_newest_first(filled: LocalContext, limit: int) -> None:
    numbers = list(range(30, 0, -1))
    assert _all(filled, limit=limit) == numbers
    failed = frozenset({JobStatus.FAILED})
    assert _all(filled, limit=limit, statuses=failed) == [n for n in numbers if n % 3 == 1]
    assert _all(filled, limit=limit, statuses=failed | {JobStatus.QUEUED}) == [n for n in numbers if n % 3]
    assert _all(filled, limit=limit, filename="iNVOICE") == [30, 25, 20, 15, 10, 5]
    assert _all(filled, limit=limit, filename="invoice", statuses=failed) == [25, 10]
    assert _all(filled, limit=limit, since=START + timedelta(microseconds=28)) == [30, 29, 28]
    assert _all(filled, limit=limit, filename="nothing") == []


def test_jobs_that_come_and_go_between_two_parts_neither_repeat_nor_hide_others(filled: LocalContext) -> None:
    first = _list(filled, limit=3)
    _add(filled, 31, "new.pdf")
    for entry in first.jobs:
        filled.job_state.expire(entry.job_id)
        filled.files.delete(entry.job_id)
    second = _list(filled, limit=3, cursor=first.next_cursor)
    assert [UUID(entry.job_id).int for entry in second.jobs] == [27, 26, 25]


def test_an_offset_skips_jobs_and_no_limit_only_counts(filled: LocalContext) -> None:
    assert [UUID(entry.job_id).int for entry in _list(filled, offset=2, limit=2).jobs] == [28, 27]
    assert [UUID(entry.job_id).int for entry in _list(filled, filename="invoice", offset=4).jobs] == [10, 5]
    beyond, counted = _list(filled, offset=99), _list(filled, limit=0)
    assert (beyond.jobs, beyond.next_cursor, beyond.total) == ([], None, 30)
    assert (counted.jobs, counted.next_cursor, counted.total) == ([], None, 30)


def test_a_request_examines_a_limited_number_of_names_and_the_next_one_goes_on(filled: LocalContext) -> None:
    with mock.patch.object(listing, "_MAX_EXAMINED", 8), mock.patch.object(listing, "_AT_ONCE", 4):
        part = _list(filled, filename="letter 1.pdf")
        assert part.jobs == [] and part.next_cursor is not None, "30 to 23 were examined"
        assert _all(filled, filename="letter 1.pdf") == [1]
        assert _all(filled, filename="invoice", limit=1) == [30, 25, 20, 15, 10, 5]


def test_the_job_s_record_counts_if_the_index_is_behind(filled: LocalContext) -> None:
    (failed,) = _list(filled, statuses=frozenset({JobStatus.FAILED}), limit=1).jobs
    filled.parts.redis.delete("slimgest:filenames")
    filled.parts.redis.zadd("slimgest:ended:cancelled", {failed.job_id: 1})
    assert _list(filled, statuses=frozenset({JobStatus.CANCELLED})).jobs == []
    assert _list(filled, filename=failed.filename).jobs == [failed]
    filled.files.delete(failed.job_id)
    assert _list(filled, filename=failed.filename).jobs == []


def test_a_sweep_restores_the_filters_after_redis_lost_them(filled: LocalContext) -> None:
    filled.parts.redis.flushall()
    assert _all(filled) == []
    filled.parts.maintenance.sweep(START.timestamp() + 10)
    assert _all(filled, statuses=frozenset({JobStatus.FAILED})) == [n for n in range(30, 0, -1) if n % 3 == 1]


def test_the_pages_ahead_in_the_list_are_those_of_the_single_status(filled: LocalContext) -> None:
    listed = _list(filled, statuses=frozenset({JobStatus.QUEUED})).jobs
    assert [entry.pages_ahead for entry in listed] == list(range(9, -1, -1))
    assert listed[3] == filled.jobs.status(listed[3].job_id)
