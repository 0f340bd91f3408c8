"""A job's pages as they were read before, in whatever job, and its own for the next one.

A page is known by its fingerprint, the owner of its job, and all that its reading depends on: options, engine, model,
settings, and this package's own code, so that no release serves what another has read. Recalling saves time and costs
no page: where Redis or storage fail it, pages are read.
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

from .desk import Desk
from .engines import Engine, OwnModel
from .errors import StorageUnavailable
from .model import Job, Mode, Page, PageSeconds
from .open_jobs import OpenJob
from .spans import sample

_SETTINGS = ("max_page_pixels", "nemotron_lang", "nemotron_merge_level", "nemotron_infer_length")
# Pages looked up and stored at once, and the longest time before the others are sent to be read.
_AT_ONCE, _MANY_S = 16, 3.0
_log = logging.getLogger(__name__)


class Recall:
    """What is known of one job's pages while its PDF is at hand."""

    def __init__(self, desk: Desk, job: Job, fingerprint: Callable[[int], bytes | None], serves: bool) -> None:
        """`fingerprint` gives that of the page with a number; unless it `serves`, nothing is found, only kept."""
        self._desk, self._job, self._serves = desk, job, serves
        self._fingerprint = fingerprint
        self._way = _way_of_reading(desk, job)
        self._keys: dict[int, bytes] = {}  # of the pages that were asked for
        self.served = 0  # pages that nobody had to read

    def page(self, page_number: int) -> Page | None:
        """This page, if it was read before."""
        return self.pages([page_number]).get(page_number)

    def pages(self, page_numbers: Sequence[int]) -> dict[int, Page]:
        """Those of these pages that were read before, ascending, as pages of this job."""
        for number in page_numbers:
            if fingerprint := self._fingerprint(number):
                self._keys[number] = hashlib.sha256(self._way + fingerprint).digest()
        keys = {number: self._keys[number] for number in page_numbers if number in self._keys}
        if not keys or not self._serves:
            return {}
        try:
            found = self._desk.jobs.page_cache.find(list(keys.values()), self._job.owner)
        except (RedisError, StorageUnavailable, ValidationError):  # the last: a record torn by a loss of power
            _log.exception("pages not recalled", extra={"job_id": self._job.job_id})
            return {}
        served = {number: self._as_own(found[key], number) for number, key in keys.items() if key in found}
        self.served += len(served)
        return served

    def many(self, page_numbers: Sequence[int]) -> Iterator[list[Page]]:
        """Those of these pages that were read before, some at a time: a task for each would cost more than it does.

        Where a few of them are all new, the rest is not looked for; nor for longer than what others will wait.
        """
        deadline_s = time.monotonic() + _MANY_S
        if not self.pages(sample(page_numbers)):
            return
        for start in range(0, len(page_numbers), _AT_ONCE):
            if time.monotonic() > deadline_s:
                return
            if found := self.pages(page_numbers[start : start + _AT_ONCE]):
                yield list(found.values())

    def keep(self, pages: Sequence[Page]) -> None:
        """Makes those of these stored pages known that were asked for before they were read."""
        read = {page.page_number: page for page in pages if page.status == "ok"}
        keys = {number: self._keys[number] for number in read if number in self._keys}
        try:
            self._desk.jobs.page_cache.put(self._job.job_id, keys)
        except RedisError:
            _log.exception("pages not kept for others", extra={"job_id": self._job.job_id})

    def _as_own(self, page: Page, page_number: int) -> Page:
        own = {"page_number": page_number, "worker": self._desk.worker, "attempts": 1, "seconds": PageSeconds()}
        return page.model_copy(update={**own, "cached": True})


def recalling(desk: Desk, job: OpenJob, serves: bool = True) -> Recall:
    """Recall for an open job; where the cache is off, or nothing is to be read by OCR, it is empty."""
    if not desk.jobs.settings.page_cache or job.record.options.mode == Mode.TEXT:
        return Recall(desk, job.record, lambda _number: None, serves=False)
    return Recall(desk, job.record, job.fingerprints.of, serves)


def _way_of_reading(desk: Desk, job: Job) -> bytes:
    """A hash of whose the job is, and of all but the page itself that its reading depends on."""
    settings = [getattr(desk.jobs.settings, name) for name in _SETTINGS]
    said = (job.owner, job.options.dpi, job.options.mode.value, *_engine(desk.engine), *settings, _code())
    return hashlib.sha256(repr(said).encode()).digest()


def _engine(engine: Engine) -> tuple[str, str, str]:
    return engine.name, engine.version, engine.model if isinstance(engine, OwnModel) else ""


@cache
def _code() -> str:
    """A hash of the code that makes pages of what is on them: this package, and PDFium."""
    digest = hashlib.sha256(version("pypdfium2").encode())
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
