"""Jobs while they run and afterwards: listed, followed, cancelled, retried."""

from __future__ import annotations

import uuid

from flask import Blueprint, Response, g, request

from slimgest_celery.answers import Listing
from slimgest_celery.errors import JobRunning, OptionInvalid, QueueFull
from slimgest_celery.event import BEGINNING, valid_id
from slimgest_celery.jobs import broker_errors

from . import examples, forms, sse
from .description import JOB_FAILURES, OF_A_JOB, STORES, UNREADABLE, Answer, described
from .shared import as_json, jobs, mine

blueprint = Blueprint("jobs", __name__)


@blueprint.get("/jobs")
@described(
    Answer("Where each of them stands.", examples.LISTING, inside=JOB_FAILURES),
    fails=(OptionInvalid, *STORES),
    query=forms.Part,
)
def listing() -> Response:
    """Kept jobs, newest first."""
    part = forms.query(request, forms.Part)
    found, total = jobs().list(part.offset, part.limit, g.owner)
    return as_json(Listing(jobs=found, total=total, offset=part.offset))


@blueprint.get("/jobs/<uuid:job_id>")
@described(Answer("Where it stands.", examples.STATUS, inside=JOB_FAILURES), fails=OF_A_JOB)
def status(job_id: uuid.UUID) -> Response:
    """Where a job stands."""
    return as_json(jobs().status(mine(job_id)))


@blueprint.get("/jobs/<uuid:job_id>/events")
@described(
    Answer("The events, to the last one.", events=examples.EVENTS, inside=UNREADABLE),
    Answer("The job has ended, and nothing came after that event.", status=204),
    fails=(OptionInvalid, *OF_A_JOB),
    query=forms.After,
    headers=("Last-Event-ID",),
)
def events(job_id: uuid.UUID) -> Response:
    """A job's events, from its first or from after `Last-Event-ID`."""
    job, asked = mine(job_id), forms.query(request, forms.After)
    after = request.headers.get("Last-Event-ID") or asked.last_event_id or BEGINNING
    if not valid_id(after):
        raise OptionInvalid("Last-Event-ID is not an id of an event.")
    with broker_errors():
        if jobs().events.over(job, after):
            return Response(status=204)  # what tells an `EventSource` not to come back
        return sse.stream(jobs().events.follow(job, after, sse.HEARTBEAT_S))


@blueprint.delete("/jobs/<uuid:job_id>")
@described(Answer("It has ended.", examples.CANCELLED, inside=JOB_FAILURES), fails=OF_A_JOB)
def cancel(job_id: uuid.UUID) -> Response:
    """Cancels a job; what was read until then stays readable.

    Harmless once it has ended.
    """
    return as_json(jobs().cancel(mine(job_id)))


@blueprint.post("/jobs/<uuid:job_id>/retry")
@described(
    Answer("It is queued again.", examples.QUEUED, status=202, inside=JOB_FAILURES),
    fails=(OptionInvalid, JobRunning, QueueFull, *OF_A_JOB),
    query=forms.Again,
    form=forms.Unlocking,
)
def retry(job_id: uuid.UUID) -> Response:
    """Reads an ended job's failed pages again, or those that `pages` names.

    It keeps its id and its good pages.
    """
    password = forms.form(request, forms.Unlocking).password
    return as_json(jobs().retry(mine(job_id), forms.query(request, forms.Again).pages, password), 202)
