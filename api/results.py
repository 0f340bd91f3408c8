"""What was read: documents in every format, pages, and their images."""

from __future__ import annotations

import uuid

from flask import Blueprint, Response, request

from slimgest_celery import results
from slimgest_celery.answers import Preparing, PreparingLinks
from slimgest_celery.errors import (
    FormatFailed,
    ImageLate,
    OptionInvalid,
    PageUnknown,
    PdfEncrypted,
    PdfWrongPassword,
    ResultNotReady,
)
from slimgest_celery.images import MEDIA_TYPES
from slimgest_celery.jobs import broker_errors

from . import examples, forms
from .description import JOB_FAILURES, OF_A_JOB, PAGE_FAILURES, Answer, Errors, described
from .shared import as_json, in_turns, jobs, mine

blueprint = Blueprint("results", __name__)

_RESULT = Answer(
    "The document.",
    examples.DOCUMENT,
    media=examples.FORMS,
    headers=("Content-Disposition",),
    inside=(*JOB_FAILURES, *PAGE_FAILURES),
)
_PREPARING = Answer("A worker makes it: ask again.", examples.PREPARING, status=202, headers=("Retry-After",))
_FAILS: Errors = (OptionInvalid, ResultNotReady, FormatFailed, PdfEncrypted, PdfWrongPassword, *OF_A_JOB)


@blueprint.get("/jobs/<uuid:job_id>/result")
@described(_RESULT, _PREPARING, fails=_FAILS, query=forms.Wanted)
def result(job_id: uuid.UUID) -> Response:
    """An ended job's document in one of the formats, or in several as a zip.

    All are made from what was read. The searchable PDF (`pdf`) is made by a worker when it is first asked for.
    """
    return _result(job_id, None)


@blueprint.post("/jobs/<uuid:job_id>/result")
@described(_RESULT, _PREPARING, fails=_FAILS, query=forms.Wanted, form=forms.Unlocking)
def unlocked_result(job_id: uuid.UUID) -> Response:
    """As `GET`, with the password of an encrypted PDF that is to be made searchable."""
    return _result(job_id, forms.form(request, forms.Unlocking).password)


@blueprint.get("/jobs/<uuid:job_id>/pages/<int:page_number>")
@described(Answer("The page.", examples.PAGE, inside=PAGE_FAILURES), fails=(PageUnknown, *OF_A_JOB))
def page(job_id: uuid.UUID, page_number: int) -> Response:
    """One page, as soon as it is read."""
    return as_json(jobs().page(mine(job_id), page_number))


@blueprint.get("/jobs/<uuid:job_id>/pages/<int:page_number>/image")
@described(
    Answer("The image.", media=dict.fromkeys(MEDIA_TYPES.values()), headers=("ETag",)),
    Answer("The one that you have is this one.", status=304, headers=("ETag",)),
    fails=(OptionInvalid, PageUnknown, ImageLate, *JOB_FAILURES, *PAGE_FAILURES, *OF_A_JOB),
    query=forms.Image,
    headers=("If-None-Match",),
)
def page_image(job_id: uuid.UUID, page_number: int) -> Response:
    """One page of the PDF as an image, whether it was read or not; drawn by a worker when first asked for."""
    asked = forms.image_asked(request, mine(job_id), page_number)
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


def _result(job_id: uuid.UUID, password: str | None) -> Response:
    wanted = forms.query(request, forms.Wanted)
    found = results.result(jobs(), mine(job_id), wanted.format, wanted.formats, password)
    if found is None:
        response = as_json(Preparing(job_id=str(job_id), links=PreparingLinks(result=request.full_path)), 202)
        response.headers["Retry-After"] = "1"
        return response
    response = Response(in_turns(found.chunks), content_type=found.media_type)
    response.headers.set("Content-Disposition", "inline", filename=found.filename)
    return response
