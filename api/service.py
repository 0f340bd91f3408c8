"""How the service is: its workers, its queue, its health."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version

from flask import Blueprint, Response, g, request

from slimgest_celery.answers import Alive, Checks, Queue, Ready, Service
from slimgest_celery.errors import SlimgestError
from slimgest_celery.jobs import broker_errors
from slimgest_celery.model import Worker

from . import examples, page
from .description import STORES, Answer, described
from .shared import as_json, jobs

blueprint = Blueprint("service", __name__)


@blueprint.get("/")
@described(Answer("The workers and the queue.", examples.SERVICE, media={"text/html": None}), fails=STORES)
def service() -> Response:
    """How the service is: its workers and its queue. For a browser, the web page."""
    response = page.shell() if page.is_wanted(request) else as_json(_service())
    response.vary.add("Accept")
    return response


def _service() -> Service:
    with broker_errors():
        workers = jobs().roster.workers()
        queue = Queue(
            pending_jobs=jobs().ledger.pending_count(),
            limit=jobs().settings.max_pending_jobs,
            pages_ahead=jobs().ledger.pages_ahead(),
        )
    return Service(
        status="ok" if any(worker.state in ("idle", "busy") for worker in workers) else "starting",
        version=version("slimgest"),
        engine=next((worker.engine for worker in workers), jobs().settings.engine),
        workers=[_shown(worker) for worker in workers],
        queue=queue,
    )


@blueprint.get("/health/live")
@described(Answer("It answers.", examples.ALIVE), open=True)
def live() -> Response:
    """Whether this process answers."""
    return as_json(Alive())


@blueprint.get("/health/ready")
@described(
    Answer("A PDF sent now would be read.", examples.READY),
    Answer("Something is missing, and `checks` says what.", examples.NOT_READY, status=503),
    open=True,
)
def ready() -> Response:
    """Whether Redis and storage answer and a worker has its model loaded."""
    checks = Checks(redis=_check(jobs().redis.ping), storage=_check(jobs().files.check), workers=_check(_has_worker))
    well = all(state == "ok" for _, state in checks)
    return as_json(Ready(status="ok" if well else "unavailable", checks=checks), 200 if well else 503)


def _shown(worker: Worker) -> Worker:
    """A worker, without what it does for another owner."""
    if worker.job_id and g.owner is not None and jobs().files.owner(worker.job_id) != g.owner:
        return worker.model_copy(update={"job_id": None, "page_number": None})
    return worker


def _has_worker() -> None:
    if not any(worker.state in ("idle", "busy") for worker in jobs().roster.workers()):
        raise SlimgestError("no worker has loaded its model yet")


def _check(question: Callable[[], object]) -> str:
    try:
        with broker_errors():
            question()
    except SlimgestError as error:
        return error.message
    return "ok"
