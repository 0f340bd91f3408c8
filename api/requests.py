"""Parse and validate requests: query parameters, form fields and uploaded files. An invalid request gets one sentence.

The models here also describe the requests in the OpenAPI document (openapi/).
"""

from __future__ import annotations

import mimetypes
import re
import shutil
import tempfile
import uuid
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import PurePosixPath, PureWindowsPath
from typing import IO, Annotated, Any, Literal, TypeVar

from flask import Request
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from api.openapi.describe import EVENT_ID
from slimgest_celery.errors import OptionInvalid, PageUnknown, RequestInvalid, UploadMissing
from slimgest_celery.formats.registry import FORMATS
from slimgest_celery.jobs.listing import CURSOR
from slimgest_celery.jobs.page_images import DPI_STEPS, round_up_dpi
from slimgest_celery.jobs.result_archive import MAX_JOBS
from slimgest_celery.jobs.submission import Submission
from slimgest_celery.models.job import PAGES, JobStatus, Options
from slimgest_celery.models.page import PageImageRequest
from slimgest_celery.models.record import WholeNumber
from slimgest_celery.models.results import FormatOptions
from slimgest_celery.webhooks.content import CALLBACK_FORMATS

_FILES = ("file", "files")
_MAX_NAME = 255
_MAX_PASSWORD = 512
_MAX_URL = 2048
_STATUSES = "^(({0})(,({0}))*)?$".format("|".join(JobStatus))
_TIME = "^[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,6})?)?([Zz]|[+-][0-9]{2}:[0-9]{2})?)?$"
_BINARY: dict[str, Any] = {"type": "string", "format": "binary"}


def _split_statuses(value: Any) -> Any:
    return value.split(",") if isinstance(value, str) and value else value or ()


def _parse_time(value: Any) -> Any:
    """Allow RFC 3339 only. Pydantic also accepts numbers. In a query, `+` means a space: `%2B` is often forgotten."""
    if not isinstance(value, str):
        return value
    text = re.sub(r" (?=[0-9]{2}:[0-9]{2}$)", "+", value) if value.count(":") > 1 else value
    if not re.fullmatch(_TIME, text):
        raise ValueError("must be a date or a time, such as 2026-11-25 or 2026-11-25T12:53:43Z")
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


Password = Annotated[
    str | None,
    Field(
        max_length=_MAX_PASSWORD,
        description="Password of an encrypted PDF. It is deleted when the job has ended.",
        json_schema_extra={"examples": [""]},  # otherwise Swagger UI sends a made-up value
    ),
]


class SubmissionQuery(Options):
    """The options of a submission as query parameters: for a file that is the body, or in addition to form fields."""

    callback_url: str | None = Field(
        None,
        description="URL that receives a signed message when the job has ended (see Webhooks in the documentation).",
        json_schema_extra={"format": "uri", "maxLength": _MAX_URL, "examples": [""]},
    )
    callback_format: str | None = Field(
        None,
        description="The format of the document in that message; absent: the message has no document.",
        json_schema_extra={"enum": list(CALLBACK_FORMATS), "examples": [""]},
    )

    @field_validator("callback_format")
    @classmethod
    def _check_callback_format(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and value not in CALLBACK_FORMATS:
            raise ValueError(f"must be one of {', '.join(CALLBACK_FORMATS)}")
        if value is not None and info.data.get("callback_url") is None:
            raise ValueError("needs a callback_url")
        return value


class RawSubmissionQuery(SubmissionQuery):
    """The query parameters of a submission whose body is the file."""

    filename: str | None = Field(None, description="The name of a file that is sent as the body, for display.")


class SubmissionForm(SubmissionQuery):
    """The form fields of a submission, without its files."""

    password: Password = None


class Upload(SubmissionForm):
    """One or more PDFs or images and the options for reading them."""

    file: bytes = Field(description="A PDF or an image. The field may be repeated.", json_schema_extra=_BINARY)
    files: list[bytes] = Field([], description="More PDFs or images.", json_schema_extra={"items": _BINARY})


class PasswordForm(BaseModel):
    """The password of an encrypted PDF. The service does not keep passwords, so it must be sent again."""

    password: Password = None


class Query(BaseModel):
    """Base class of query parameters."""

    model_config = ConfigDict(frozen=True)


class JobListQuery(Query):
    """The jobs to list, and the part of the list to return."""

    status: Annotated[frozenset[JobStatus], BeforeValidator(_split_statuses)] = Field(
        frozenset(),
        description="Only jobs with this status, or with one of several, separated by commas.",
        json_schema_extra={"type": "string", "pattern": _STATUSES, "examples": ["failed,partial"]},
    )
    filename: str = Field(
        "", max_length=_MAX_NAME, description="Only jobs whose file name contains this text, in upper or lower case."
    )
    since: Annotated[datetime | None, BeforeValidator(_parse_time)] = Field(
        None,
        description="Only jobs submitted at this time or later: a date, or a time as in `created_at`; UTC by default.",
        json_schema_extra={"type": "string", "pattern": _TIME, "examples": ["2026-11-25T12:53:43Z"]},
    )
    cursor: str | None = Field(
        None,
        pattern=CURSOR,
        description="The `next_cursor` of the part before, of the same list. Jobs that are added or deleted meanwhile "
        "do not shift the parts.",
    )
    offset: WholeNumber = Field(0, ge=0, le=10**9 - 1, description="Number of newer jobs to skip.")
    limit: WholeNumber = Field(50, ge=0, le=1000, description="Maximum number of jobs to list.")


class EventsQuery(Query):
    """The event after which a stream starts."""

    last_event_id: str | None = Field(
        None,
        description="Same as the header `Last-Event-ID`, for clients that cannot send headers.",
        json_schema_extra={"pattern": EVENT_ID},
    )


PARTIAL: Any = Field(
    "false",
    description="If `true`, a running job gives the pages read so far. There is no searchable PDF of them.",
)


class FormatQuery(FormatOptions):
    """Query parameters that change how a document is written, such as `headers=keep`."""

    @property
    def options(self) -> FormatOptions:
        return FormatOptions.model_validate(self.model_dump(include=set(FormatOptions.model_fields)))


class ResultQuery(FormatQuery):
    """The format of a document, and how it is written."""

    format: str = Field("json", description="The format of the document.", json_schema_extra={"enum": list(FORMATS)})
    formats: str | None = Field(
        None,
        description="Formats inside a `zip`, separated by commas.",
        json_schema_extra={"examples": ["md,pdf"]},
    )

    partial: Literal["false", "true"] = PARTIAL


class ArchiveQuery(FormatQuery):
    """The documents to send in one zip, their format, and how they are written."""

    job: list[uuid.UUID] = Field(
        [],
        max_length=MAX_JOBS,
        description=f"The id of a job. Repeat the parameter for each job, up to {MAX_JOBS} times.",
    )
    format: str = Field(
        "md",
        description="The format of each document.",
        json_schema_extra={"enum": [name for name in FORMATS if name != "zip"]},
    )
    partial: Literal["false", "true"] = PARTIAL


class PageImageQuery(Query):
    """The resolution and format of a page image."""

    dpi: WholeNumber = Field(
        100,
        ge=36,
        le=DPI_STEPS[-1],
        description=f"Dots per inch, rounded up to the next of {', '.join(map(str, DPI_STEPS))}.",
    )
    format: Literal["webp", "png", "jpeg"] = Field("webp", description="The format of the image.")


class CancelQuery(Query):
    """Query parameters of `DELETE /jobs/{id}`: `purge=true` also deletes the job."""

    purge: Literal["false", "true"] = Field(
        "false", description="If `true`, the job is deleted with everything that the service has stored about it."
    )


class RetryQuery(Query):
    """The pages to read again."""

    pages: str | None = Field(
        None,
        description="`failed` (the default), or page numbers such as `1-3,7`.",
        json_schema_extra={"pattern": f"^failed$|{PAGES}", "maxLength": 1000, "examples": ["failed"]},
    )


Model = TypeVar("Model", bound=BaseModel)


def parse_query(request: Request, model: type[Model]) -> Model:
    """Return the query parameters of a request. Raises `OptionInvalid`, which names each invalid parameter."""
    return _validate(model, request.args)


def parse_archive_query(request: Request) -> ArchiveQuery:
    """Return the documents that a zip is to contain. Raises `OptionInvalid`."""
    query = _validate(ArchiveQuery, {**request.args.to_dict(), "job": request.args.getlist("job")})
    if not query.job:
        raise OptionInvalid("job: at least one id is required.")
    return query


def parse_form(request: Request, model: type[Model]) -> Model:
    """Return the form fields of a request. An empty field counts as absent.

    Raises `RequestInvalid` for an unknown field, and as `parse_query` does.
    """
    _check_field_names(request, model.model_fields)
    return _validate(model, _filled(request.form))


def _validate(model: type[Model], given: Mapping[str, Any]) -> Model:
    try:
        return model.model_validate({name: given[name] for name in model.model_fields if name in given})
    except ValidationError as error:
        faults = (f"{fault['loc'][0]}: {fault['msg'].removeprefix('Value error, ')}" for fault in error.errors())
        raise OptionInvalid("; ".join(faults)) from error


@contextmanager
def parse_submission(request: Request, *, max_files: int, owner: str | None, request_id: str) -> Iterator[Submission]:
    """Yield the files and options of a request: a form with files, or one file as the body.

    Raises `RequestInvalid`, `UploadMissing` or `OptionInvalid`.
    """
    how: dict[str, Any] = {"owner": owner, "request_id": request_id}
    if request.mimetype == "multipart/form-data":
        uploads = _uploads_of_form(request, max_files)
        fields = _validate(SubmissionForm, {**_options_of_query(request), **_filled(request.form)})
        yield _submission(uploads, fields, fields.password, **how)
    elif request.mimetype == "application/pdf" or request.mimetype.startswith("image/"):
        query = _validate(RawSubmissionQuery, _filled(request.args))
        with tempfile.TemporaryFile() as file:  # on disk, as the files of a form
            shutil.copyfileobj(request.stream, file)
            file.seek(0)
            yield _submission([(_raw_filename(request, query), file)], query, None, **how)
    else:
        raise RequestInvalid(
            "Send the file as multipart/form-data, in the field `file`: curl -F file=@document.pdf …; or as the body, "
            "with the header `Content-Type: application/pdf` or that of an image."
        )


def _submission(
    uploads: list[tuple[str, IO[bytes]]], chosen: SubmissionQuery, password: str | None, **how: Any
) -> Submission:
    options = Options.model_validate({name: getattr(chosen, name) for name in Options.model_fields})
    return Submission(
        uploads=uploads,
        options=options,
        password=password,
        callback_url=chosen.callback_url,
        callback_format=chosen.callback_format,
        **how,
    )


def _options_of_query(request: Request) -> dict[str, str]:
    return {name: value for name, value in _filled(request.args).items() if name in SubmissionQuery.model_fields}


def _filled(given: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in given.items() if value}


def _raw_filename(request: Request, query: RawSubmissionQuery) -> str:
    is_pdf = request.mimetype == "application/pdf"
    unnamed = "document.pdf" if is_pdf else f"image{mimetypes.guess_extension(request.mimetype) or ''}"
    return sanitize_filename(query.filename or unnamed)


def _uploads_of_form(request: Request, max_files: int) -> list[tuple[str, IO[bytes]]]:
    uploads = [
        (sanitize_filename(upload.filename), upload.stream)
        for field in _FILES
        for upload in request.files.getlist(field)
        if upload.filename
    ]
    _check_field_names(request, Upload.model_fields)
    if not uploads:
        raise UploadMissing
    if len(uploads) > max_files:
        raise RequestInvalid(
            f"This endpoint accepts at most {max_files} file{'s' if max_files > 1 else ''} per request."
        )
    return uploads


def parse_idempotency_key(request: Request) -> str | None:
    """Return the `Idempotency-Key` of a request, None without one. Raises `OptionInvalid`."""
    key = request.headers.get("Idempotency-Key")
    if key is not None and not 0 < len(key) <= _MAX_NAME:
        raise OptionInvalid(f"Idempotency-Key must have 1 to {_MAX_NAME} characters.")
    return key


def parse_page_image_request(request: Request, job_id: str, page_number: int) -> PageImageRequest:
    """Return the requested image of a page. Raises `OptionInvalid` or `PageUnknown`."""
    image = parse_query(request, PageImageQuery)
    if not 1 <= page_number < 10**6:
        raise PageUnknown
    return PageImageRequest(job_id=job_id, page_number=page_number, dpi=round_up_dpi(image.dpi), form=image.format)


def sanitize_filename(filename: str | None) -> str:
    """Return the last part of a client's file name without control characters, for display. Never use it as a path."""
    last = PurePosixPath(PureWindowsPath(filename or "").name).name
    return "".join(character for character in last if character.isprintable())[:_MAX_NAME] or "document.pdf"


def check_parameter_names(request: Request, query: type[BaseModel] | None, form: type[BaseModel] | None) -> None:
    """Refuse a query parameter that the view does not know, or that must be a form field.

    With a misspelt option, a document would be read in another way than asked. Raises `RequestInvalid`.
    """
    fields = form.model_fields if form else {}
    for name in request.args:
        if query is None or name not in query.model_fields:
            if name in fields:
                raise RequestInvalid(f"{name!r} is a form field, not a query parameter.")
            raise _unknown("query parameter", name, query.model_fields if query else ())


def _check_field_names(request: Request, known: Collection[str]) -> None:
    names = {name or "" for name in (*request.form, *request.files)}  # a part may have no name
    for name in sorted(names - set(known)):
        raise _unknown("form field", name, known)


def _unknown(what: str, name: str, known: Collection[str]) -> RequestInvalid:
    if not known:
        return RequestInvalid(f"Unknown {what} {name!r}; this address has none.")
    near = get_close_matches(name.lower(), known, n=1)
    guess = f"did you mean {near[0]!r}? Known" if near else "known"
    return RequestInvalid(f"Unknown {what} {name[:_MAX_NAME]!r}; {guess} {what}s are {', '.join(sorted(known))}.")
