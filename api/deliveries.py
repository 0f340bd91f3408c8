"""Messages for a job's `callback_url`."""

from __future__ import annotations

import uuid

from flask import Blueprint, Response

from slimgest_celery.answers import Deliveries
from slimgest_celery.errors import CallbackRefused, CallbackTimeout, CallbackUnreachable, DeliveryUnknown
from slimgest_celery.jobs import broker_errors

from . import examples
from .description import OF_A_JOB, Answer, Errors, described
from .shared import as_json, jobs, mine

blueprint = Blueprint("deliveries", __name__)
_ATTEMPTS_FAIL: Errors = (CallbackRefused, CallbackUnreachable, CallbackTimeout)


@blueprint.get("/jobs/<uuid:job_id>/deliveries")
@described(Answer("Each message, oldest first.", examples.DELIVERIES, inside=_ATTEMPTS_FAIL), fails=OF_A_JOB)
def deliveries(job_id: uuid.UUID) -> Response:
    """What was sent to a job's `callback_url`, attempt by attempt."""
    with broker_errors():
        return as_json(Deliveries(deliveries=jobs().deliveries.list(mine(job_id))))


@blueprint.post("/jobs/<uuid:job_id>/deliveries/<delivery_id>")
@described(
    Answer("It will be sent at once.", examples.DELIVERY, status=202, inside=_ATTEMPTS_FAIL),
    fails=(DeliveryUnknown, *OF_A_JOB),
)
def redeliver(job_id: uuid.UUID, delivery_id: str) -> Response:
    """Sends a message to a job's `callback_url` again."""
    return as_json(jobs().redeliver(mine(job_id), delivery_id), 202)
