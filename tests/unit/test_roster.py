"""Who is at work, as Redis knows it."""

from __future__ import annotations

from fakeredis import FakeRedis

from slimgest_celery.model import Worker
from slimgest_celery.roster import Roster

CPU0 = Worker(name="cpu0@somewhere", device="cpu", engine="by-colour", state="idle")


def test_a_worker_that_was_taken_for_lost_is_known_again_after_its_next_sign_of_life() -> None:
    redis = FakeRedis()
    roster = Roster(redis)
    roster.sign_on(CPU0)
    for key in redis.keys("slimgest:worker:*"):  # as when its lease has run out
        redis.delete(key)
    assert (roster.workers(), roster.lost()) == ([], [CPU0.name])
    roster.sign_off(CPU0.name)  # it was rescued
    roster.busy(CPU0.name, "a job", 3)  # and goes on, for it was only cut off
    assert roster.workers() == []
    roster.keep(CPU0)
    assert (roster.workers(), roster.lost()) == ([CPU0], [])
    assert all(redis.ttl(key) > 0 for key in redis.keys("slimgest:worker:*"))


def test_a_sign_of_life_changes_nothing_of_what_a_worker_does() -> None:
    roster = Roster(FakeRedis())
    roster.sign_on(CPU0)
    roster.busy(CPU0.name, "a job", 3)
    roster.keep(CPU0)
    assert [(worker.state, worker.page_number) for worker in roster.workers()] == [("busy", 3)]
