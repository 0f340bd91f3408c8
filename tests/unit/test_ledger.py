"""Admission, progress and attempts, on a Redis in memory."""

from __future__ import annotations

from collections.abc import Iterator

import fakeredis
import pytest

from slimgest_celery.ledger import Ledger, Progress, job_key
from slimgest_celery.model import Worker
from slimgest_celery.roster import LEASE_S, Roster, _key


@pytest.fixture
def redis() -> Iterator[fakeredis.FakeRedis]:
    with fakeredis.FakeRedis() as client:
        yield client


@pytest.fixture
def ledger(redis: fakeredis.FakeRedis) -> Ledger:
    return Ledger(redis, retention_s=60)


def test_all_of_a_request_are_admitted_or_none(ledger: Ledger, redis: fakeredis.FakeRedis) -> None:
    assert ledger.admit(["a", "b"], limit=3, created_s=1)
    assert not ledger.admit(["c", "d"], limit=3, created_s=2)
    assert ledger.admit(["e"], limit=3, created_s=3)
    assert not ledger.admit(["f"], limit=3, created_s=4)
    assert ledger.pending() == ["a", "b", "e"]
    ledger.close("a")
    assert not ledger.admit(["f"], limit=3, created_s=5), "it has not ended, or was taken back"
    redis.hset(job_key("b"), "ended", 1)  # as the script in events.py does
    ledger.close("b")
    assert ledger.admit(["f"], limit=3, created_s=5)
    ledger.refuse("f")
    assert ledger.pending_count() == 2 and ledger.listed(0, 9) == ["e", "b", "a"]


def test_attempts_are_counted_per_span_and_an_end_is_noticed(ledger: Ledger, redis: fakeredis.FakeRedis) -> None:
    assert ledger.begin("a", 1, 4) == (1, False)
    assert ledger.begin("a", 1, 4) == (2, False)
    assert ledger.begin("a", 5, 8) == (1, False)
    ledger.forgive("a", 1, 4)
    assert ledger.begin("a", 1, 4) == (2, False)
    redis.hset(job_key("a"), "ended", 1)  # as the script in events.py does
    assert ledger.begin("a", 5, 8) == (2, True)


def test_an_attempt_forgiven_leaves_nothing_and_no_more_are_given(ledger: Ledger, redis: fakeredis.FakeRedis) -> None:
    ledger.begin("a", 0, 0)
    ledger.forgive("a", 0, 0)
    assert not redis.exists(job_key("a", "attempts"))
    ledger.forgive("a", 0, 0)  # as when the job has ended meanwhile
    assert not redis.exists(job_key("a", "attempts")), "it would never go"
    assert ledger.begin("a", 0, 0) == (1, False)


def test_pages_ahead_are_those_of_earlier_jobs(ledger: Ledger, redis: fakeredis.FakeRedis) -> None:
    for order, job_id in enumerate("abc"):
        ledger.admit([job_id], limit=9, created_s=order)
    ledger.planned("a", 10)
    redis.setbit(job_key("a", "done"), 1, 1)
    assert ledger.pages_ahead("a") == 0
    assert ledger.pages_ahead("b") == 9
    assert ledger.pages_ahead("c") == 10, "nobody has counted b's pages; it stands for one"
    assert ledger.pages_ahead() == 11
    assert ledger.progress(["a"]) == [Progress(total_pages=10, pages_done=1, pages_failed=0)]


def test_an_expired_job_is_forgotten_but_for_having_been(ledger: Ledger, redis: fakeredis.FakeRedis) -> None:
    ledger.admit(["a"], limit=9, created_s=1)
    ledger.begin("a", 1, 1)
    assert not ledger.expired("a")
    ledger.expire("a")
    assert ledger.expired("a") and ledger.pending() == [] and ledger.listed(0, 9) == []
    assert not redis.keys("slimgest:job*")


def test_a_worker_without_a_sign_of_life_is_lost(redis: fakeredis.FakeRedis) -> None:
    roster = Roster(redis)
    roster.sign_on(Worker(name="cpu0@a", device="cpu", engine="x", state="idle"))
    roster.busy("cpu0@a", "job", 3)
    (worker,) = roster.workers()
    assert (worker.state, worker.job_id, worker.page_number) == ("busy", "job", 3)
    roster.idle("cpu0@a", pages=1, memory_mb=50)
    assert roster.workers()[0].job_id is None
    assert 0 < redis.ttl(_key("cpu0@a")) <= LEASE_S and roster.lost() == []
    redis.delete(_key("cpu0@a"))
    assert roster.workers() == [] and roster.lost() == ["cpu0@a"]
    roster.sign_off("cpu0@a")
    assert roster.lost() == []
