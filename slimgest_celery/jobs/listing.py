"""The list of an owner's jobs, newest first, filtered and in parts.

The cursor of a part is the position of its last job. So jobs that are added or deleted meanwhile neither repeat nor
hide others.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from uuid import UUID

from slimgest_celery.jobs.service import JobService
from slimgest_celery.models.job import JobStatus, Status
from slimgest_celery.models.responses import JobList
from slimgest_celery.state.errors import broker_errors
from slimgest_celery.state.job_index import JobIndex, Position

CURSOR = "^[0-9]{1,17}-[0-9a-f]{32}$"
_MAX_EXAMINED = 20_000  # file names in one request: some 50 ms
_AT_ONCE = 500


@dataclass(frozen=True, kw_only=True)
class JobSelection:
    """The jobs of one owner to list."""

    owner: str | None = None
    statuses: frozenset[JobStatus] = frozenset()  # empty: all
    filename: str = ""  # a part of the name, in any case
    since: datetime | None = None
    cursor: str | None = None
    offset: int = 0
    limit: int = 50

    def matches(self, status: Status) -> bool:
        """Return True if a job belongs to the selection. `JobIndex` may be behind."""
        return (not self.statuses or status.status in self.statuses) and self.has_name(status.filename)

    def has_name(self, filename: str) -> bool:
        return self.filename.casefold() in filename.casefold()


def list_jobs(selection: JobSelection, *, jobs: JobService, job_index: JobIndex) -> JobList:
    """Return a part of the selected jobs. `next_cursor` is None if no job follows."""
    with broker_errors():
        candidates = _Candidates(selection, job_index)
        found, last = _take(candidates, selection, jobs)
        following = next(candidates, None) if selection.limit else None
        return JobList(
            jobs=found,
            total=job_index.count(selection.owner),
            offset=selection.offset,
            next_cursor=_cursor(last if following else candidates.stopped_at) if selection.limit else None,
        )


def _take(
    candidates: Iterator[Position], selection: JobSelection, jobs: JobService
) -> tuple[list[Status], Position | None]:
    """Return the first jobs, at most `limit`, and the position of the last one examined."""
    found: list[Status] = []
    last = None
    while batch := list(islice(candidates, selection.limit - len(found))):
        last = batch[-1]
        statuses = jobs.statuses([position.job_id for position in batch])
        found += [status for status in statuses if status and selection.matches(status)]
    return found, last


class _Candidates(Iterator[Position]):
    """The positions of jobs that may belong to a selection, newest first.

    Iteration stops after `_MAX_EXAMINED` jobs: `stopped_at` is then the position of the last one, otherwise None.
    """

    def __init__(self, selection: JobSelection, job_index: JobIndex) -> None:
        self.stopped_at: Position | None = None
        self._selection = selection
        self._job_index = job_index
        self._positions = self._iterate()

    def __next__(self) -> Position:
        return next(self._positions)

    def _iterate(self) -> Iterator[Position]:
        wanted, before, offset = self._selection, _position(self._selection.cursor), self._selection.offset
        is_whole_list = not (wanted.statuses or wanted.filename or wanted.since or before)
        if is_whole_list and offset:  # without reading the jobs before
            if (before := self._job_index.position_at(offset - 1, wanted.owner)) is None:
                return iter(())
            offset = 0
        since_s = wanted.since.timestamp() if wanted.since else -math.inf
        every = self._job_index.positions(wanted.owner, wanted.statuses, before, since_s)
        return islice(self._with_name(every) if wanted.filename else every, offset, None)

    def _with_name(self, positions: Iterator[Position]) -> Iterator[Position]:
        for _ in range(0, _MAX_EXAMINED, _AT_ONCE):
            if not (batch := list(islice(positions, _AT_ONCE))):
                return
            names = self._job_index.filenames([position.job_id for position in batch], self._selection.owner)
            for position, name in zip(batch, names, strict=True):
                if name is None or self._selection.has_name(name):
                    yield position
        self.stopped_at = batch[-1]


def _cursor(position: Position | None) -> str | None:
    if position is None:
        return None
    return f"{round(position.created_s * 1e6)}-{UUID(position.job_id).hex}"


def _position(cursor: str | None) -> Position | None:
    """Return the position of a cursor that has the form of `CURSOR`."""
    if cursor is None:
        return None
    microseconds, _, job_id = cursor.partition("-")
    return Position(int(microseconds) / 1e6, str(UUID(job_id)))
