"""The documents of several jobs in one zip, each under its own name, made while it is sent."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence

from slimgest_celery.errors import OptionInvalid
from slimgest_celery.formats.registry import FORMATS
from slimgest_celery.formats.zip_archive import zip_stream
from slimgest_celery.jobs.results import Result, Results, skip_bytes
from slimgest_celery.models.results import FormatOptions

MAX_JOBS = 80  # an address is then shorter than the 4 kB that HTTP servers accept
_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]')  # in file names of Windows
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # devices of Windows
_MAX_STEM = 150  # characters; with its suffix, a name in any script fits into 255 UTF-16 units
_ZIP = FORMATS["zip"]
_DEFAULTS = FormatOptions()


class ResultArchives:
    """Zips of results of several jobs."""

    def __init__(self, results: Results) -> None:
        self._results = results

    def open(
        self, job_ids: Sequence[str], form: str, options: FormatOptions = _DEFAULTS, *, partial: bool = False
    ) -> Result | None:
        """Return a zip of the jobs' documents in their order, or None while workers make searchable PDFs.

        With `partial`, a running job gives the pages read so far. Raises as `Results.open` does for one of the jobs, so
        that nothing is missing without a word.
        """
        if form not in FORMATS or form == "zip":
            raise OptionInvalid(f"format must be one of {', '.join(name for name in FORMATS if name != 'zip')}.")
        found = [
            self._results.open(job_id, form, options=options, partial=partial, wait_s=0)
            for job_id in dict.fromkeys(job_ids)
        ]
        documents = [document for document in found if document is not None]
        if len(documents) < len(found):
            return None
        modified = max(document.modified for document in documents)
        names = safe_names([(document.stem, document.suffix) for document in documents])

        def chunks(start: int) -> Iterator[bytes]:
            entries = ((name, document.chunks(0)) for name, document in zip(names, documents, strict=True))
            return skip_bytes(start, zip_stream(entries, modified))

        return Result(
            media_type=_ZIP.media_type,
            stem="documents",
            suffix=_ZIP.suffix,
            version=hashlib.sha256(" ".join(document.version for document in documents).encode()).hexdigest()[:32],
            modified=modified,
            size=None,
            chunks=chunks,
        )


def safe_names(names: Sequence[tuple[str, str]]) -> list[str]:
    """Return a file name for each stem and suffix: no path, valid on every system, and different from all others."""
    taken: set[str] = set()
    found = []
    for stem, suffix in names:
        plain = _safe_stem(stem)
        name, count = plain + suffix, 1
        while name.casefold() in taken:
            count += 1
            name = f"{plain} ({count}){suffix}"
        taken.add(name.casefold())
        found.append(name)
    return found


def _safe_stem(stem: str) -> str:
    plain = _FORBIDDEN.sub("_", stem)[:_MAX_STEM].strip(" .")
    return f"_{plain}" if not plain or _RESERVED.fullmatch(plain) else plain
