"""PDFs sent to be read: waited for, streamed, or queued."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from typing import cast

from flask import Blueprint, Response, g, request

from slimgest_celery.answers import Accepted, AcceptedSeveral
from slimgest_celery.errors import KeyReused
from slimgest_celery.formats import FORMATS, PageFormat
from slimgest_celery.jobs import broker_errors, links
from slimgest_celery.model import Document, Job, JobStatus, Problem

from . import errors, examples, forms, sse
from .description import CALLBACKS, JOB_FAILURES, PAGE_FAILURES, STORES, UNREADABLE, UPLOADS, Answer, described
from .shared import as_json, in_turns, jobs

blueprint = Blueprint("reading", __name__)
_MOST_FILES = 64

_read = described(
    Answer("All of them, in the order sent.", examples.DOCUMENTS, inside=(*JOB_FAILURES, *PAGE_FAILURES)),
    Answer("Not all were read within SLIMGEST_BATCH_TIMEOUT. The work goes on.", examples.ACCEPTED_SEVERAL, status=202),
    fails=(*UPLOADS, *CALLBACKS, KeyReused, *JOB_FAILURES, *STORES),
    headers=("Idempotency-Key",),
    form=forms.Upload,
)


@blueprint.post("/process-pdf")
@_read
def process_pdf() -> Response:
    """Reads a PDF and answers when that is done.

    Several may be sent, as to `/process-pdfs`. Of several, those that cannot be read stand in the answer with their
    `error`; only when none can is the answer 422.
    """
    return _process()


@blueprint.post("/process-pdfs")
@_read
def process_pdfs() -> Response:
    """Reads several PDFs and answers when all are done.

    Those that cannot be read stand in the answer with their `error`; only when none can is the answer 422.
    """
    return _process()


@blueprint.post("/process-pdf-stream")
@described(
    Answer("The events, as they happen.", events=examples.EVENTS, headers=("Location",), inside=UNREADABLE),
    fails=(*UPLOADS, *CALLBACKS, *STORES),
    form=forms.Upload,
)
def process_stream() -> Response:
    """Reads one PDF and streams its events.

    A stream that breaks is taken up at `/jobs/{job_id}/events`; `Location` and the first event name the job.
    """
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


@blueprint.post("/jobs")
@described(
    Answer(
        "It is stored and queued; of several PDFs, all are.",
        (examples.ACCEPTED, examples.ACCEPTED_SEVERAL),
        status=202,
        headers=("Location",),
    ),
    fails=(*UPLOADS, *CALLBACKS, KeyReused, *STORES),
    headers=("Idempotency-Key",),
    form=forms.Upload,
)
def submit() -> Response:
    """Queues PDFs and answers at once."""
    accepted = _submit(most=_MOST_FILES)
    response = as_json(_accepted(accepted[0]) if len(accepted) == 1 else _all_accepted(accepted), 202)
    response.headers["Location"] = links(accepted[0].job_id).self
    return response


def _process() -> Response:
    accepted = _submit(most=_MOST_FILES)
    deadline_s = time.monotonic() + jobs().settings.batch_timeout_s
    if not all([_wait(job, deadline_s) for job in accepted]):
        return as_json(_all_accepted(accepted), 202)
    heads = [jobs().head(job.job_id) for job in accepted]
    if all(_unreadable(head) for head in heads):
        return errors.problem(cast(Problem, heads[0].error), 422)
    return _pdfs(heads)


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

    return Response(in_turns(parts()), mimetype="application/json")


def _accepted(job: Job) -> Accepted:
    return Accepted(job_id=job.job_id, filename=job.filename, links=links(job.job_id))


def _all_accepted(accepted: list[Job]) -> AcceptedSeveral:
    return AcceptedSeveral(jobs=[_accepted(job) for job in accepted])
