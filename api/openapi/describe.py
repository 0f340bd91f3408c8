"""Descriptions of routes. `document` builds the OpenAPI document from the descriptions of all routes.

    @blueprint.get("/jobs/<uuid:job_id>")
    @describe_route(ResponseSpec("The status of the job.", examples.STATUS), errors=JOB_LOOKUP_ERRORS)
    def status(job_id: uuid.UUID) -> Response:
        \"\"\"Return the status of a job.\"\"\"

The first paragraph of the docstring is the summary. Examples are records, and their classes give the response schemas.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel

from slimgest_celery import errors
from slimgest_celery.errors import (
    AllPagesFailed,
    BrokerUnavailable,
    CallbackDisabled,
    CallbackInvalid,
    CallbackRefused,
    CallbackUnreachable,
    JobExpired,
    JobFailure,
    JobUnknown,
    LowSpace,
    OptionInvalid,
    PageFailure,
    QueueFull,
    RequestInvalid,
    RequestStalled,
    SlimgestError,
    StorageUnavailable,
    TooManyPendingJobs,
    TooManyPendingPages,
    TooManyUploads,
    UnsupportedFile,
    UploadEmpty,
    UploadMissing,
    UploadTooLarge,
    all_errors,
)

Errors = tuple[type[SlimgestError], ...]
View = TypeVar("View", bound=Callable[..., Any])

# Groups of errors that several routes share
STORE_ERRORS: Errors = (BrokerUnavailable, StorageUnavailable)
JOB_LOOKUP_ERRORS: Errors = (JobUnknown, JobExpired, *STORE_ERRORS)
UPLOAD_ERRORS: Errors = (
    RequestInvalid,
    RequestStalled,
    UploadMissing,
    UploadEmpty,
    UploadTooLarge,
    errors.LanguageUnavailable,
    UnsupportedFile,
    OptionInvalid,
    QueueFull,
    TooManyPendingJobs,
    TooManyPendingPages,
    TooManyUploads,
    LowSpace,
)
CALLBACK_ERRORS: Errors = (CallbackDisabled, CallbackInvalid, CallbackRefused, CallbackUnreachable)
JOB_FAILURES: Errors = tuple(all_errors(JobFailure))
PAGE_FAILURES: Errors = tuple(all_errors(PageFailure))
UNREADABLE_PDF_ERRORS: Errors = tuple(error for error in JOB_FAILURES if error is not AllPagesFailed)


@dataclass(frozen=True)
class ResponseSpec:
    """A successful response of a route."""

    description: str
    body: BaseModel | tuple[BaseModel, ...] = ()  # an example of each possible JSON record
    status: int = field(default=200, kw_only=True)
    # By media type, an example of a body that is not a record
    media: Mapping[str, Any] = field(default_factory=dict, kw_only=True)
    # Of an event stream: example data by event type
    events: Mapping[str, BaseModel] = field(default_factory=dict, kw_only=True)
    headers: tuple[str, ...] = field(default=(), kw_only=True)  # names in `HEADERS`
    error_codes: Errors = field(default=(), kw_only=True)  # possible codes in an `error` field of the records

    @property
    def bodies(self) -> tuple[BaseModel, ...]:
        return self.body if isinstance(self.body, tuple) else (self.body,)


@dataclass(frozen=True, kw_only=True)
class Description:
    """The description of a route: its input and its responses."""

    responses: tuple[ResponseSpec, ...]
    errors: Errors = ()
    query: type[BaseModel] | None = None  # each field is a parameter
    headers: tuple[str, ...] = ()  # that the route reads: names in `HEADERS`
    form: type[BaseModel] | None = None  # fields of the body
    open: bool = False  # to clients without an API key


@dataclass(frozen=True, kw_only=True)
class Header:
    """A header of requests or responses."""

    description: str
    example: str | int
    pattern: str | None = None
    lenient: bool = False  # in a request: any value is accepted

    @property
    def schema(self) -> dict[str, Any]:
        kind = {"type": "integer" if isinstance(self.example, int) else "string"}
        return {**kind, "pattern": self.pattern} if self.pattern else kind


EVENT_ID = "^[0-9]{1,18}(-[0-9]{1,18})?$"
HEADERS = {
    "Idempotency-Key": Header(
        description="A name of your choice for this request, 1 to 255 characters. If no response arrives, send the "
        "request again with the same key, files and options: it returns the first jobs and creates no new ones.",
        example="invoice-2026-0042",
        pattern="^[!-~]{1,255}$",
    ),
    "If-Modified-Since": Header(
        description="The `Last-Modified` of a document that the client already has.",
        example="Wed, 25 Nov 2026 12:53:44 GMT",
        lenient=True,
    ),
    "If-None-Match": Header(
        description="The `ETag` of a document or image that the client already has.", example='"0f6c"', lenient=True
    ),
    "If-Range": Header(
        description="The `ETag` of the document whose beginning the client has: if it has changed, it is sent whole.",
        example='"0f6c"',
        lenient=True,
    ),
    "Range": Header(
        description="The part of the document to send. Several parts at once are not supported: it is sent whole.",
        example="bytes=1000000-",
        lenient=True,
    ),
    "Last-Event-ID": Header(
        description="The id of the last event received. The stream starts with the next one.",
        example="1795449081555-0",
        pattern=EVENT_ID,
    ),
    "X-Request-ID": Header(
        description="A name for this request, repeated in the log and in the response. The service generates one "
        "if it is absent or has characters other than letters, digits and `_.:-`.",
        example="7c9e6679f7425",
        pattern="^[A-Za-z0-9_.:-]{1,64}$",
        lenient=True,
    ),
    "Content-Disposition": Header(description="A file name for the document.", example="inline; filename=letter.md"),
    "Accept-Ranges": Header(description="The document can be requested in parts.", example="bytes"),
    "Content-Range": Header(description="The part of the document, and its size.", example="bytes 0-99/1234"),
    "ETag": Header(description="Identifies these bytes.", example='"0f6c-000001-100.webp"'),
    "Last-Modified": Header(description="The time at which the job ended.", example="Wed, 25 Nov 2026 12:53:44 GMT"),
    "Location": Header(description="The path of the job.", example="/jobs/0f6c1b5e-0000-4000-8000-000000000001"),
    "Retry-After": Header(description="Seconds to wait before the next request.", example=5),
    "WWW-Authenticate": Header(
        description="The authentication scheme for API keys.", example='Bearer realm="slimgest"'
    ),
}


PATH_PARAMETERS = {
    "job_id": ("The job id.", "0f6c1b5e-3d8a-4c57-9b1e-2a7f4d90c3e1"),
    "page_number": ("The page number, from 1.", 3),
    "delivery_id": ("The `webhook-id` of the message.", "msg_4f2b8c1d"),
}


def describe_route(
    *responses: ResponseSpec,
    errors: Errors = (),
    query: type[BaseModel] | None = None,
    headers: tuple[str, ...] = (),
    form: type[BaseModel] | None = None,
    open: bool = False,
) -> Callable[[View], View]:
    """Attach a description to a view. `document` adds what all routes share: the API key and `X-Request-ID`."""
    description = Description(responses=responses, errors=errors, query=query, headers=headers, form=form, open=open)

    def attach(view: View) -> View:
        view.__description__ = description  # type: ignore[attr-defined]
        return view

    return attach


def exclude_route(view: View) -> View:
    """Leave a view out of the document. For files that browsers load: they hold no data, so they need no API key."""
    view.__description__ = None  # type: ignore[attr-defined]
    return view


def get_description(view: Callable[..., Any]) -> Description | None:
    """Return the description of a view, or None for an excluded one. Raises `LookupError` if it has no description."""
    try:
        return view.__description__  # type: ignore[attr-defined,no-any-return]
    except AttributeError:
        raise LookupError(f"The route of {view.__name__} is not described: see api/openapi/describe.py.") from None


def is_open(view: Callable[..., Any]) -> bool:
    """Return True for a view that needs no API key."""
    description = get_description(view)
    return description is None or description.open
