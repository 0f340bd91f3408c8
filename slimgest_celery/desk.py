"""What a worker child works with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from .engines import Engine
from .jobs import Jobs
from .open_jobs import OpenJobs
from .pace import Pace
from .render_ahead import Renderers


def _never() -> bool:
    return False


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What a worker child works with."""

    jobs: Jobs
    engine: Engine
    open_jobs: OpenJobs
    pace: Pace
    worker: str  # the Celery node's name
    watch: Callable[[str, Sequence[int] | None], AbstractContextManager[None]]  # limits for pages: see guard.py
    renderers: Renderers | None = None  # for an engine that takes several pages at once: see render_ahead.py
    urgent: Callable[[], bool] = _never  # whether more urgent work waits, for which a task stops after the page in hand
