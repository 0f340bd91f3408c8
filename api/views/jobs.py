"""Views of existing jobs: list, status, events, cancel, retry."""

from __future__ import annotations

import uuid

from flask import Blueprint, Response, g, request

from api import requests, sse
from api.helpers import as_json, components, owned_job_id
from api.openapi import examples
from api.openapi.describe import (
    JOB_FAILURES,
    JOB_LOOKUP_ERRORS,
    STORE_ERRORS,
    UNREADABLE_PDF_ERRORS,
    ResponseSpec,
    describe_route,
)
from slimgest_celery.errors import (
    JobRunning,
    OptionInvalid,
    QueueFull,
    TooManyEventStreams,
    TooManyPendingJobs,
    TooManyPendingPages,
)
from slimgest_celery.jobs.listing import JobSelection, list_jobs
from slimgest_celery.jobs.retry import retry_job
from slimgest_celery.models.events import BEGINNING, is_valid_id
from slimgest_celery.state.errors import broker_errors

blueprint = Blueprint("jobs", __name__)


@blueprint.get("/jobs")
@describe_route(
    ResponseSpec("The jobs and their status.", examples.LISTING, error_codes=JOB_FAILURES),
    errors=(OptionInvalid, *STORE_ERRORS),
    query=requests.JobListQuery,
)
def listing() -> Response:
    """List the jobs that the service has kept, newest first.

    `status`, `filename` and `since` select jobs. To read a long list, repeat the request with `next_cursor` as `cursor`
    until it is null.
    """
    query = requests.parse_query(request, requests.JobListQuery)
    selection = JobSelection(
        owner=g.owner,
        statuses=query.status,
        filename=query.filename,
        since=query.since,
        cursor=query.cursor,
        offset=query.offset,
        limit=query.limit,
    )
    return as_json(list_jobs(selection, jobs=components().jobs, job_index=components().job_index))


@blueprint.get("/jobs/<uuid:job_id>")
@describe_route(
    ResponseSpec("The status of the job.", examples.STATUS, error_codes=JOB_FAILURES), errors=JOB_LOOKUP_ERRORS
)
def status(job_id: uuid.UUID) -> Response:
    """Return the status of a job."""
    return as_json(components().jobs.status(owned_job_id(job_id)))


@blueprint.get("/jobs/<uuid:job_id>/events")
@describe_route(
    ResponseSpec("The events up to the last one.", events=examples.EVENTS, error_codes=UNREADABLE_PDF_ERRORS),
    ResponseSpec("The job has ended, and there are no events after that one.", status=204),
    errors=(OptionInvalid, TooManyEventStreams, *JOB_LOOKUP_ERRORS),
    query=requests.EventsQuery,
    headers=("Last-Event-ID",),
)
def events(job_id: uuid.UUID) -> Response:
    """Stream the events of a job, from the first one or after `Last-Event-ID`."""
    job, query = owned_job_id(job_id), requests.parse_query(request, requests.EventsQuery)
    after = request.headers.get("Last-Event-ID") or query.last_event_id or BEGINNING
    if not is_valid_id(after):
        raise OptionInvalid("Last-Event-ID is not an event id.")
    with broker_errors():
        if components().events.is_over(job, after):
            return Response(status=204)  # the status that stops an `EventSource` from reconnecting
        give_back = components().places.event_streams.take(g.owner)
        try:
            return sse.stream_response(components().events.follow(job, after, sse.HEARTBEAT_S), give_back)
        except BaseException:
            give_back()
            raise


@blueprint.delete("/jobs/<uuid:job_id>")
@describe_route(
    ResponseSpec("The job has ended.", examples.CANCELLED, error_codes=JOB_FAILURES),
    ResponseSpec("The job is deleted.", status=204),
    errors=(OptionInvalid, *JOB_LOOKUP_ERRORS),
    query=requests.CancelQuery,
)
def cancel(job_id: uuid.UUID) -> Response:
    """Cancel a job, or delete it for good.

    Without `purge=true`, the pages read so far stay available, and cancelling an ended job changes nothing.
    """
    if requests.parse_query(request, requests.CancelQuery).purge == "true":
        components().purger.purge(owned_job_id(job_id), g.owner)
        return Response(status=204)
    return as_json(components().jobs.cancel(owned_job_id(job_id)))


@blueprint.post("/jobs/<uuid:job_id>/retry")
@describe_route(
    ResponseSpec("The job is queued again.", examples.QUEUED, status=202, error_codes=JOB_FAILURES),
    errors=(OptionInvalid, JobRunning, QueueFull, TooManyPendingJobs, TooManyPendingPages, *JOB_LOOKUP_ERRORS),
    query=requests.RetryQuery,
    form=requests.PasswordForm,
)
def retry(job_id: uuid.UUID) -> Response:
    """Read the failed pages of an ended job again, or the pages in `pages`.

    The job keeps its id and the pages that were read successfully.
    """
    password = requests.parse_form(request, requests.PasswordForm).password
    pages = requests.parse_query(request, requests.RetryQuery).pages
    parts = components()
    status = retry_job(
        owned_job_id(job_id),
        pages,
        password,
        jobs=parts.jobs,
        files=parts.files,
        events=parts.events,
        admission=parts.admission,
    )
    return as_json(status, 202)
