"""The deliveries of webhooks: created when a job ends, and sent until they arrive.

slimgest:deliveries                 sorted set of `{job_id}/{delivery_id}`, by the time at which each is due
slimgest:deliveries:{delivery_id}   lock of the process that is sending this delivery; it expires if that process dies

The record of a delivery is in storage; Redis knows when it is due. A Celery countdown is not used: its message would
stay unacknowledged for hours, and would be requeued if that takes longer than the visibility timeout. Instead,
`slimgest.deliver` at the end of a job, and `slimgest.reconcile` every few seconds, start sending the due ones. They are
sent by threads of the worker child, so that a slow receiver does not delay pages.
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import time
from datetime import UTC, datetime
from importlib.metadata import version

from redis import Redis
from redis.exceptions import RedisError

from slimgest_celery.config import Settings
from slimgest_celery.errors import DeliveryUnknown, JobUnknown, SlimgestError
from slimgest_celery.models.job import End, Job
from slimgest_celery.models.problem import Problem
from slimgest_celery.models.record import now
from slimgest_celery.models.webhooks import Attempt, Delivery
from slimgest_celery.storage.job_files import JobFiles
from slimgest_celery.webhooks import http
from slimgest_celery.webhooks.content import result_content
from slimgest_celery.webhooks.signing import sign

_DUE = "slimgest:deliveries"
# Seconds from one attempt to the next: nine attempts in a little less than a day.
_BACKOFF_S = (5, 30, 300, 1800, 7200, 18_000, 28_800, 28_800)
_GONE = 410  # the receiver wants no more attempts
_MAX_ATTEMPTS_STORED = 100  # a user may request many more
_MAX_SENDERS = 4
_log = logging.getLogger(__name__)


def make_delivery(job: Job, end: End, result: dict[str, str | None] | None = None) -> Delivery:
    """Return the delivery that reports the end of a job, with its document if there is a `result` (content.py).

    The same end always makes the same id.
    """
    data = {"job_id": job.job_id, "filename": job.filename, **end.model_dump(mode="json")}
    data["result_url"] = f"/jobs/{job.job_id}/result"
    if result is not None:
        data["result"] = result
    body = {"type": f"job.{end.status}", "timestamp": data["completed_at"], "data": data}
    return Delivery(
        id=_delivery_id(job, end),
        created_at=end.completed_at,
        body=json.dumps(body, separators=(",", ":")),
    )


def _delivery_id(job: Job, end: End) -> str:
    moment = end.completed_at.astimezone(UTC).isoformat()
    return "msg_" + hashlib.sha256(f"{job.job_id} {moment}".encode()).hexdigest()[:32]


class DeliveryQueue:
    """The deliveries of all jobs: created, scheduled and sent."""

    def __init__(self, settings: Settings, redis: Redis, files: JobFiles) -> None:
        self._settings = settings
        self._redis = redis
        self._files = files

    # Scheduling

    def create(self, job: Job, end: End) -> bool:
        """Create and schedule the delivery that reports the end of a job, once. Return True if it is now due."""
        if job.callback_url is None:
            return False
        delivery_id = _delivery_id(job, end)
        existing = self._files.delivery(job.job_id, delivery_id)
        if existing is None and not self._files.create_delivery(job.job_id, self._make(job, end)):
            existing = self._files.delivery(job.job_id, delivery_id)
        if existing and existing.state != "pending":
            return False
        self._redis.zadd(_DUE, {f"{job.job_id}/{delivery_id}": time.time()}, nx=True)
        return True

    def _make(self, job: Job, end: End) -> Delivery:
        max_bytes = self._settings.callback_result_kb << 10
        return make_delivery(job, end, result_content(job, end, self._files, max_bytes))

    def redeliver(self, job_id: str, delivery_id: str) -> Delivery:
        """Make a delivery due now, in whatever state it is. Raises `DeliveryUnknown`."""
        for delivery in self._files.deliveries(job_id):
            if delivery.id == delivery_id:
                self._redis.zadd(_DUE, {f"{job_id}/{delivery_id}": time.time()})
                return self._with_due_time(job_id, delivery)
        raise DeliveryUnknown

    def forget(self, job_id: str) -> None:
        """Send no more deliveries of a job."""
        if members := [f"{job_id}/{delivery.id}" for delivery in self._files.deliveries(job_id)]:
            self._redis.zrem(_DUE, *members)

    def list(self, job_id: str) -> list[Delivery]:
        """Return a job's deliveries, oldest first."""
        return [self._with_due_time(job_id, delivery) for delivery in self._files.deliveries(job_id)]

    def _with_due_time(self, job_id: str, delivery: Delivery) -> Delivery:
        due_s = self._redis.zscore(_DUE, f"{job_id}/{delivery.id}")
        due_at = None if due_s is None else datetime.fromtimestamp(due_s, UTC)
        state = delivery.state if due_at is None else "pending"
        return delivery.model_copy(update={"next_attempt_at": due_at, "state": state})

    # Sending

    def any_due(self) -> bool:
        """Return True if a delivery is due."""
        return bool(self._redis.zcount(_DUE, "-inf", time.time()))

    def send_due(self) -> None:
        """Send every due delivery that no other process is sending."""
        while (member := self._lock_next()) is not None:
            try:
                self._send(member)
            except SlimgestError as error:  # storage is unavailable: when the lock expires, a process tries again
                _log.warning("webhook delivery postponed: %s", error.code)
            else:
                self._redis.delete(_lock_key(member))

    def _lock_next(self) -> bytes | None:
        """Lock a due delivery and return it; None if all are locked. The lock lasts a little longer than an attempt."""
        lock_s = 3 * self._settings.callback_timeout_s
        for member in self._redis.zrange(_DUE, "-inf", time.time(), byscore=True):
            if self._redis.set(_lock_key(member), 1, nx=True, ex=lock_s):
                return bytes(member)
        return None

    def _send(self, member: bytes) -> None:
        score = self._redis.zscore(_DUE, member)
        if score is None or score > time.time():  # another process sent it between our read and our lock
            return
        found = self._find(member)
        if found is None:
            self._redis.zrem(_DUE, member)
            return
        job, url, delivery = found
        attempt = self._attempt(job, url, delivery)
        delivery, wait_s = _record_attempt(delivery, attempt)
        self._files.put_delivery(job.job_id, delivery)
        if wait_s is None:
            self._redis.zrem(_DUE, member)
        else:
            self._redis.zadd(_DUE, {member: time.time() + wait_s})

    def _find(self, member: bytes) -> tuple[Job, str, Delivery] | None:
        """Return the job, the URL and the delivery; None if the delivery was deleted or never existed."""
        job_id, _, delivery_id = member.decode(errors="replace").partition("/")
        try:
            job, delivery = self._files.job(job_id), self._files.delivery(job_id, delivery_id)
        except JobUnknown:
            return None
        return (job, job.callback_url, delivery) if job.callback_url and delivery else None

    def _attempt(self, job: Job, url: str, delivery: Delivery) -> Attempt:
        started_at, started_s, body = now(), time.monotonic(), delivery.body.encode()
        status, problem = None, None
        try:
            signature = sign(delivery, started_at, self._settings.webhook_secrets, job.owner)
            headers = {"Content-Type": "application/json", "User-Agent": f"slimgest/{version('slimgest')}"}
            status = http.post(url, body, {**headers, **signature}, self._settings)
        except SlimgestError as error:
            problem = Problem.from_error(error)
        seconds = round(time.monotonic() - started_s, 3)
        about = {"job_id": job.job_id, "attempt": len(delivery.attempts) + 1, "status": status, "seconds": seconds}
        _log.info("webhook delivery attempted", extra={**about, "code": problem and problem.code})
        return Attempt(started_at=started_at, seconds=seconds, http_status=status, error=problem)


class SenderPool:
    """A few threads that send deliveries. Each thread ends when no delivery is due."""

    def __init__(self, deliveries: DeliveryQueue) -> None:
        self._deliveries = deliveries
        self._free = threading.BoundedSemaphore(_MAX_SENDERS)

    def wake(self) -> None:
        """Start one more thread, unless the maximum is running."""
        if self._free.acquire(blocking=False):
            threading.Thread(target=self._run, name="webhook-sender", daemon=True).start()

    def _run(self) -> None:
        try:
            self._deliveries.send_due()
        except RedisError as error:  # the next call tries again
            _log.warning("webhook deliveries postponed: %s", type(error).__name__)
        finally:
            self._free.release()


def _lock_key(member: bytes) -> bytes:
    return _DUE.encode() + b":" + member.rpartition(b"/")[2]


def _record_attempt(delivery: Delivery, attempt: Attempt) -> tuple[Delivery, int | None]:
    """Return the delivery with one more attempt, and the seconds until the next one; None if no attempt follows."""
    answered, before = attempt.http_status or 0, len(delivery.attempts)
    delivered = answered // 100 == 2
    has_ended = delivered or answered == _GONE or before >= len(_BACKOFF_S)
    state = "delivered" if delivered else "failed" if has_ended else "pending"
    changed = {"attempts": [*delivery.attempts, attempt][-_MAX_ATTEMPTS_STORED:], "state": state}
    return delivery.model_copy(update=changed), None if has_ended else _BACKOFF_S[before]
