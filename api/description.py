"""What stands beside a route and describes it; openapi.py makes the document of all of these.

    @blueprint.get("/jobs/<uuid:job_id>")
    @described(Answer("Where the job stands.", examples.STATUS), fails=OF_A_JOB)
    def status(job_id: uuid.UUID) -> Response:
        \"\"\"Where a job stands.\"\"\"

The docstring's first paragraph is the summary. Examples are records: their classes are the schema of what is answered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel

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
    NotAPdf,
    OptionInvalid,
    PageFailure,
    QueueFull,
    RequestInvalid,
    SlimgestError,
    StorageUnavailable,
    UploadEmpty,
    UploadMissing,
    UploadTooLarge,
    all_errors,
)

Errors = tuple[type[SlimgestError], ...]
View = TypeVar("View", bound=Callable[..., Any])

# Errors that go together
STORES: Errors = (BrokerUnavailable, StorageUnavailable)
OF_A_JOB: Errors = (JobUnknown, JobExpired, *STORES)
UPLOADS: Errors = (RequestInvalid, UploadMissing, UploadEmpty, UploadTooLarge, NotAPdf, OptionInvalid, QueueFull)
CALLBACKS: Errors = (CallbackDisabled, CallbackInvalid, CallbackRefused, CallbackUnreachable)
JOB_FAILURES: Errors = tuple(all_errors(JobFailure))
PAGE_FAILURES: Errors = tuple(all_errors(PageFailure))
UNREADABLE: Errors = tuple(error for error in JOB_FAILURES if error is not AllPagesFailed)


@dataclass(frozen=True)
class Answer:
    """What a route answers where all goes well."""

    says: str
    body: BaseModel | tuple[BaseModel, ...] = ()  # an example of each form that the JSON may have
    status: int = field(default=200, kw_only=True)
    media: Mapping[str, Any] = field(
        default_factory=dict, kw_only=True
    )  # by media type, an example of what is no record
    events: Mapping[str, BaseModel] = field(default_factory=dict, kw_only=True)  # of a stream: by type, their data
    headers: tuple[str, ...] = field(default=(), kw_only=True)  # names in `HEADERS`
    inside: Errors = field(default=(), kw_only=True)  # whose codes may stand in an `error` of the records

    @property
    def bodies(self) -> tuple[BaseModel, ...]:
        return self.body if isinstance(self.body, tuple) else (self.body,)


@dataclass(frozen=True, kw_only=True)
class Description:
    """What a route takes and answers."""

    answers: tuple[Answer, ...]
    fails: Errors = ()
    query: type[BaseModel] | None = None  # each field is a parameter
    headers: tuple[str, ...] = ()  # that it reads: names in `HEADERS`
    form: type[BaseModel] | None = None  # fields of the body
    open: bool = False  # to those without an API key


@dataclass(frozen=True, kw_only=True)
class Header:
    """A header of requests or answers."""

    says: str
    example: str | int
    pattern: str | None = None
    lenient: bool = False  # in a request: anything is taken

    @property
    def schema(self) -> dict[str, Any]:
        kind = {"type": "integer" if isinstance(self.example, int) else "string"}
        return {**kind, "pattern": self.pattern} if self.pattern else kind


EVENT_ID = "^[0-9]{1,18}(-[0-9]{1,18})?$"
HEADERS = {
    "Idempotency-Key": Header(
        says="A name of your choice for this request, 1 to 255 characters. Sent again with the same files and options, "
        "for want of an answer, it makes no further jobs but gets those of the first time.",
        example="invoice-2026-0042",
        pattern="^[!-~]{1,255}$",
    ),
    "If-None-Match": Header(says="The `ETag` of an image that is there already.", example='"0f6c"'),
    "Last-Event-ID": Header(
        says="The id of the last event that came; those after it follow.",
        example="1795449081555-0",
        pattern=EVENT_ID,
    ),
    "X-Request-ID": Header(
        says="A name for this request, which the log and the answer bear; one is made up where it is absent or has "
        "other characters than letters, digits and `_.:-`.",
        example="7c9e6679f7425",
        pattern="^[A-Za-z0-9_.:-]{1,64}$",
        lenient=True,
    ),
    "Content-Disposition": Header(says="A file name to save it under.", example="inline; filename=letter.md"),
    "ETag": Header(says="Names this very image, which never changes.", example='"0f6c-000001-100.webp"'),
    "Location": Header(says="Where the job stands.", example="/jobs/0f6c1b5e-0000-4000-8000-000000000001"),
    "Retry-After": Header(says="Seconds after which to ask again.", example=5),
    "WWW-Authenticate": Header(says="How to send a key.", example='Bearer realm="slimgest"'),
}


PATH = {
    "job_id": ("The job.", "0f6c1b5e-3d8a-4c57-9b1e-2a7f4d90c3e1"),
    "page_number": ("The page, counted from 1.", 3),
    "delivery_id": ("The message, by its `webhook-id`.", "msg_4f2b8c1d"),
}


def described(
    *answers: Answer,
    fails: Errors = (),
    query: type[BaseModel] | None = None,
    headers: tuple[str, ...] = (),
    form: type[BaseModel] | None = None,
    open: bool = False,
) -> Callable[[View], View]:
    """Describes the view below it. What is common to all routes (an API key, `X-Request-ID`) is added by openapi.py."""
    description = Description(answers=answers, fails=fails, query=query, headers=headers, form=form, open=open)

    def mark(view: View) -> View:
        view.__description__ = description  # type: ignore[attr-defined]
        return view

    return mark


def undescribed(view: View) -> View:
    """Leaves a view out of the document: a page or picture for browsers that holds no data, so it is open to all."""
    view.__description__ = None  # type: ignore[attr-defined]
    return view


def description_of(view: Callable[..., Any]) -> Description | None:
    """How a view is described, or None for one that is left out; raises `LookupError` for one that was forgotten."""
    try:
        return view.__description__  # type: ignore[attr-defined,no-any-return]
    except AttributeError:
        raise LookupError(f"The route of {view.__name__} is not described: see api/description.py.") from None


def is_open(view: Callable[..., Any]) -> bool:
    """Whether a view answers those without an API key, too."""
    description = description_of(view)
    return description is None or description.open
