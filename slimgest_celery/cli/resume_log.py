"""The log of an output folder, with which the same command resumes an interrupted run.

`.slimgest.jsonl` in the folder gets a line when a PDF is started and when it has ended. A PDF that was read completely
and has not changed is skipped. A PDF that was started is submitted with the same Idempotency-Key, so that the service
does not read it twice if it has gone on in the meantime.
"""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path
from uuid import uuid4

from pydantic import ValidationError

from slimgest_celery.models.job import JobStatus, Options
from slimgest_celery.models.record import Record

NAME = ".slimgest.jsonl"


class Entry(Record):
    """The latest state of a PDF."""

    name: str  # the place of its results, relative to the folder
    print: str  # a fingerprint of the file and the options
    key: str  # the Idempotency-Key of its submission
    status: JobStatus | None = None  # None: started


class ResumeLog:
    """The resume log of one output folder. Several threads of one process may share it."""

    def __init__(self, folder: Path, options: Options) -> None:
        self._path = folder / NAME
        self._options = options
        self._lock = threading.Lock()
        self._last: dict[str, Entry] = {}
        if self._path.is_file():
            for line in self._path.read_text(encoding="utf-8").splitlines():
                self._load(line)

    def is_done(self, pdf: Path, name: Path) -> bool:
        """Return True if this PDF was read completely, with the same options."""
        entry = self._current(pdf, name)
        return entry is not None and entry.status == JobStatus.COMPLETED

    def mark_started(self, pdf: Path, name: Path) -> str:
        """Log that reading a PDF starts, and return the Idempotency-Key for its submission."""
        entry = self._current(pdf, name)
        if entry is None or entry.status not in (None, JobStatus.COMPLETED):
            entry = Entry(name=name.as_posix(), print=self._fingerprint(pdf), key=uuid4().hex)
        self._append(entry.model_copy(update={"status": None}))
        return entry.key

    def mark_done(self, name: Path, status: JobStatus) -> None:
        """Log the end of a PDF that was started."""
        self._append(self._last[name.as_posix()].model_copy(update={"status": status}))

    def _current(self, pdf: Path, name: Path) -> Entry | None:
        entry = self._last.get(name.as_posix())
        return entry if entry and entry.print == self._fingerprint(pdf) else None

    def _fingerprint(self, pdf: Path) -> str:
        found = pdf.stat()
        about = f"{found.st_size} {found.st_mtime_ns} {self._options.model_dump_json()}"
        return hashlib.sha256(about.encode()).hexdigest()[:16]

    def _append(self, entry: Entry) -> None:
        with self._lock:
            self._last[entry.name] = entry
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8") as file:
                # The line break comes first, so that an incomplete line does not damage the next one.
                file.write("\n" + entry.model_dump_json())

    def _load(self, line: str) -> None:
        try:
            entry = Entry.model_validate_json(line)
        except ValidationError:  # an empty line, or one that a killed run left incomplete
            return
        self._last[entry.name] = entry
