"""How much the service has before it, and how long that will take, by what it was measured to do."""

from __future__ import annotations

import math

from .ledger import Ledger
from .model import Capacity
from .roster import Roster

_MOST_WAIT_S = 86400.0
_RETRY_AFTER_S = 5  # where nothing is measured yet
_MOST_RETRY_AFTER_S = 60
_SAMPLE = 20  # jobs


def capacity(ledger: Ledger, roster: Roster, limit: int) -> Capacity:
    """What is ahead of a job sent now; its first pages may pass the bulk of others, so it may well wait less."""
    pending, ahead = ledger.pending_count(), ledger.pages_ahead()
    ready, per_second = _speed(roster)
    return Capacity(
        accepting=pending < limit,
        pending_jobs=pending,
        limit=limit,
        pages_ahead=ahead,
        workers=ready,
        pages_per_second=round(per_second, 3) if per_second else None,
        estimated_wait_seconds=round(min(_MOST_WAIT_S, ahead / per_second), 1) if per_second else None,
        detail=None if per_second else "No worker is ready." if not ready else "No page was read yet.",
    )


def retry_after_s(ledger: Ledger, roster: Roster, wanted: int) -> int:
    """Seconds in which this many places in the queue become free, by the size of the oldest jobs; 1 to 60."""
    (_, per_second), oldest = _speed(roster), ledger.pending(_SAMPLE)
    if not per_second or not oldest:
        return _RETRY_AFTER_S
    pages_a_job = sum(progress.pages_left for progress in ledger.progress(oldest)) / len(oldest)
    return max(1, math.ceil(min(_MOST_RETRY_AFTER_S, wanted * pages_a_job / per_second)))


def _speed(roster: Roster) -> tuple[int, float | None]:
    """How many workers are ready, and the pages that they read in a second; None where nothing was measured."""
    ready, speed = sum(worker.state in ("idle", "busy") for worker in roster.workers()), roster.speed()
    return ready, speed * ready if speed and ready else None
