"""What was read into an output folder, so that a run that broke off can be taken up where it was.

A line is added to `.slimgest.jsonl` in the folder when a PDF is begun and when it has ended. What ended well and has
not changed since need not be read again; what was begun is asked for by the same Idempotency-Key, so that a service
which went on with it meanwhile does not read it twice.
"""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path
from uuid import uuid4

from pydantic import ValidationError

from .model import JobStatus, Options, Record

NAME = ".slimgest.jsonl"


class Entry(Record):
    """The last that is known of a PDF."""

    name: str  # where its results are, relative to the folder
    print: str  # of the file and how it is read: another one is another task
    key: str  # the Idempotency-Key that it was submitted with
    status: JobStatus | None = None  # None: begun


class Journal:
    """The journal of one output folder. Safe to use from several threads of one process."""

    def __init__(self, folder: Path, options: Options) -> None:
        self._path = folder / NAME
        self._options = options
        self._lock = threading.Lock()
        self._last: dict[str, Entry] = {}
        if self._path.is_file():
            for line in self._path.read_text(encoding="utf-8").splitlines():
                self._note(line)

    def is_done(self, pdf: Path, name: Path) -> bool:
        """Whether this PDF was read whole, in this way."""
        entry = self._known(pdf, name)
        return entry is not None and entry.status == JobStatus.COMPLETED

    def begin(self, pdf: Path, name: Path) -> str:
        """Notes that a PDF is being read; the key to submit it with."""
        entry = self._known(pdf, name)
        if entry is None or entry.status not in (None, JobStatus.COMPLETED):
            entry = Entry(name=name.as_posix(), print=self._print(pdf), key=uuid4().hex)
        self._add(entry.model_copy(update={"status": None}))
        return entry.key

    def end(self, name: Path, status: JobStatus) -> None:
        """Notes how the reading of a PDF that was begun has ended."""
        self._add(self._last[name.as_posix()].model_copy(update={"status": status}))

    def _known(self, pdf: Path, name: Path) -> Entry | None:
        entry = self._last.get(name.as_posix())
        return entry if entry and entry.print == self._print(pdf) else None

    def _print(self, pdf: Path) -> str:
        found = pdf.stat()
        about = f"{found.st_size} {found.st_mtime_ns} {self._options.model_dump_json()}"
        return hashlib.sha256(about.encode()).hexdigest()[:16]

    def _add(self, entry: Entry) -> None:
        with self._lock:
            self._last[entry.name] = entry
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8") as journal:
                # The break stands first: a line that was cut off spoils none after it.
                journal.write("\n" + entry.model_dump_json())

    def _note(self, line: str) -> None:
        try:
            entry = Entry.model_validate_json(line)
        except ValidationError:  # empty, or written by a run that was killed in the middle of it
            return
        self._last[entry.name] = entry
