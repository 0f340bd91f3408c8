"""When a message is sent again, and when no more. The receiver is a port that nobody listens on."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from fakeredis import FakeRedis

from slimgest_celery.config import Settings
from slimgest_celery.deliveries import Deliveries, make_secret
from slimgest_celery.errors import DeliveryUnknown
from slimgest_celery.files import JobFiles
from slimgest_celery.model import End, Job, JobStatus, Options, now

JOB_ID = "01234567-89ab-cdef-0123-456789abcdef"
DAY_S = 86400


class Office:
    """Deliveries of one job that has just ended."""

    def __init__(self, folder: Path, **env: str) -> None:
        near = {"SLIMGEST_CALLBACK_NETWORKS": "127.0.0.1", "SLIMGEST_WEBHOOK_SECRET": make_secret()}
        self.settings = Settings.from_env({**near, **env})
        self.redis, self.files = FakeRedis(), JobFiles(str(folder))
        url = "http://127.0.0.1:9/hook"
        self.job = Job(job_id=JOB_ID, filename="a.pdf", options=Options(), created_at=now(), callback_url=url)
        self.files.create(self.job, io.BytesIO(b"%PDF-"), None)
        self.end = End(status=JobStatus.COMPLETED, completed_at=now())
        self.deliveries = Deliveries(self.settings, self.redis, self.files)

    def make_due(self) -> None:
        (member,) = self.redis.zrange("slimgest:deliveries", 0, -1)
        self.redis.zadd("slimgest:deliveries", {member: 0})


def test_what_never_arrives_is_tried_for_a_day_and_then_no_more(tmp_path: Path) -> None:
    office, waits = Office(tmp_path), []
    assert office.deliveries.announce(office.job, office.end)
    while True:
        office.deliveries.send_due()
        (delivery,) = office.deliveries.list(JOB_ID)
        if delivery.next_attempt_at is None:
            break
        assert delivery.state == "pending"
        waits.append(round((delivery.next_attempt_at - delivery.attempts[-1].started_at).total_seconds()))
        office.make_due()
    assert waits == [5, 30, 300, 1800, 7200, 18_000, 28_800, 28_800] and 0.9 * DAY_S < sum(waits) < DAY_S
    assert (delivery.state, len(delivery.attempts)) == ("failed", 9)
    assert {attempt.error and attempt.error.code for attempt in delivery.attempts} == {"callback.unreachable"}


def test_an_end_told_twice_is_one_message_and_one_that_failed_is_not_begun_again(tmp_path: Path) -> None:
    office = Office(tmp_path)
    assert office.deliveries.announce(office.job, office.end) and office.deliveries.announce(office.job, office.end)
    assert office.redis.zcard("slimgest:deliveries") == 1
    (delivery,) = office.deliveries.list(JOB_ID)
    office.files.put_delivery(JOB_ID, delivery.model_copy(update={"state": "failed"}))
    office.redis.delete("slimgest:deliveries")
    assert not office.deliveries.announce(office.job, office.end)
    assert office.deliveries.list(JOB_ID)[0].state == "failed"


def test_a_job_that_ends_again_after_a_retry_is_told_again(tmp_path: Path) -> None:
    office = Office(tmp_path)
    office.deliveries.announce(office.job, office.end)
    office.deliveries.announce(office.job, End(status=JobStatus.PARTIAL, completed_at=now(), pages_failed=1))
    assert len({delivery.id for delivery in office.deliveries.list(JOB_ID)}) == 2


def test_nothing_goes_out_unsigned_when_the_secret_was_taken_away(tmp_path: Path) -> None:
    office = Office(tmp_path, SLIMGEST_WEBHOOK_SECRET="")
    office.deliveries.announce(office.job, office.end)
    office.deliveries.send_due()
    (attempt,) = office.deliveries.list(JOB_ID)[0].attempts
    assert attempt.error is not None and attempt.error.code == "callback.disabled"


def test_one_that_is_being_sent_is_sent_by_nobody_else(tmp_path: Path) -> None:
    office = Office(tmp_path)
    office.deliveries.announce(office.job, office.end)
    (delivery,) = office.deliveries.list(JOB_ID)
    office.redis.set(f"slimgest:deliveries:{delivery.id}", 1, ex=30)
    office.deliveries.send_due()
    assert office.deliveries.list(JOB_ID)[0].attempts == []


def test_a_deleted_job_and_nonsense_in_redis_are_dropped(tmp_path: Path) -> None:
    office = Office(tmp_path)
    office.deliveries.announce(office.job, office.end)
    office.redis.zadd("slimgest:deliveries", {b"\xff\xfe": 0, b"no/thing": 0, b"": 0})
    office.files.delete(JOB_ID)
    office.deliveries.send_due()
    assert office.redis.keys("slimgest:deliveries*") == []
    with pytest.raises(DeliveryUnknown):
        office.deliveries.repeat(JOB_ID, "msg_1")


def test_storage_that_is_away_leaves_the_message_for_later(tmp_path: Path) -> None:
    office = Office(tmp_path)
    office.deliveries.announce(office.job, office.end)
    (record,) = (tmp_path / JOB_ID / "deliveries").iterdir()
    record.write_text("torn")
    office.deliveries.send_due()
    assert office.redis.zcard("slimgest:deliveries") == 1
    assert 0 < office.redis.ttl(f"slimgest:deliveries:{record.stem}") <= 30
