"""An ended job's result, as its owner asks for it: made from the stored pages while it is sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePath

from . import exports
from .errors import OptionInvalid, ResultNotReady
from .formats import FORMATS, PageFormat
from .formats.archive import zipped
from .jobs import Jobs
from .model import Document, now

_ZIPPED = ("json", "md", "txt")  # unless others are asked for


@dataclass(frozen=True, kw_only=True)
class Result:
    """A document in some format."""

    media_type: str
    filename: str  # after that of the PDF, for whoever saves it
    chunks: Iterator[bytes]


def result(jobs: Jobs, job_id: str, form: str, parts: str | None = None, password: str | None = None) -> Result | None:
    """The document of an ended job, or None while a worker makes its searchable PDF: then it is to be asked for again.

    `parts`, of a zip, are formats divided by commas. A password opens an encrypted PDF to be made searchable. Raises
    `OptionInvalid`, `ResultNotReady`, `FormatFailed`, `PdfEncrypted`, `PdfWrongPassword`, and as `Jobs.job`.
    """
    forms = _checked(form, parts)
    head = jobs.head(job_id)
    if not head.status.ended:
        raise ResultNotReady
    if "pdf" in forms and not exports.made(jobs, head, password):
        return None
    if form == "zip":
        files = ((name, _chunks(jobs, head, part)) for name, part in _entries(forms))
        chunks = zipped(files, head.completed_at or now())
    else:
        chunks = _chunks(jobs, head, form)
    filename = PurePath(head.filename).stem + FORMATS[form].suffix
    return Result(media_type=FORMATS[form].media_type, filename=filename, chunks=chunks)


def _checked(form: str, parts: str | None) -> list[str]:
    """The formats to be written; raises `OptionInvalid`."""
    if form not in FORMATS:
        raise OptionInvalid(f"format must be one of {', '.join(FORMATS)}.")
    if form != "zip":
        return [form]
    forms = list(dict.fromkeys(parts.split(",") if parts else _ZIPPED))
    known = [name for name in FORMATS if name != "zip"]
    if not set(forms) <= set(known):
        raise OptionInvalid(f"formats must be some of {', '.join(known)}, divided by commas.")
    return forms


def _entries(forms: Iterable[str]) -> Iterator[tuple[str, str]]:
    """What each format's file in a zip is called. A client's file name is no path, so it plays no part in that."""
    taken: set[str] = set()
    for form in forms:
        suffix = FORMATS[form].suffix
        yield f"document.{form}{suffix}" if suffix in taken else f"document{suffix}", form
        taken.add(suffix)


def _chunks(jobs: Jobs, head: Document, form: str) -> Iterator[bytes]:
    writer = FORMATS[form]
    if isinstance(writer, PageFormat):
        return writer.chunks(head, jobs.pages(head.job_id))
    return jobs.files.export(head.job_id, exports.file_name(head.completed_at or now()))
