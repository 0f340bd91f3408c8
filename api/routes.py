"""The addresses of the API: each takes a request apart, calls one function of `jobs`, and answers."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any, cast

from flask import Blueprint, Response, current_app, g, json, request

from slimgest_celery import results
from slimgest_celery.errors import OptionInvalid, SlimgestError
from slimgest_celery.events import BEGINNING, valid_id
from slimgest_celery.formats import FORMATS, PageFormat
from slimgest_celery.images import MEDIA_TYPES
from slimgest_celery.jobs import Jobs, broker_errors, links
from slimgest_celery.model import Document, Job, JobStatus, Problem, Record, Worker

from . import errors, forms, sse

blueprint = Blueprint("slimgest", __name__)
_MOST_FILES = 64
_MOST_LISTED = 1000


def jobs() -> Jobs:
    return cast(Jobs, current_app.extensions["jobs"])


# --- The service ------------------------------------------------------------------------------------------------------


@blueprint.get("/")
def service() -> Response:
    """How the service is: its workers and its queue."""
    with broker_errors():
        workers = jobs().roster.workers()
        queue = {
            "pending_jobs": jobs().ledger.pending_count(),
            "limit": jobs().settings.max_pending_jobs,
            "pages_ahead": jobs().ledger.pages_ahead(),
        }
    return _json(
        {
            "status": "ok" if any(worker.state in ("idle", "busy") for worker in workers) else "starting",
            "version": version("slimgest"),
            "engine": next((worker.engine for worker in workers), jobs().settings.engine),
            "workers": [_shown(worker) for worker in workers],
            "queue": queue,
        }
    )


@blueprint.get("/health/live")
def live() -> Response:
    """This process answers."""
    return _json({"status": "ok"})


@blueprint.get("/health/ready")
def ready() -> Response:
    """Redis and storage answer and a worker has its model loaded: 200, else 503 with what is missing."""
    checks = {"redis": _check(jobs().redis.ping), "storage": _check(jobs().files.check), "workers": _check(_has_worker)}
    well = all(state == "ok" for state in checks.values())
    return _json({"status": "ok" if well else "unavailable", "checks": checks}, 200 if well else 503)


# --- Reading PDFs -----------------------------------------------------------------------------------------------------


@blueprint.post("/process-pdf")
@blueprint.post("/process-pdfs")
def process() -> Response:
    """Reads PDFs and answers when all are done; after SLIMGEST_BATCH_TIMEOUT, 202 with where to find them."""
    accepted = _submit(most=_MOST_FILES)
    deadline_s = time.monotonic() + jobs().settings.batch_timeout_s
    if not all([_wait(job, deadline_s) for job in accepted]):
        return _json({"jobs": [_accepted(job) for job in accepted]}, 202)
    heads = [jobs().head(job.job_id) for job in accepted]
    if all(_unreadable(head) for head in heads):
        return errors.problem(cast(Problem, heads[0].error), 422)
    return _pdfs(heads)


@blueprint.post("/process-pdf-stream")
def process_stream() -> Response:
    """Reads one PDF and streams its events."""
    job_id = str(uuid.uuid4())
    with broker_errors():
        feed = jobs().events.follow(job_id, heartbeat_s=sse.HEARTBEAT_S)
    try:
        _submit(most=1, job_ids=[job_id])
    except BaseException:
        feed.close()
        raise
    response = sse.stream(feed)
    response.headers["Location"] = links(job_id).self
    return response


# --- Jobs -------------------------------------------------------------------------------------------------------------


@blueprint.post("/jobs")
def submit() -> Response:
    """Queues PDFs and answers at once."""
    accepted = _submit(most=_MOST_FILES)
    body = _accepted(accepted[0]) if len(accepted) == 1 else {"jobs": [_accepted(job) for job in accepted]}
    response = _json(body, 202)
    response.headers["Location"] = links(accepted[0].job_id).self
    return response


@blueprint.get("/jobs")
def listing() -> Response:
    """Kept jobs, newest first."""
    offset = forms.whole_number(request, "offset", 0, 10**9 - 1)
    found, total = jobs().list(offset, forms.whole_number(request, "limit", 50, _MOST_LISTED), g.owner)
    return _json({"jobs": [status.model_dump(mode="json") for status in found], "total": total, "offset": offset})


@blueprint.get("/jobs/<uuid:job_id>")
def status(job_id: uuid.UUID) -> Response:
    """Where a job stands."""
    return _record(jobs().status(_mine(job_id)))


@blueprint.get("/jobs/<uuid:job_id>/events")
def events(job_id: uuid.UUID) -> Response:
    """A job's events, from its first or from after `Last-Event-ID` (header, or query parameter `last_event_id`)."""
    mine = _mine(job_id)
    after = request.headers.get("Last-Event-ID") or request.args.get("last_event_id") or BEGINNING
    if not valid_id(after):
        raise OptionInvalid("Last-Event-ID is not an id of an event.")
    with broker_errors():
        return sse.stream(jobs().events.follow(mine, after, sse.HEARTBEAT_S))


@blueprint.route("/jobs/<uuid:job_id>/result", methods=["GET", "POST"])
def result(job_id: uuid.UUID) -> Response:
    """A job's document in one of the formats, or in several as a zip; 202 while it is made.

    POST is for the password of an encrypted PDF that is to be made searchable.
    """
    form, parts = request.args.get("format", "json"), request.args.get("formats")
    found = results.result(jobs(), _mine(job_id), form, parts, forms.password(request))
    if found is None:
        response = _json({"job_id": str(job_id), "status": "preparing", "links": {"result": request.full_path}}, 202)
        response.headers["Retry-After"] = "1"
        return response
    response = Response(_in_turns(found.chunks), content_type=found.media_type)
    response.headers.set("Content-Disposition", "inline", filename=found.filename)
    return response


@blueprint.get("/jobs/<uuid:job_id>/pages/<int:page_number>")
def page(job_id: uuid.UUID, page_number: int) -> Response:
    """One page, as soon as it is read."""
    return _record(jobs().page(_mine(job_id), page_number))


@blueprint.get("/jobs/<uuid:job_id>/pages/<int:page_number>/image")
def page_image(job_id: uuid.UUID, page_number: int) -> Response:
    """One page of the PDF as an image, whether it was read or not; drawn by a worker when first asked for."""
    asked = forms.image_asked(request, _mine(job_id), page_number)
    etag = f"{asked.job_id}-{asked.name}"  # an upload never changes
    if request.if_none_match.contains(etag):
        response = Response(status=304)
    else:
        with broker_errors():
            image = jobs().images.get(asked)
        response = Response(image, mimetype=MEDIA_TYPES[asked.form])
    response.set_etag(etag)
    response.headers["Cache-Control"] = f"private, max-age={jobs().settings.retention_s}, immutable"
    response.headers["Vary"] = "Authorization"
    return response


@blueprint.get("/jobs/<uuid:job_id>/deliveries")
def deliveries(job_id: uuid.UUID) -> Response:
    """What was sent to a job's `callback_url`, attempt by attempt."""
    with broker_errors():
        found = jobs().deliveries.list(_mine(job_id))
    return _json({"deliveries": [delivery.model_dump(mode="json") for delivery in found]})


@blueprint.post("/jobs/<uuid:job_id>/deliveries/<delivery_id>")
def redeliver(job_id: uuid.UUID, delivery_id: str) -> Response:
    """Sends a message to a job's `callback_url` again."""
    answer = _record(jobs().redeliver(_mine(job_id), delivery_id))
    answer.status_code = 202
    return answer


@blueprint.delete("/jobs/<uuid:job_id>")
def cancel(job_id: uuid.UUID) -> Response:
    """Cancels a job; what was read until then stays readable."""
    return _record(jobs().cancel(_mine(job_id)))


@blueprint.post("/jobs/<uuid:job_id>/retry")
def retry(job_id: uuid.UUID) -> Response:
    """Reads an ended job's failed pages again, or those that `pages` names, under the same id."""
    answer = _record(jobs().retry(_mine(job_id), request.args.get("pages"), forms.password(request)))
    answer.status_code = 202
    return answer


# --- What the views share ---------------------------------------------------------------------------------------------


def _mine(job_id: uuid.UUID) -> str:
    """The id of a job that the one who asks may see; for another's, `JobUnknown`."""
    return jobs().owned(str(job_id), g.owner).job_id


def _shown(worker: Worker) -> dict[str, Any]:
    """A worker, without what it does for another owner."""
    if worker.job_id and g.owner is not None and jobs().files.owner(worker.job_id) != g.owner:
        worker = worker.model_copy(update={"job_id": None, "page_number": None})
    return worker.model_dump(mode="json")


def _submit(*, most: int, job_ids: list[str] | None = None) -> list[Job]:
    if "Idempotency-Key" not in request.headers:
        jobs().check_room()  # before the upload is read; `submit` decides, in one step, whether there is room
    sent = forms.submission(request, most=most, owner=g.owner, request_id=g.request_id)
    key = forms.idempotency_key(request)
    return jobs().submit_once(sent, key) if key and job_ids is None else jobs().submit(sent, job_ids)


def _wait(job: Job, deadline_s: float) -> bool:
    """Whether the job ended in time. Its end state is asked for now and then, should its end event be lost."""
    with broker_errors(), jobs().events.follow(job.job_id, heartbeat_s=1.0) as feed:
        for event in feed:
            if (event and event.last) or (event is None and jobs().end(job.job_id)):
                return True
            if time.monotonic() > deadline_s:
                return False
    return True


def _unreadable(head: Document) -> bool:
    return head.status == JobStatus.FAILED and head.error is not None


def _pdfs(heads: list[Document]) -> Response:
    """`{"pdfs": […]}`, written page by page."""
    writer, of_all = cast(PageFormat, FORMATS["json"]), jobs()

    def parts() -> Iterator[bytes]:
        yield b'{"pdfs":['
        for index, head in enumerate(heads):
            yield b"," if index else b""
            yield from writer.chunks(head, of_all.pages(head.job_id))
        yield b"]}"

    return Response(_in_turns(parts()), mimetype="application/json")


def _in_turns(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """A large answer, between whose pieces gevent may serve others: reading files never waits, so it would not."""
    for chunk in chunks:
        yield chunk
        time.sleep(0)


def _accepted(job: Job) -> dict[str, Any]:
    return {"job_id": job.job_id, "filename": job.filename, "links": links(job.job_id).model_dump()}


def _has_worker() -> None:
    if not any(worker.state in ("idle", "busy") for worker in jobs().roster.workers()):
        raise SlimgestError("no worker has loaded its model yet")


def _check(question: Any) -> str:
    try:
        with broker_errors():
            question()
    except SlimgestError as error:
        return error.message
    return "ok"


def _record(record: Record) -> Response:
    return Response(record.model_dump_json(), mimetype="application/json")


def _json(body: dict[str, Any], http_status: int = 200) -> Response:
    return Response(json.dumps(body), http_status, mimetype="application/json")
