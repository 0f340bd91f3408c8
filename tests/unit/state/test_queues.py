"""The priorities of messages."""

from __future__ import annotations

import fakeredis

from slimgest_celery.state.job_state import JobState
from slimgest_celery.state.queues import REQUEUED, URGENT, page_priority, step_priority


def test_the_first_pages_of_an_owners_first_jobs_come_first_and_priorities_stay_within_celerys_steps() -> None:
    assert page_priority(0) == page_priority(1) == page_priority(0, jobs_ahead=1) == 1
    assert page_priority(2) > REQUEUED
    assert page_priority(10**6, jobs_ahead=10**6) <= 9


def test_a_page_waits_for_as_many_pages_of_each_earlier_job_of_its_owner() -> None:
    assert page_priority(0, jobs_ahead=499) == page_priority(499), "499 one-page jobs are as long as one of 499 pages"
    assert page_priority(3, jobs_ahead=9) == page_priority(39)
    assert page_priority(1, jobs_ahead=20) < page_priority(600), (
        "the first pages of a job come before the end of a book"
    )
    for ahead in range(600):
        assert page_priority(ahead, jobs_ahead=1) >= page_priority(ahead)


def test_the_steps_of_an_owner_with_few_others_ahead_are_urgent() -> None:
    assert [step_priority(ahead) for ahead in (0, 1, 2, 500)] == [URGENT, URGENT, 3, 6]


def test_jobs_ahead_are_the_earlier_jobs_of_the_same_owner() -> None:
    with fakeredis.FakeRedis() as redis:
        state = JobState(redis, 60)
        state.admit(["a1", "a2"], limit=9, created_s=1, owner="alice")
        state.admit(["b1"], limit=9, created_s=2, owner="bob")
        state.admit(["a3"], limit=9, created_s=3, owner="alice")
        state.admit(["n1"], limit=9, created_s=4)
        assert [state.jobs_ahead(job_id, "alice") for job_id in ("a1", "a2", "a3")] == [0, 1, 2]
        assert state.jobs_ahead("b1", "bob") == 0
        assert state.jobs_ahead("n1", None) == 4, "without keys, all clients are one owner"
        assert state.jobs_ahead("gone", "alice") == state.jobs_ahead("gone", None) == 0
