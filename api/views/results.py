"""Views of results: documents in every format, pages, and page images."""

from __future__ import annotations

import uuid

from flask import Blueprint, Response, g, request

from api import requests
from api.documents import document_response
from api.helpers import as_json, components, owned_job_id
from api.openapi import examples
from api.openapi.describe import JOB_FAILURES, JOB_LOOKUP_ERRORS, PAGE_FAILURES, Errors, ResponseSpec, describe_route
from slimgest_celery.errors import (
    FormatFailed,
    ImageLate,
    OptionInvalid,
    PageUnknown,
    PdfEncrypted,
    PdfWrongPassword,
    RangeInvalid,
    ResultNotReady,
    TooManyPageImages,
)
from slimgest_celery.jobs.page_images import MEDIA_TYPES
from slimgest_celery.models.responses import Preparing, PreparingLinks
from slimgest_celery.state.errors import broker_errors

blueprint = Blueprint("results", __name__)

_RESULT = ResponseSpec(
    "The document.",
    examples.DOCUMENT,
    media=examples.MEDIA_EXAMPLES,
    headers=("Accept-Ranges", "Content-Disposition", "ETag", "Last-Modified"),
    error_codes=(*JOB_FAILURES, *PAGE_FAILURES),
)
_PART = ResponseSpec(
    "The part of the document that `Range` names.",
    media=dict.fromkeys(examples.MEDIA_EXAMPLES),
    status=206,
    headers=("Accept-Ranges", "Content-Range", "ETag", "Last-Modified"),
)
_UNCHANGED = ResponseSpec("The client's copy is up to date.", status=304, headers=("ETag",))
_CONDITIONS = ("If-Modified-Since", "If-None-Match", "If-Range", "Range")
_PREPARING = ResponseSpec(
    "A worker is making the document. Ask again later.", examples.PREPARING, status=202, headers=("Retry-After",)
)
_RESULT_ERRORS: Errors = (
    OptionInvalid,
    ResultNotReady,
    FormatFailed,
    PdfEncrypted,
    PdfWrongPassword,
    *JOB_LOOKUP_ERRORS,
)


@blueprint.get("/jobs/<uuid:job_id>/result")
@describe_route(
    _RESULT,
    _PART,
    _PREPARING,
    _UNCHANGED,
    errors=(RangeInvalid, *_RESULT_ERRORS),
    query=requests.ResultQuery,
    headers=_CONDITIONS,
)
def result(job_id: uuid.UUID) -> Response:
    """Return the document of an ended job in one format, or in several formats as a zip.

    A worker makes the searchable PDF (`pdf`) at the first request. All other formats are made at once. With
    `Accept-Encoding: gzip` they are sent compressed.
    """
    return _result(job_id, None)


@blueprint.post("/jobs/<uuid:job_id>/result")
@describe_route(_RESULT, _PREPARING, errors=_RESULT_ERRORS, query=requests.ResultQuery, form=requests.PasswordForm)
def unlocked_result(job_id: uuid.UUID) -> Response:
    """Return the document as `GET` does, with the password that a searchable PDF of an encrypted PDF needs."""
    return _result(job_id, requests.parse_form(request, requests.PasswordForm).password)


@blueprint.get("/results.zip")
@describe_route(
    ResponseSpec(
        "The documents, each under its own name.",
        media={"application/zip": None},
        headers=("Accept-Ranges", "Content-Disposition", "ETag", "Last-Modified"),
    ),
    ResponseSpec("The part of the zip that `Range` names.", media={"application/zip": None}, status=206),
    ResponseSpec("Workers are making searchable PDFs. Ask again later.", status=202, headers=("Retry-After",)),
    _UNCHANGED,
    errors=(RangeInvalid, *_RESULT_ERRORS),
    query=requests.ArchiveQuery,
    headers=_CONDITIONS,
)
def results_archive() -> Response:
    """Return the documents of several jobs in one zip, which is made while it is sent.

    If one of the documents is not available, the answer is its error, and there is no zip.
    """
    query = requests.parse_archive_query(request)
    job_ids = [owned_job_id(job_id) for job_id in query.job]
    found = components().result_archives.open(job_ids, query.format, query.options, partial=query.partial == "true")
    if found is None:
        return Response(status=202, headers={"Retry-After": "1"})
    return document_response(found, request)


@blueprint.get("/jobs/<uuid:job_id>/pages/<int:page_number>")
@describe_route(
    ResponseSpec("The page.", examples.PAGE, error_codes=PAGE_FAILURES), errors=(PageUnknown, *JOB_LOOKUP_ERRORS)
)
def page(job_id: uuid.UUID, page_number: int) -> Response:
    """Return one page, as soon as it has been read."""
    return as_json(components().jobs.page(owned_job_id(job_id), page_number))


@blueprint.get("/jobs/<uuid:job_id>/pages/<int:page_number>/image")
@describe_route(
    ResponseSpec("The image.", media=dict.fromkeys(MEDIA_TYPES.values()), headers=("ETag",)),
    _UNCHANGED,
    errors=(
        OptionInvalid,
        PageUnknown,
        ImageLate,
        TooManyPageImages,
        *JOB_FAILURES,
        *PAGE_FAILURES,
        *JOB_LOOKUP_ERRORS,
    ),
    query=requests.PageImageQuery,
    headers=("If-None-Match",),
)
def page_image(job_id: uuid.UUID, page_number: int) -> Response:
    """Return an image of one page, even if the page has not been read. A worker renders it at the first request."""
    image_request = requests.parse_page_image_request(request, owned_job_id(job_id), page_number)
    etag = f"{image_request.job_id}-{image_request.name}"  # the PDF of a job never changes
    if request.if_none_match.contains(etag):
        response = Response(status=304)
    else:
        images, places = components().page_images, components().places.page_images
        with broker_errors():
            image = images.stored(image_request)
            if image is None:
                with places.taken(g.owner):
                    image = images.render(image_request, waiting=places.used(g.owner) - 1)
        response = Response(image, mimetype=MEDIA_TYPES[image_request.form])
    response.set_etag(etag)
    response.headers["Cache-Control"] = f"private, max-age={components().settings.retention_s}, immutable"
    response.headers["Vary"] = "Authorization"
    return response


def _result(job_id: uuid.UUID, password: str | None) -> Response:
    query = requests.parse_query(request, requests.ResultQuery)
    found = components().results.open(
        owned_job_id(job_id),
        query.format,
        query.formats,
        query.options,
        password,
        partial=query.partial == "true",
    )
    if found is None:
        response = as_json(Preparing(job_id=str(job_id), links=PreparingLinks(result=request.full_path)), 202)
        response.headers["Retry-After"] = "1"
        return response
    return document_response(found, request)
