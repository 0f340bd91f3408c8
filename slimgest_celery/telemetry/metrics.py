"""The counters of the service for Prometheus: whole numbers in one hash in Redis.

All processes on all machines add to the same numbers. A process may die at any time, so none keeps its own counts. The
count of an event is added in the step that publishes it (events/publish.lua), and therefore exactly once. If Redis
restarts empty, the counters start at 0, which Prometheus treats as the restart of a process.

slimgest:counts    hash: metric|label… → a count; for a histogram metric|label…|le|bound → the number of observations
                   up to that bound and above the one before, metric|label…|sum → their sum in microseconds
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, lru_cache

from redis import Redis

from slimgest_celery.errors import RetryLater, all_errors
from slimgest_celery.models.job import JobStatus
from slimgest_celery.models.page import Page, PageSeconds, Source
from slimgest_celery.models.warning import WARNINGS

KEY = "slimgest:counts"
# The characters of a label. A field with any others was not written by this service.
_LABEL = re.compile(r"[\w.:@+-]{1,100}", re.ASCII)
NONE = "none"

Increments = Mapping[str, int]  # field of the hash → its increment


@dataclass(frozen=True, kw_only=True, eq=False)
class Metric:
    """A counter, or a histogram of seconds."""

    name: str  # as in Prometheus, for a counter without `_total`
    help: str
    labels: tuple[str, ...]
    bounds: tuple[float, ...] = ()  # of a histogram's buckets, in seconds
    known: tuple[tuple[str, ...], ...] = ()  # values of the labels that are reported from the start, as 0

    @cached_property
    def buckets(self) -> tuple[str, ...]:
        """Return the upper bounds of a histogram's buckets as Prometheus writes them."""
        return (*(str(float(bound)) for bound in self.bounds), "+Inf")


JOBS = Metric(
    name="slimgest_jobs",
    help="Jobs that reached an end state; a retried job reaches one again.",
    labels=("status",),
    known=tuple((status.value,) for status in JobStatus if status.ended),
)
PAGES = Metric(
    name="slimgest_pages",
    help="Pages published, by the source of their text, the engine, and `ok`, `cached` or the code of their error.",
    labels=("source", "engine", "outcome"),
)
PAGE_WARNINGS = Metric(
    name="slimgest_page_warnings",
    help="Warnings of published pages, by code.",
    labels=("code",),
    known=tuple((code,) for code in sorted(WARNINGS)),
)
PAGE_SECONDS = Metric(
    name="slimgest_page_seconds",
    help="Time spent on a page: `render`, and `read` from its text layer or by OCR.",
    labels=("stage",),
    bounds=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120),
    known=tuple((stage,) for stage in PageSeconds.model_fields),
)
JOB_SECONDS = Metric(
    name="slimgest_job_seconds",
    help="Time of a job: `wait` until a worker opened it, `plan` to plan its pages, `whole` from acceptance to end.",
    labels=("stage",),
    bounds=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 14400, 86400),
    known=(("wait",), ("plan",), ("whole",)),
)
REFUSALS = Metric(
    name="slimgest_refusals",
    help="Requests to read PDFs that were refused, and all beyond a limit, by the code of the answer.",
    labels=("code",),
    known=tuple((error.code,) for error in all_errors(RetryLater)),
)
CATALOGUE = (JOBS, PAGES, PAGE_WARNINGS, PAGE_SECONDS, JOB_SECONDS, REFUSALS)


# --- Increments -------------------------------------------------------------------------------------------------------


def one(metric: Metric, *labels: str) -> Increments:
    """Return the increment of a counter by one."""
    return {_field(metric, labels): 1}


def seconds(metric: Metric, stage: str, took_s: float) -> Increments:
    """Return the increments for one observation of a histogram."""
    bound = metric.buckets[bisect_left(metric.bounds, took_s)]
    return {_field(metric, (stage, "le", bound)): 1, _field(metric, (stage, "sum")): max(0, round(took_s * 1e6))}


def of_page(page: Page, engine: str) -> Increments:
    """Return the increments for a published page; `engine` is the job's engine."""
    source = page.source.value if page.source else NONE
    outcome = page.error.code if page.error else "cached" if page.cached else "ok"
    added = {**one(PAGES, source, NONE if page.source == Source.TEXT_LAYER else engine, outcome)}
    for warning in page.warnings:
        added |= one(PAGE_WARNINGS, warning.code)
    for stage, took_s in page.seconds:
        if took_s > 0:  # a page read from its text layer was not rendered
            added |= seconds(PAGE_SECONDS, stage, took_s)
    return added


@lru_cache(1000)  # counting a page must take almost no time
def _field(metric: Metric, labels: tuple[str, ...]) -> str:
    return "|".join([metric.name, *(label if _LABEL.fullmatch(label) else "other" for label in labels)])


# --- The counts -------------------------------------------------------------------------------------------------------


class Counts:
    """The counters in Redis."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def add(self, increments: Increments) -> None:
        with self._redis.pipeline(transaction=False) as pipe:
            for field, increment in increments.items():
                pipe.hincrby(KEY, field, increment)
            pipe.execute()

    def read(self) -> dict[tuple[str, ...], int]:
        """Return every counter, by the parts of its field. A field with an invalid name or value is ignored."""
        found: dict[tuple[str, ...], int] = {}
        for field, count in self._redis.hgetall(KEY).items():
            with suppress(ValueError):
                name = tuple(field.decode().split("|"))
                if all(map(_LABEL.fullmatch, name)) and int(count) >= 0:
                    found[name] = int(count)
        return found
