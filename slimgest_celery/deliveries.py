"""Messages to callbacks, after the Standard Webhooks spec: written when a job ends, sent until they arrive.

slimgest:deliveries                 sorted set of `{job_id}/{delivery_id}`, by the time from which each is due
slimgest:deliveries:{delivery_id}   somebody is sending this one; gone soon after a sender that died

The record is in storage; Redis says when. A countdown of Celery's own would be a message that stays unacknowledged for
hours, and is delivered again whenever that lasts longer than the visibility timeout. So `slimgest.deliver` at a job's
end, and `slimgest.reconcile` every few seconds, have the due ones sent. They do so in threads of the worker's child,
which spend their time waiting for receivers: however slow those are, no worker is kept from its pages.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import secrets
import threading
import time
from datetime import UTC, datetime
from importlib.metadata import version

from redis import Redis
from redis.exceptions import RedisError
from standardwebhooks import Webhook

from . import callbacks
from .config import Settings
from .errors import CallbackDisabled, DeliveryUnknown, JobUnknown, SlimgestError
from .files import JobFiles
from .model import Attempt, Delivery, End, Job, Problem, now

_DUE = "slimgest:deliveries"
_PREFIX = "whsec_"
# Seconds from one attempt to the next: nine attempts in a little less than a day.
_BACKOFF_S = (5, 30, 300, 1800, 7200, 18_000, 28_800, 28_800)
_GONE = 410  # the receiver wants no more of this
_KEPT = 100  # attempts in the record, should somebody ask for many more
_COURIERS = 4
_log = logging.getLogger(__name__)


def make_secret() -> str:
    """A new secret for the setting."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def secret_for(secret: str, owner: str | None) -> str:
    """What verifies messages to an owner: without API keys, the setting itself; else one that only this owner knows,
    so that nobody can sign what another's receiver believes."""
    if owner is None:
        return secret
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    return _PREFIX + base64.b64encode(hmac.digest(key, owner.encode(), "sha256")).decode()


def message(job: Job, end: End) -> Delivery:
    """The message that a job has ended. Made again from the same end it is the same, its id included."""
    moment = end.completed_at.astimezone(UTC).isoformat()
    data = {"job_id": job.job_id, "filename": job.filename, **end.model_dump(mode="json")}
    data["result_url"] = f"/jobs/{job.job_id}/result"
    body = {"type": f"job.{end.status}", "timestamp": data["completed_at"], "data": data}
    return Delivery(
        id="msg_" + hashlib.sha256(f"{job.job_id} {moment}".encode()).hexdigest()[:32],
        created_at=end.completed_at,
        body=json.dumps(body, separators=(",", ":")),
    )


class Deliveries:
    """The messages of all jobs to their callbacks."""

    def __init__(self, settings: Settings, redis: Redis, files: JobFiles) -> None:
        self._settings = settings
        self._redis = redis
        self._files = files

    # Written

    def announce(self, job: Job, end: End) -> bool:
        """Writes the message that a job has ended, once. Whether one is now to be sent."""
        if job.callback_url is None:
            return False
        delivery = message(job, end)
        if not self._files.create_delivery(job.job_id, delivery):
            kept = self._files.delivery(job.job_id, delivery.id)
            if kept is None or kept.state != "pending":
                return False
        self._redis.zadd(_DUE, {f"{job.job_id}/{delivery.id}": time.time()}, nx=True)
        return True

    def repeat(self, job_id: str, delivery_id: str) -> Delivery:
        """Makes a message due now, whatever became of it before; raises `DeliveryUnknown`."""
        for delivery in self._files.deliveries(job_id):
            if delivery.id == delivery_id:
                self._redis.zadd(_DUE, {f"{job_id}/{delivery_id}": time.time()})
                return self._with_due_time(job_id, delivery)
        raise DeliveryUnknown

    def list(self, job_id: str) -> list[Delivery]:
        """A job's messages, oldest first."""
        return [self._with_due_time(job_id, delivery) for delivery in self._files.deliveries(job_id)]

    def _with_due_time(self, job_id: str, delivery: Delivery) -> Delivery:
        due_s = self._redis.zscore(_DUE, f"{job_id}/{delivery.id}")
        due_at = None if due_s is None else datetime.fromtimestamp(due_s, UTC)
        state = delivery.state if due_at is None else "pending"
        return delivery.model_copy(update={"next_attempt_at": due_at, "state": state})

    # Sent

    def send_due(self) -> None:
        """Sends what is due and nobody else is sending, until there is no more."""
        while (member := self._claim()) is not None:
            try:
                self._send(member)
            except SlimgestError as error:  # storage is away: the claim runs out, and somebody tries again
                _log.warning("callback left for later: %s", error.code)
            else:
                self._redis.delete(_claim_key(member))

    def _claim(self) -> bytes | None:
        """Takes a due message, unless all are taken. The claim outlives an attempt, and hardly more."""
        lease_s = 3 * self._settings.callback_timeout_s
        for member in self._redis.zrange(_DUE, "-inf", time.time(), byscore=True):
            if self._redis.set(_claim_key(member), 1, nx=True, ex=lease_s):
                return bytes(member)
        return None

    def _send(self, member: bytes) -> None:
        score = self._redis.zscore(_DUE, member)
        if score is None or score > time.time():  # sent by somebody else between our look and our claim
            return
        found = self._find(member)
        if found is None:
            self._redis.zrem(_DUE, member)
            return
        job, url, delivery = found
        attempt = self._attempt(job, url, delivery)
        delivery, wait_s = _after(attempt, delivery)
        self._files.put_delivery(job.job_id, delivery)
        if wait_s is None:
            self._redis.zrem(_DUE, member)
        else:
            self._redis.zadd(_DUE, {member: time.time() + wait_s})

    def _find(self, member: bytes) -> tuple[Job, str, Delivery] | None:
        """What is to be sent, and where; None where that was deleted, or never was."""
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
            status = callbacks.post(url, body, self._headers(job, delivery, started_at), self._settings)
        except SlimgestError as error:
            problem = Problem.of(error)
        seconds = round(time.monotonic() - started_s, 3)
        about = {"job_id": job.job_id, "attempt": len(delivery.attempts) + 1, "status": status, "seconds": seconds}
        _log.info("callback tried", extra={**about, "code": problem and problem.code})
        return Attempt(started_at=started_at, seconds=seconds, http_status=status, error=problem)

    def _headers(self, job: Job, delivery: Delivery, at: datetime) -> dict[str, str]:
        if not self._settings.webhook_secrets:  # taken away since: nothing goes out unsigned
            raise CallbackDisabled
        signers = [Webhook(secret_for(secret, job.owner)) for secret in self._settings.webhook_secrets]
        return {
            "Content-Type": "application/json",
            "User-Agent": f"slimgest/{version('slimgest')}",
            "webhook-id": delivery.id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": " ".join(signer.sign(delivery.id, at, delivery.body) for signer in signers),
        }


class Couriers:
    """A few threads that send, each for as long as something is due."""

    def __init__(self, deliveries: Deliveries) -> None:
        self._deliveries = deliveries
        self._free = threading.BoundedSemaphore(_COURIERS)

    def wake(self) -> None:
        """Sends one more of them out, unless all are."""
        if self._free.acquire(blocking=False):
            threading.Thread(target=self._run, name="courier", daemon=True).start()

    def _run(self) -> None:
        try:
            self._deliveries.send_due()
        except RedisError as error:  # the next call tries again
            _log.warning("callbacks left for later: %s", type(error).__name__)
        finally:
            self._free.release()


def _claim_key(member: bytes) -> bytes:
    return _DUE.encode() + b":" + member.rpartition(b"/")[2]


def _after(attempt: Attempt, delivery: Delivery) -> tuple[Delivery, int | None]:
    """A message after one more attempt, and the seconds to the next, or None where none is to follow."""
    answered, before = attempt.http_status or 0, len(delivery.attempts)
    delivered = answered // 100 == 2
    over = delivered or answered == _GONE or before >= len(_BACKOFF_S)
    state = "delivered" if delivered else "failed" if over else "pending"
    changed = {"attempts": [*delivery.attempts, attempt][-_KEPT:], "state": state}
    return delivery.model_copy(update=changed), None if over else _BACKOFF_S[before]
