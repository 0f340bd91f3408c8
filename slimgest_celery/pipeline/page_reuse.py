"""The page cache: pages that earlier jobs have read are reused, and new pages are offered to later jobs.

The key of a page is a hash of its fingerprint, the owner of its job, and everything that its reading depends on:
options, engine, model, settings, and the code of this package, so that no release reuses the pages of another. A
failure of the cache never fails a page: if Redis or storage is unavailable, the page is read.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path

from pydantic import ValidationError
from redis.exceptions import RedisError

from slimgest_celery.engines.protocol import HasModelHash, OcrEngine
from slimgest_celery.errors import StorageUnavailable
from slimgest_celery.models.job import Job, Mode
from slimgest_celery.models.page import Page, PageSeconds
from slimgest_celery.pipeline.context import WorkerContext
from slimgest_celery.pipeline.page_range import sample
from slimgest_celery.pipeline.pdf_session import PdfSession

_SETTINGS = (
    "max_page_pixels",
    "read_pictures",
    "layout",
    "ocr_quality",
    "nemotron_lang",
    "nemotron_merge_level",
    "nemotron_infer_length",
)
_BATCH = 16  # pages looked up and stored together
_BATCHES_S = 3.0  # the longest time of the look-up in ingest; the other pages are then sent to be read
_log = logging.getLogger(__name__)


class PageReuse:
    """The cache, as seen by one job while its PDF is open."""

    def __init__(
        self, context: WorkerContext, job: Job, fingerprint: Callable[[int], bytes | None], serves: bool
    ) -> None:
        """`fingerprint` maps a page number to the fingerprint. Without `serves`, pages are added but never found."""
        self._context, self._job, self._serves = context, job, serves
        self._fingerprint = fingerprint
        self._common_key = _common_key(context, job)
        self._keys: dict[int, bytes] = {}  # by page number, of all pages that were looked up

    def page(self, page_number: int) -> Page | None:
        """Return the page if it is in the cache."""
        return self.pages([page_number]).get(page_number)

    def pages(self, page_numbers: Sequence[int]) -> dict[int, Page]:
        """Return those of these pages that are in the cache, in ascending order, as pages of this job."""
        for number in page_numbers:
            if fingerprint := self._fingerprint(number):
                self._keys[number] = hashlib.sha256(self._common_key + fingerprint).digest()
        keys = {number: self._keys[number] for number in page_numbers if number in self._keys}
        if not keys or not self._serves:
            return {}
        try:
            cached = self._context.page_index.find(list(keys.values()), self._job.owner)
        except (RedisError, StorageUnavailable, ValidationError):  # the last: a record damaged by a loss of power
            _log.exception("page cache not read", extra={"job_id": self._job.job_id})
            return {}
        return {number: self._as_own(cached[key], number) for number, key in keys.items() if key in cached}

    def find_in_batches(self, page_numbers: Sequence[int]) -> Iterator[list[Page]]:
        """Yield cached pages in batches: a task for each of them would cost more than the look-up.

        Stops if a sample of the pages has no hit, or after `_BATCHES_S` seconds, because other jobs wait.
        """
        deadline_s = time.monotonic() + _BATCHES_S
        if not self.pages(sample(page_numbers)):
            return
        for start in range(0, len(page_numbers), _BATCH):
            if time.monotonic() > deadline_s:
                return
            if found := self.pages(page_numbers[start : start + _BATCH]):
                yield list(found.values())

    def add(self, pages: Sequence[Page]) -> None:
        """Add stored pages to the cache, if they were looked up before they were read."""
        numbers = [page.page_number for page in pages if page.status == "ok"]
        keys = {number: self._keys[number] for number in numbers if number in self._keys}
        try:
            self._context.page_index.put(self._job.job_id, keys)
        except RedisError:
            _log.exception("page cache not written", extra={"job_id": self._job.job_id})

    def _as_own(self, page: Page, page_number: int) -> Page:
        own = {"page_number": page_number, "worker": self._context.worker, "attempts": 1, "seconds": PageSeconds()}
        return page.model_copy(update={**own, "cached": True})


def page_reuse_for(context: WorkerContext, session: PdfSession, serves: bool = True) -> PageReuse:
    """Return the cache for an open job. It is empty if the setting is off, or if nothing is read by OCR."""
    if not context.settings.page_cache or session.record.options.mode == Mode.TEXT:
        return PageReuse(context, session.record, lambda _number: None, serves=False)
    return PageReuse(context, session.record, session.fingerprints.of, serves)


def _common_key(context: WorkerContext, job: Job) -> bytes:
    """Return a hash of the owner, and of everything but the page itself that the reading depends on."""
    settings = [getattr(context.settings, name) for name in _SETTINGS]
    options = job.options.dpi, job.options.mode.value, job.options.languages
    engines = *_engine_key(context.engine), context.reader.engines.key
    parts = (job.owner, *options, *engines, *settings, _code_hash())
    return hashlib.sha256(repr(parts).encode()).digest()


def _engine_key(engine: OcrEngine) -> tuple[str, str, str]:
    return engine.name, engine.version, engine.model if isinstance(engine, HasModelHash) else ""


@cache
def _code_hash() -> str:
    return hash_code(Path(__file__).parents[1])


def hash_code(package: Path) -> str:
    """Return a hash of everything that turns a page into its record: all files of the package, and PDFium's version.

    OCR models are left out: their engine has their hash, and 37 MB take a tenth of a second.
    """
    digest = hashlib.sha256(version("pypdfium2").encode())
    for path in sorted(package.rglob("*")):
        if path.is_file() and path.suffix not in (".pyc", ".onnx"):
            digest.update(path.read_bytes())
    return digest.hexdigest()
