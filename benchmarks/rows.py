"""What a measure gives: rows of a table, each a figure with its target, and the arithmetic that they share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

Points = tuple[tuple[float, float], ...]


class NotMeasured(Exception):
    """Something that a measure needs is not on this machine; the message says what."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """What a figure is to reach, or to stay below."""

    bound: float
    at_least: bool = True

    def met_by(self, figure: float) -> bool:
        """Whether a figure is on the right side; the bound itself is."""
        return figure >= self.bound if self.at_least else figure <= self.bound

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.bound:,g}"


@dataclass(frozen=True, kw_only=True)
class Row:
    """A figure. Where something failed while it was measured, its target is missed, whatever the figure."""

    measure: str  # the module that measured it
    what: str
    figure: float | None  # None: not measured, and `detail` says why
    unit: str = ""
    target: Target | None = None
    failures: int = 0  # pages, jobs or clients
    runs: int = 0  # interleaved with what it is compared with; the figure is their median
    detail: str = ""
    points: Points = ()  # for a plot: what the figure was made from
    axes: tuple[str, str] = ("", "")

    @property
    def met(self) -> bool | None:
        """None where there is nothing to be met, or nothing was measured."""
        if self.target is None or self.figure is None:
            return None
        return self.failures == 0 and self.target.met_by(self.figure)


def not_measured(measure: str, what: str, reason: str) -> Row:
    """A row for what could not be measured here."""
    return Row(measure=measure, what=what, figure=None, detail=reason)


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Of each run, how many times as long the other took: more than 1 where ours is faster."""
    return [other / our for our, other in zip(ours, theirs, strict=True)]


def spread(values: Sequence[float]) -> str:
    """The least and the greatest of several."""
    return f"{min(values):,.3g}–{max(values):,.3g}" if len(values) > 1 else "one run"


def growth(points: Points) -> float:
    """The last value over the least before it: how much dearer the largest size is than any smaller one."""
    *before, (_, last) = points
    return last / min(value for _, value in before)


@dataclass(frozen=True, kw_only=True)
class RedisCost:
    """CPU seconds of Redis, for each page and for each task besides."""

    page_s: float
    task_s: float

    @classmethod
    def solve(cls, long_spans: tuple[float, float], short_spans: tuple[float, float]) -> RedisCost:
        """From two runs: seconds a page, and tasks a page, with long and with short spans."""
        (long_s, long_tasks), (short_s, short_tasks) = long_spans, short_spans
        task_s = max(0.0, (short_s - long_s) / (short_tasks - long_tasks))
        return cls(page_s=max(0.0, long_s - task_s * long_tasks), task_s=task_s)

    def pages_per_s(self, pages_per_task: int) -> float:
        """What one core of Redis carries with tasks of so many pages."""
        return 1 / (self.page_s + self.task_s / pages_per_task)


def middle(values: Sequence[float]) -> float:
    """The median; of nothing, 0."""
    return median(values) if values else 0.0
