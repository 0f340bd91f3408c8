"""Views that accept PDFs and images: wait for the result, stream it, or only queue the job."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from typing import cast

from flask import Blueprint, Response, g, request

from api import errors, requests, sse
from api.helpers import as_json, components, yield_to_gevent
from api.openapi import examples
from api.openapi.describe import (
    CALLBACK_ERRORS,
    JOB_FAILURES,
    PAGE_FAILURES,
    STORE_ERRORS,
    UNREADABLE_PDF_ERRORS,
    UPLOAD_ERRORS,
    ResponseSpec,
    describe_route,
)
from slimgest_celery.errors import KeyReused, TooManyEventStreams
from slimgest_celery.formats.registry import FORMATS, PageFormat
from slimgest_celery.jobs.capacity import check_free_space
from slimgest_celery.jobs.service import links
from slimgest_celery.models.job import Document, Job, JobStatus
from slimgest_celery.models.problem import Problem
from slimgest_celery.models.responses import Accepted, AcceptedSeveral
from slimgest_celery.state.errors import broker_errors

blueprint = Blueprint("submit", __name__)
_MAX_FILES = 64

_describe_processing = describe_route(
    ResponseSpec("The documents, in the order sent.", examples.DOCUMENTS, error_codes=(*JOB_FAILURES, *PAGE_FAILURES)),
    ResponseSpec(
        "Not all PDFs were read within SLIMGEST_BATCH_TIMEOUT. The work continues.",
        examples.ACCEPTED_SEVERAL,
        status=202,
    ),
    errors=(*UPLOAD_ERRORS, TooManyEventStreams, *CALLBACK_ERRORS, KeyReused, *JOB_FAILURES, *STORE_ERRORS),
    headers=("Idempotency-Key",),
    form=requests.Upload,
    query=requests.RawSubmissionQuery,
)


@blueprint.post("/process-pdf")
@_describe_processing
def process_pdf() -> Response:
    """Read a PDF and return the document when it is done.

    As with `/process-pdfs`, several PDFs may be sent. PDFs that cannot be read are included with their `error`. The
    status is 422 only if no PDF can be read.
    """
    return _process()


@blueprint.post("/process-pdfs")
@_describe_processing
def process_pdfs() -> Response:
    """Read several PDFs and return the documents when all are done.

    PDFs that cannot be read are included with their `error`. The status is 422 only if no PDF can be read.
    """
    return _process()


@blueprint.post("/process-pdf-stream")
@describe_route(
    ResponseSpec(
        "The events, as they happen.", events=examples.EVENTS, headers=("Location",), error_codes=UNREADABLE_PDF_ERRORS
    ),
    errors=(*UPLOAD_ERRORS, TooManyEventStreams, *CALLBACK_ERRORS, *STORE_ERRORS),
    form=requests.Upload,
    query=requests.RawSubmissionQuery,
)
def process_stream() -> Response:
    """Read one PDF and stream its events.

    After a lost connection, resume the stream at `/jobs/{job_id}/events`. `Location` and the first event contain the
    job id.
    """
    job_id = str(uuid.uuid4())
    with ExitStack() as on_error:
        give_back = components().places.event_streams.take(g.owner)
        on_error.callback(give_back)
        with broker_errors():
            stream = on_error.enter_context(components().events.follow(job_id, heartbeat_s=sse.HEARTBEAT_S))
        _submit(max_files=1, job_ids=[job_id])
        on_error.pop_all()
    response = sse.stream_response(stream, give_back)
    response.headers["Location"] = request.script_root + links(job_id).self
    return response


@blueprint.post("/jobs")
@describe_route(
    ResponseSpec(
        "The PDF is stored and queued. Of several PDFs, all are.",
        (examples.ACCEPTED, examples.ACCEPTED_SEVERAL),
        status=202,
        headers=("Location",),
    ),
    errors=(*UPLOAD_ERRORS, *CALLBACK_ERRORS, KeyReused, *STORE_ERRORS),
    headers=("Idempotency-Key",),
    form=requests.Upload,
    query=requests.RawSubmissionQuery,
)
def submit() -> Response:
    """Queue PDFs and return at once."""
    accepted = _submit(max_files=_MAX_FILES)
    response = as_json(_accepted(accepted[0]) if len(accepted) == 1 else _all_accepted(accepted), 202)
    response.headers["Location"] = request.script_root + links(accepted[0].job_id).self
    return response


def _process() -> Response:
    with components().places.event_streams.taken(g.owner):
        accepted = _submit(max_files=_MAX_FILES)
        deadline_s = time.monotonic() + components().settings.batch_timeout_s
        if not all([_wait(job, deadline_s) for job in accepted]):
            return as_json(_all_accepted(accepted), 202)
    heads = [components().jobs.document_head(job.job_id) for job in accepted]
    if all(_is_unreadable(head) for head in heads):
        return errors.problem_response(cast(Problem, heads[0].error), 422)
    return _documents_response(heads)


def _submit(*, max_files: int, job_ids: list[str] | None = None) -> list[Job]:
    parts = components()
    with parts.places.uploads.taken(g.owner):
        # Before the upload is received; `submit` checks the capacity again, atomically.
        check_free_space(parts.files, request.content_length or 0, parts.settings.min_free_mb)
        if "Idempotency-Key" not in request.headers:
            parts.admission.check_capacity(g.owner)
        parsed = requests.parse_submission(request, max_files=max_files, owner=g.owner, request_id=g.request_id)
        with parsed as sent:
            key = requests.parse_idempotency_key(request)
            if key and job_ids is None:
                return parts.submitter.submit_once(sent, key)
            return parts.submitter.submit(sent, job_ids)


def _wait(job: Job, deadline_s: float) -> bool:
    """Return True if the job ended in time. Each heartbeat also checks the stored state: the end event may be lost."""
    with broker_errors(), components().events.follow(job.job_id, heartbeat_s=1.0) as stream:
        for event in stream:
            if (event and event.last) or (event is None and components().jobs.end(job.job_id)):
                return True
            if time.monotonic() > deadline_s:
                return False
    return True


def _is_unreadable(head: Document) -> bool:
    return head.status == JobStatus.FAILED and head.error is not None


def _documents_response(heads: list[Document]) -> Response:
    """Return `{"pdfs": […]}`, generated page by page."""
    writer, all_jobs = cast(PageFormat, FORMATS["json"]), components().jobs

    def chunks() -> Iterator[bytes]:
        yield b'{"pdfs":['
        for index, head in enumerate(heads):
            yield b"," if index else b""
            yield from writer.chunks(head, all_jobs.pages(head.job_id))
        yield b"]}"

    return Response(yield_to_gevent(chunks()), mimetype="application/json")


def _accepted(job: Job) -> Accepted:
    return Accepted(job_id=job.job_id, filename=job.filename, links=links(job.job_id))


def _all_accepted(accepted: list[Job]) -> AcceptedSeveral:
    return AcceptedSeveral(jobs=[_accepted(job) for job in accepted])
