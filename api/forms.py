"""Requests turned into what `jobs` takes; every mistake in them becomes one clear sentence.

The models here are what a request is read with and, in openapi.py, what it is described by.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath, PureWindowsPath
from typing import Annotated, Any, Literal, TypeVar

from flask import Request
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from slimgest_celery.errors import OptionInvalid, PageUnknown, RequestInvalid, UploadMissing
from slimgest_celery.formats import FORMATS
from slimgest_celery.images import DPI_STEPS, ImageAsked, step
from slimgest_celery.model import PAGES, Options
from slimgest_celery.submission import Submission

from .description import EVENT_ID

_FILES = ("file", "files")
_MAX_NAME = 255
_MAX_PASSWORD = 512
_MAX_URL = 2048
_BINARY: dict[str, Any] = {"type": "string", "format": "binary"}


def _digits(value: Any) -> Any:
    """Python's `int` takes more than digits."""
    if isinstance(value, str) and not (value.isascii() and value.isdigit() and len(value) <= 9):
        raise ValueError("must be a whole number of at most 9 digits")
    return value


WholeNumber = Annotated[int, BeforeValidator(_digits)]
Password = Annotated[
    str | None,
    Field(
        max_length=_MAX_PASSWORD,
        description="Opens an encrypted PDF; not kept once the job has ended.",
        json_schema_extra={"examples": [""]},  # Swagger UI would send a word of its own
    ),
]


class Form(Options):
    """A submission's form fields, beside its files."""

    password: Password = None
    callback_url: str | None = Field(
        None,
        description="Gets a signed message when the job has ended (see Webhooks in the README).",
        json_schema_extra={"format": "uri", "maxLength": _MAX_URL, "examples": [""]},
    )


class Upload(Form):
    """One PDF or several, and how to read them."""

    file: bytes = Field(description="A PDF; may stand several times.", json_schema_extra=_BINARY)
    files: list[bytes] = Field([], description="More of them.", json_schema_extra={"items": _BINARY})


class Unlocking(BaseModel):
    """The password of an encrypted PDF, which is not kept, again."""

    password: Password = None


class Query(BaseModel):
    """Base of query parameters: those that are not known are passed over."""

    model_config = ConfigDict(frozen=True)


class Part(Query):
    """Which jobs are listed."""

    offset: WholeNumber = Field(0, ge=0, le=10**9 - 1, description="How many newer jobs to pass over.")
    limit: WholeNumber = Field(50, ge=0, le=1000, description="How many jobs to list at most.")


class After(Query):
    """From where on events are told."""

    last_event_id: str | None = Field(
        None,
        description="As the header `Last-Event-ID`, for those who cannot send one.",
        json_schema_extra={"pattern": EVENT_ID},
    )


class Wanted(Query):
    """In which form a document is wanted."""

    format: str = Field("json", description="The form of the document.", json_schema_extra={"enum": list(FORMATS)})
    formats: str | None = Field(
        None,
        description="What a `zip` is to hold: formats, divided by commas.",
        json_schema_extra={"examples": ["md,pdf"]},
    )


class Image(Query):
    """How a page is drawn."""

    dpi: WholeNumber = Field(
        100,
        ge=36,
        le=DPI_STEPS[-1],
        description=f"Dots per inch; the next of {', '.join(map(str, DPI_STEPS))} is drawn.",
    )
    format: Literal["webp", "png", "jpeg"] = Field("webp", description="The form of the image.")


class Again(Query):
    """Which pages are read again."""

    pages: str | None = Field(
        None,
        description="`failed`, the default, or pages such as `1-3,7`.",
        json_schema_extra={"pattern": f"^failed$|{PAGES}", "maxLength": 1000, "examples": ["failed"]},
    )


Model = TypeVar("Model", bound=BaseModel)


def query(request: Request, model: type[Model]) -> Model:
    """A request's query parameters; raises `OptionInvalid`, which names each wrong one."""
    return _read(model, request.args)


def form(request: Request, model: type[Model]) -> Model:
    """A request's form fields; an empty one counts as absent. Raises as `query`."""
    return _read(model, {name: value for name, value in request.form.items() if value})


def _read(model: type[Model], given: Mapping[str, str]) -> Model:
    try:
        return model.model_validate({name: given[name] for name in model.model_fields if name in given})
    except ValidationError as error:
        faults = (f"{fault['loc'][0]}: {fault['msg'].removeprefix('Value error, ')}" for fault in error.errors())
        raise OptionInvalid("; ".join(faults)) from error


def submission(request: Request, *, most: int, owner: str | None, request_id: str) -> Submission:
    """The PDFs and options of a multipart request; raises `RequestInvalid`, `UploadMissing` or `OptionInvalid`."""
    if request.mimetype != "multipart/form-data":
        raise RequestInvalid("Send the PDF as multipart/form-data, in the field `file`: curl -F file=@document.pdf …")
    uploads = [
        (shown_name(upload.filename), upload.stream)
        for field in _FILES
        for upload in request.files.getlist(field)
        if upload.filename
    ]
    _check_names(request)
    if not uploads:
        raise UploadMissing
    if len(uploads) > most:
        raise RequestInvalid(f"This address takes at most {most} PDF{'s' if most > 1 else ''} a request.")
    sent = form(request, Form)
    return Submission(
        uploads=uploads,
        options=Options(dpi=sent.dpi, mode=sent.mode, pages=sent.pages),
        password=sent.password,
        owner=owner,
        request_id=request_id,
        callback_url=sent.callback_url,
    )


def idempotency_key(request: Request) -> str | None:
    """The `Idempotency-Key` of a request; raises `OptionInvalid`."""
    key = request.headers.get("Idempotency-Key")
    if key is not None and not 0 < len(key) <= _MAX_NAME:
        raise OptionInvalid(f"Idempotency-Key must have 1 to {_MAX_NAME} characters.")
    return key


def image_asked(request: Request, job_id: str, page_number: int) -> ImageAsked:
    """Which image of a page is asked for; raises `OptionInvalid` or `PageUnknown`."""
    asked = query(request, Image)
    if not 1 <= page_number < 10**6:
        raise PageUnknown
    return ImageAsked(job_id=job_id, page_number=page_number, dpi=step(asked.dpi), form=asked.format)


def shown_name(filename: str | None) -> str:
    """A client's file name for showing: its last part, without control characters. Never used as a path."""
    last = PurePosixPath(PureWindowsPath(filename or "").name).name
    return "".join(character for character in last if character.isprintable())[:_MAX_NAME] or "document.pdf"


def _check_names(request: Request) -> None:
    unknown = sorted({*request.form, *request.files} - set(Upload.model_fields))
    if unknown:
        known = ", ".join(sorted(Upload.model_fields))
        raise RequestInvalid(f"Unknown form field {unknown[0]!r}; this service knows {known}.")
