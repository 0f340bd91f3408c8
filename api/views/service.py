"""Views of the service itself: workers, queue, health checks, and the web page."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from importlib.metadata import version

from flask import Blueprint, Response, g, request
from redis.exceptions import ResponseError

from api import web_page
from api.helpers import as_json, components
from api.openapi import examples
from api.openapi.describe import STORE_ERRORS, ResponseSpec, describe_route
from slimgest_celery.errors import SlimgestError
from slimgest_celery.models.responses import Alive, Checks, Queue, Ready, ServiceStatus
from slimgest_celery.models.service import Worker
from slimgest_celery.state.errors import broker_errors

blueprint = Blueprint("service", __name__)


@blueprint.get("/")
@describe_route(
    ResponseSpec("The workers and the queue.", examples.SERVICE, media={"text/html": None}), errors=STORE_ERRORS
)
def service() -> Response:
    """Return the state of the workers and the queue. Browsers get the web page."""
    response = web_page.index() if web_page.is_requested(request) else as_json(_service_state())
    response.vary.add("Accept")
    return response


def _service_state() -> ServiceStatus:
    with broker_errors():
        workers = components().worker_registry.workers()
        queue = Queue(
            pending_jobs=components().job_state.pending_count(),
            limit=components().settings.max_pending_jobs,
            pages_ahead=components().job_state.pages_ahead(),
        )
    ready = [worker for worker in workers if worker.state in ("idle", "busy")]
    return ServiceStatus(
        status="ok" if ready else "starting",
        version=version("slimgest"),
        engine=next((worker.engine for worker in ready or workers), components().settings.engine),
        languages=sorted({tag for worker in workers for tag in worker.languages}),
        workers=[_visible(worker) for worker in workers],
        queue=queue,
    )


@blueprint.get("/health/live")
@describe_route(ResponseSpec("The process responds.", examples.ALIVE), open=True)
def live() -> Response:
    """Show that this process responds."""
    return as_json(Alive())


@blueprint.get("/health/ready")
@describe_route(
    ResponseSpec("The service can read PDFs.", examples.READY),
    ResponseSpec("The service cannot read PDFs. `checks` gives the reason.", examples.NOT_READY, status=503),
    open=True,
)
def ready() -> Response:
    """Check that Redis and the storage can be written to, and that a worker has loaded its model."""
    checks = Checks(redis=_check(_write_to_redis), storage=_check(_check_storage), workers=_check(_require_worker))
    is_ready = all(state == "ok" for _, state in checks)
    return as_json(Ready(status="ok" if is_ready else "unavailable", checks=checks), 200 if is_ready else 503)


def _visible(worker: Worker) -> Worker:
    """Return the worker. Hide its job if the job belongs to another owner."""
    if worker.job_id and g.owner is not None and components().files.owner(worker.job_id) != g.owner:
        return worker.model_copy(update={"job_id": None, "page_number": None})
    return worker


def _check_storage() -> None:
    """Write to the storage, and compare it with that of the workers."""
    files = components().files
    files.check()
    if strangers := components().worker_registry.with_other_storage(files.storage_id()):
        raise SlimgestError(f"These workers use another storage than the API: {', '.join(strangers)}.")


def _write_to_redis() -> None:
    """Write and read a value: a full or read-only Redis answers a ping, and accepts no job."""
    value = uuid.uuid4().hex
    try:
        components().redis.set(f"slimgest:health:{value}", value, ex=10)
        if components().redis.getdel(f"slimgest:health:{value}") != value.encode():
            raise SlimgestError("Redis does not return what was written to it.")
    except ResponseError as error:  # such as OutOfMemoryError, ReadOnlyError
        raise SlimgestError(f"Redis accepts no writes ({type(error).__name__}).") from error


def _require_worker() -> None:
    if not any(worker.state in ("idle", "busy") for worker in components().worker_registry.workers()):
        raise SlimgestError("no worker has loaded its model yet")


def _check(check: Callable[[], object]) -> str:
    try:
        with broker_errors():
            check()
    except SlimgestError as error:
        return error.message
    return "ok"
