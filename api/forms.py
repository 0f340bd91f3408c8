"""Requests turned into what `jobs` takes; every mistake in them becomes one clear sentence."""

from __future__ import annotations

from pathlib import PurePosixPath, PureWindowsPath

from flask import Request
from pydantic import ValidationError

from slimgest_celery.errors import OptionInvalid, PageUnknown, RequestInvalid, UploadMissing
from slimgest_celery.images import DPI_STEPS, MEDIA_TYPES, ImageAsked, step
from slimgest_celery.jobs import Submission
from slimgest_celery.model import Options

_FILES = ("file", "files")
_FIELDS = {*Options.model_fields, "password", "callback_url"}
_MAX_NAME = 255
_MAX_PASSWORD = 512
_LEAST_DPI = 36


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
    return Submission(
        uploads=uploads,
        options=options(request),
        password=password(request),
        owner=owner,
        request_id=request_id,
        callback_url=request.form.get("callback_url") or None,
    )


def idempotency_key(request: Request) -> str | None:
    """The `Idempotency-Key` of a request; raises `OptionInvalid`."""
    key = request.headers.get("Idempotency-Key")
    if key is not None and not 0 < len(key) <= _MAX_NAME:
        raise OptionInvalid(f"Idempotency-Key must have 1 to {_MAX_NAME} characters.")
    return key


def options(request: Request) -> Options:
    """A form's options; raises `OptionInvalid`, which names each wrong one."""
    given = {name: request.form[name] for name in Options.model_fields if request.form.get(name)}
    try:
        return Options.model_validate(given)
    except ValidationError as error:
        raise OptionInvalid("; ".join(f"{fault['loc'][0]}: {fault['msg']}" for fault in error.errors())) from error


def whole_number(request: Request, name: str, default: int, most: int) -> int:
    """A query parameter from 0 to `most`; raises `OptionInvalid`."""
    text = request.args.get(name, str(default))
    if not text.isascii() or not text.isdigit() or len(text) > 9 or int(text) > most:
        raise OptionInvalid(f"{name} must be a whole number from 0 to {most}.")
    return int(text)


def image_asked(request: Request, job_id: str, page_number: int) -> ImageAsked:
    """Which image of a page is asked for, by `dpi` and `format`; raises `OptionInvalid` or `PageUnknown`."""
    dpi, form = whole_number(request, "dpi", 100, DPI_STEPS[-1]), request.args.get("format", "webp")
    if form not in MEDIA_TYPES:
        raise OptionInvalid(f"format must be one of {', '.join(MEDIA_TYPES)}.")
    if dpi < _LEAST_DPI:
        raise OptionInvalid(f"dpi must be a whole number from {_LEAST_DPI} to {DPI_STEPS[-1]}.")
    if not 1 <= page_number < 10**6:
        raise PageUnknown
    return ImageAsked(job_id=job_id, page_number=page_number, dpi=step(dpi), form=form)


def shown_name(filename: str | None) -> str:
    """A client's file name for showing: its last part, without control characters. Never used as a path."""
    last = PurePosixPath(PureWindowsPath(filename or "").name).name
    return "".join(character for character in last if character.isprintable())[:_MAX_NAME] or "document.pdf"


def _check_names(request: Request) -> None:
    unknown = sorted({*request.form, *request.files} - _FIELDS - set(_FILES))
    if unknown:
        known = ", ".join(sorted(_FIELDS | set(_FILES)))
        raise RequestInvalid(f"Unknown form field {unknown[0]!r}; this service knows {known}.")


def password(request: Request) -> str | None:
    """A form's password; raises `OptionInvalid`."""
    given = request.form.get("password")
    if given and len(given) > _MAX_PASSWORD:
        raise OptionInvalid(f"password: must have at most {_MAX_PASSWORD} characters")
    return given or None
