"""The result of an ended job in any format, made from the stored pages while it is sent."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import PurePath

from slimgest_celery.errors import OptionInvalid, ResultNotReady
from slimgest_celery.formats.document.pages import DocumentContext, find_context
from slimgest_celery.formats.registry import FORMATS, PageFormat
from slimgest_celery.formats.zip_archive import zip_stream
from slimgest_celery.jobs.searchable_pdf import EXPORT_WAIT_S, SearchablePdfs, file_name
from slimgest_celery.jobs.service import JobService
from slimgest_celery.models.job import Document
from slimgest_celery.models.record import now
from slimgest_celery.models.results import FormatOptions
from slimgest_celery.storage.job_files import JobFiles, StoredPage

_MAX_SIZES = 1000
_MAX_CONTEXTS = 20
_DEFAULTS = FormatOptions()
_ZIPPED = ("json", "md", "txt")  # the default content of a zip


@dataclass(frozen=True, kw_only=True)
class Result:
    """A document in some format."""

    media_type: str
    stem: str  # of the PDF's file name, for the client to save the document under
    suffix: str
    version: str  # equal for equal bytes: a retry, or another release of slimgest, makes another document
    modified: datetime
    size: int | None  # None: known only after the document was written once (`measured_size`)
    chunks: Callable[[int], Iterator[bytes]]  # from this byte on

    def measured_size(self) -> int:
        """Return the size. A size that is not known is measured by writing the whole document."""
        return self.size if self.size is not None else _measured_size(self)


class Results:
    """The results of all jobs."""

    def __init__(self, jobs: JobService, files: JobFiles, searchable_pdfs: SearchablePdfs) -> None:
        self._jobs = jobs
        self._files = files
        self._searchable_pdfs = searchable_pdfs

    def open(
        self,
        job_id: str,
        form: str,
        parts: str | None = None,
        options: FormatOptions = _DEFAULTS,
        password: str | None = None,
        *,
        partial: bool = False,
        wait_s: float = EXPORT_WAIT_S,
    ) -> Result | None:
        """Return the document of an ended job, or None while a worker makes its searchable PDF: ask again later.

        `parts` are the formats in a zip, separated by commas. `password` opens an encrypted PDF to make it searchable.
        With `partial`, a running job gives the pages read so far; there is no searchable PDF of them. `wait_s` is how
        long to wait for a searchable PDF.
        Raises `OptionInvalid`, `ResultNotReady`, `FormatFailed`, `PdfEncrypted`, `PdfWrongPassword`, and as
        `JobService.job`.
        """
        forms = _select_formats(form, parts)
        head = self._jobs.document_head(job_id)
        if not head.status.ended and (not partial or "pdf" in forms):
            raise ResultNotReady
        if "pdf" in forms and not self._searchable_pdfs.ready(head, password, wait_s):
            return None
        completed_at = head.completed_at or now()
        return Result(
            media_type=FORMATS[form].media_type,
            stem=PurePath(head.filename).stem,
            suffix=FORMATS[form].suffix,
            version=_version(head.job_id, completed_at, form, forms, options),
            modified=completed_at,
            size=self._files.export_size(head.job_id, file_name(completed_at)) if form == "pdf" else None,
            chunks=lambda start: self._chunks_from(start, head, form, forms, options),
        )

    def _chunks_from(
        self, start: int, head: Document, form: str, forms: list[str], options: FormatOptions
    ) -> Iterator[bytes]:
        if form == "pdf":
            return self._files.export(head.job_id, file_name(head.completed_at or now()), start)
        if form != "zip":
            return skip_bytes(start, self._chunks(head, form, options))
        entries = ((name, self._chunks(head, part, options)) for name, part in _zip_entries(forms))
        return skip_bytes(start, zip_stream(entries, head.completed_at or now()))

    def _chunks(self, head: Document, form: str, options: FormatOptions) -> Iterator[bytes]:
        writer = FORMATS[form]
        if isinstance(writer, PageFormat):
            context = self._context(head) if writer.needs_context else DocumentContext()
            return writer.chunks(head, _with_pauses(self._jobs.pages(head.job_id)), options, context)
        return self._files.export(head.job_id, file_name(head.completed_at or now()))

    def _context(self, head: Document) -> DocumentContext:
        """Return what the formats for readers need to know of all pages. From a job's end to a retry it is the same."""
        key = f"{head.job_id} {head.completed_at}"
        if key in _contexts:
            return _contexts[key]
        found = find_context(_with_pauses(self._jobs.pages(head.job_id)))
        if head.completed_at:
            _contexts[key] = found
            while len(_contexts) > _MAX_CONTEXTS:
                _contexts.popitem(last=False)
        return found


def _with_pauses(pages: Iterator[StoredPage]) -> Iterator[StoredPage]:
    """Yield the pages, and let gevent serve other requests between them."""
    for page in pages:
        yield page
        time.sleep(0)


def _version(job_id: str, completed_at: datetime, form: str, forms: list[str], options: FormatOptions) -> str:
    parts = (version("slimgest"), job_id, completed_at.isoformat(), form, *forms, options.model_dump_json())
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:32]


def skip_bytes(start: int, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the bytes from `start` on. An empty chunk replaces each one left out: see formats/registry.py."""
    for chunk in chunks:
        yield chunk[start:]
        start = max(0, start - len(chunk))


_contexts: OrderedDict[str, DocumentContext] = OrderedDict()  # by job and its end; some 100 kB for a thousand pages
_sizes: OrderedDict[str, int] = OrderedDict()  # by version, for clients that ask for one part after another


def _measured_size(result: Result) -> int:
    if result.version not in _sizes:
        size = 0
        for chunk in result.chunks(0):
            size += len(chunk)
            time.sleep(0)  # lets gevent serve other requests
        _sizes[result.version] = size
        while len(_sizes) > _MAX_SIZES:
            _sizes.popitem(last=False)
    return _sizes[result.version]


def _select_formats(form: str, parts: str | None) -> list[str]:
    """Return the formats to write. Raises `OptionInvalid`."""
    if form not in FORMATS:
        raise OptionInvalid(f"format must be one of {', '.join(FORMATS)}.")
    if form != "zip":
        return [form]
    forms = list(dict.fromkeys(parts.split(",") if parts else _ZIPPED))
    known = [name for name in FORMATS if name != "zip"]
    if not set(forms) <= set(known):
        raise OptionInvalid(f"formats must be some of {', '.join(known)}, separated by commas.")
    return forms


def _zip_entries(forms: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield the file name in the zip and the format. The client's file name is not used: it is no safe path."""
    taken: set[str] = set()
    for form in forms:
        suffix = FORMATS[form].suffix
        yield f"document.{form}{suffix}" if suffix in taken else f"document{suffix}", form
        taken.add(suffix)
