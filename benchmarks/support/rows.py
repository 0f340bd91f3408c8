"""The rows that a measure returns, each a figure with its target, and the arithmetic that measures share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

Points = tuple[tuple[float, float], ...]


class NotMeasured(Exception):
    """A measure cannot run on this machine; the message names what is missing."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """A bound that a figure must reach, or must not exceed."""

    bound: float
    at_least: bool = True

    def met_by(self, figure: float) -> bool:
        """Return True if a figure meets the target; the bound itself does."""
        return figure >= self.bound if self.at_least else figure <= self.bound

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.bound:,g}"


@dataclass(frozen=True, kw_only=True)
class Row:
    """A figure. If anything failed during the measure, its target is missed, whatever the figure."""

    measure: str  # the name of the measure's module
    what: str
    figure: float | None  # None: not measured, for the reason in `detail`
    unit: str = ""
    target: Target | None = None
    failures: int = 0  # pages, jobs or clients
    runs: int = 0  # in turn with the other program; the figure is their median
    detail: str = ""
    points: Points = ()  # for a plot: the values behind the figure
    axes: tuple[str, str] = ("", "")

    @property
    def met(self) -> bool | None:
        """None if there is no target, or if nothing was measured."""
        if self.target is None or self.figure is None:
            return None
        return self.failures == 0 and self.target.met_by(self.figure)


def not_measured(measure: str, what: str, reason: str) -> Row:
    """Return a row for a measure that could not run here."""
    return Row(measure=measure, what=what, figure=None, detail=reason)


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Return for each run the other program's time over ours: more than 1 if ours is faster."""
    return [other / our for our, other in zip(ours, theirs, strict=True)]


def spread(values: Sequence[float]) -> str:
    """Return the smallest and the largest value as text."""
    return f"{min(values):,.3g}–{max(values):,.3g}" if len(values) > 1 else "one run"


def growth(points: Points) -> float:
    """Return the value of the largest size, divided by the smallest value of the other sizes."""
    *before, (_, last) = points
    return last / min(value for _, value in before)


@dataclass(frozen=True, kw_only=True)
class RedisCost:
    """CPU seconds of Redis per page, and per task in addition."""

    page_s: float
    task_s: float

    @classmethod
    def solve(cls, long_run: tuple[float, float], short_run: tuple[float, float]) -> RedisCost:
        """Solve for both from two runs: (seconds per page, tasks per page) with long tasks and with short ones."""
        (long_s, long_tasks), (short_s, short_tasks) = long_run, short_run
        task_s = max(0.0, (short_s - long_s) / (short_tasks - long_tasks))
        return cls(page_s=max(0.0, long_s - task_s * long_tasks), task_s=task_s)

    def pages_per_s(self, pages_per_task: int) -> float:
        """Return the pages per second at which one core of Redis is full, with tasks of this many pages."""
        return 1 / (self.page_s + self.task_s / pages_per_task)


def middle(values: Sequence[float]) -> float:
    """Return the median, or 0 for no values."""
    return median(values) if values else 0.0
