"""The schedule of webhook deliveries. The receiver is a port on which no program listens."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from fakeredis import FakeRedis

from slimgest_celery.config import Settings
from slimgest_celery.errors import DeliveryUnknown
from slimgest_celery.models.job import End, Job, JobStatus, Options
from slimgest_celery.models.record import now
from slimgest_celery.storage.job_files import JobFiles
from slimgest_celery.webhooks.deliveries import DeliveryQueue, make_delivery
from slimgest_celery.webhooks.signing import make_secret

JOB_ID = "01234567-89ab-cdef-0123-456789abcdef"
DAY_S = 86400


class EndedJob:
    """A job that has just ended, with its deliveries."""

    def __init__(self, folder: Path, **env: str) -> None:
        local = {"SLIMGEST_CALLBACK_NETWORKS": "127.0.0.1", "SLIMGEST_WEBHOOK_SECRET": make_secret()}
        self.settings = Settings.from_env({**local, **env})
        self.redis, self.files = FakeRedis(), JobFiles(str(folder))
        url = "http://127.0.0.1:9/hook"
        self.job = Job(job_id=JOB_ID, filename="a.pdf", options=Options(), created_at=now(), callback_url=url)
        self.files.create(self.job, io.BytesIO(b"%PDF-"), None)
        self.end = End(status=JobStatus.COMPLETED, completed_at=now())
        self.deliveries = DeliveryQueue(self.settings, self.redis, self.files)

    def make_due(self) -> None:
        (member,) = self.redis.zrange("slimgest:deliveries", 0, -1)
        self.redis.zadd("slimgest:deliveries", {member: 0})


def test_a_delivery_that_never_arrives_is_attempted_for_a_day_and_then_fails(tmp_path: Path) -> None:
    ended, waits = EndedJob(tmp_path), []
    assert ended.deliveries.create(ended.job, ended.end)
    while True:
        ended.deliveries.send_due()
        (delivery,) = ended.deliveries.list(JOB_ID)
        if delivery.next_attempt_at is None:
            break
        assert delivery.state == "pending"
        waits.append(round((delivery.next_attempt_at - delivery.attempts[-1].started_at).total_seconds()))
        ended.make_due()
    assert waits == [5, 30, 300, 1800, 7200, 18_000, 28_800, 28_800] and 0.9 * DAY_S < sum(waits) < DAY_S
    assert (delivery.state, len(delivery.attempts)) == ("failed", 9)
    assert {attempt.error and attempt.error.code for attempt in delivery.attempts} == {"callback.unreachable"}


@pytest.mark.parametrize(
    "filename", ["договор.pdf", "日本語.pdf", "5 €.pdf", "re\u0301sume\u0301.pdf", "\U0001f4c4.pdf"]
)
def test_a_message_is_ascii_and_has_the_file_name_in_any_script(filename: str) -> None:
    job = Job(job_id="1", filename=filename, options=Options(), created_at=now())
    body = make_delivery(job, End(status=JobStatus.COMPLETED, completed_at=now())).body
    assert body.isascii() and json.loads(body)["data"]["filename"] == filename


def test_an_end_published_twice_creates_one_delivery_and_does_not_restart_a_failed_one(tmp_path: Path) -> None:
    ended = EndedJob(tmp_path)
    assert ended.deliveries.create(ended.job, ended.end) and ended.deliveries.create(ended.job, ended.end)
    assert ended.redis.zcard("slimgest:deliveries") == 1
    (delivery,) = ended.deliveries.list(JOB_ID)
    ended.files.put_delivery(JOB_ID, delivery.model_copy(update={"state": "failed"}))
    ended.redis.delete("slimgest:deliveries")
    assert not ended.deliveries.create(ended.job, ended.end)
    assert ended.deliveries.list(JOB_ID)[0].state == "failed"


def test_a_job_that_ends_again_after_a_retry_gets_another_delivery(tmp_path: Path) -> None:
    ended = EndedJob(tmp_path)
    ended.deliveries.create(ended.job, ended.end)
    ended.deliveries.create(ended.job, End(status=JobStatus.PARTIAL, completed_at=now(), pages_failed=1))
    assert len({delivery.id for delivery in ended.deliveries.list(JOB_ID)}) == 2


def test_nothing_is_sent_unsigned_after_the_secret_was_removed(tmp_path: Path) -> None:
    ended = EndedJob(tmp_path, SLIMGEST_WEBHOOK_SECRET="")
    ended.deliveries.create(ended.job, ended.end)
    ended.deliveries.send_due()
    (attempt,) = ended.deliveries.list(JOB_ID)[0].attempts
    assert attempt.error is not None and attempt.error.code == "callback.disabled"


def test_a_delivery_that_one_process_is_sending_is_sent_by_no_other(tmp_path: Path) -> None:
    ended = EndedJob(tmp_path)
    ended.deliveries.create(ended.job, ended.end)
    (delivery,) = ended.deliveries.list(JOB_ID)
    ended.redis.set(f"slimgest:deliveries:{delivery.id}", 1, ex=30)
    ended.deliveries.send_due()
    assert ended.deliveries.list(JOB_ID)[0].attempts == []


def test_deliveries_of_deleted_jobs_and_invalid_entries_in_redis_are_removed(tmp_path: Path) -> None:
    ended = EndedJob(tmp_path)
    ended.deliveries.create(ended.job, ended.end)
    ended.redis.zadd("slimgest:deliveries", {b"\xff\xfe": 0, b"no/thing": 0, b"": 0})
    ended.files.delete(JOB_ID)
    ended.deliveries.send_due()
    assert ended.redis.keys("slimgest:deliveries*") == []
    with pytest.raises(DeliveryUnknown):
        ended.deliveries.redeliver(JOB_ID, "msg_1")


def test_unreadable_storage_postpones_the_delivery(tmp_path: Path) -> None:
    ended = EndedJob(tmp_path)
    ended.deliveries.create(ended.job, ended.end)
    (record,) = (tmp_path / JOB_ID / "deliveries").iterdir()
    record.write_text("torn")
    ended.deliveries.send_due()
    assert ended.redis.zcard("slimgest:deliveries") == 1
    assert 0 < ended.redis.ttl(f"slimgest:deliveries:{record.stem}") <= 30
