"""Views of webhook messages: deliveries to a job's `callback_url`."""

from __future__ import annotations

import uuid

from flask import Blueprint, Response

from api.helpers import as_json, components, owned_job_id
from api.openapi import examples
from api.openapi.describe import JOB_LOOKUP_ERRORS, Errors, ResponseSpec, describe_route
from slimgest_celery.errors import CallbackRefused, CallbackTimeout, CallbackUnreachable, DeliveryUnknown
from slimgest_celery.models.responses import DeliveryList
from slimgest_celery.state.errors import broker_errors

blueprint = Blueprint("webhooks", __name__)
_DELIVERY_ERRORS: Errors = (CallbackRefused, CallbackUnreachable, CallbackTimeout)


@blueprint.get("/jobs/<uuid:job_id>/deliveries")
@describe_route(
    ResponseSpec("The messages, oldest first.", examples.DELIVERIES, error_codes=_DELIVERY_ERRORS),
    errors=JOB_LOOKUP_ERRORS,
)
def deliveries(job_id: uuid.UUID) -> Response:
    """List the messages sent to a job's `callback_url`, with all attempts."""
    with broker_errors():
        return as_json(DeliveryList(deliveries=components().deliveries.list(owned_job_id(job_id))))


@blueprint.post("/jobs/<uuid:job_id>/deliveries/<delivery_id>")
@describe_route(
    ResponseSpec("The message will be sent at once.", examples.DELIVERY, status=202, error_codes=_DELIVERY_ERRORS),
    errors=(DeliveryUnknown, *JOB_LOOKUP_ERRORS),
)
def redeliver(job_id: uuid.UUID, delivery_id: str) -> Response:
    """Send a message to a job's `callback_url` again."""
    return as_json(components().jobs.redeliver(owned_job_id(job_id), delivery_id), 202)
