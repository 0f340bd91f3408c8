"""What is counted over the life of the service, for Prometheus: whole numbers in one hash in Redis.

Any process of any machine adds to the same numbers and may die at any time, so none of them keeps a count of its own.
What a job's telling counts is added in the step that tells it (events.py), and so once. A Redis that comes back empty
starts again from nothing, which Prometheus takes for the restart of a process.

slimgest:counts    hash: metric|label… → how many; of a histogram metric|label…|le|bound → observations up to that bound
                   and over the one before, metric|label…|sum → their sum in microseconds
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, lru_cache

from redis import Redis

from .model import JobStatus, Page, PageSeconds, Source

KEY = "slimgest:counts"
# What labels are made of; anything else in the hash was not written by us.
_LABEL = re.compile(r"[\w.:@+-]{1,100}", re.ASCII)
NONE = "none"

Increments = Mapping[str, int]  # field of the hash → how much is added


@dataclass(frozen=True, kw_only=True, eq=False)
class Metric:
    """A counter, or a histogram of seconds."""

    name: str  # as Prometheus has it, a counter's without `_total`
    help: str
    labels: tuple[str, ...]
    bounds: tuple[float, ...] = ()  # of a histogram's buckets, in seconds
    known: tuple[tuple[str, ...], ...] = ()  # values of the labels that are told from the first, as 0

    @cached_property
    def buckets(self) -> tuple[str, ...]:
        """The upper bounds of a histogram's buckets as Prometheus writes them."""
        return (*(str(float(bound)) for bound in self.bounds), "+Inf")


JOBS = Metric(
    name="slimgest_jobs",
    help="Jobs that reached an end state; a retried job reaches one again.",
    labels=("status",),
    known=tuple((status.value,) for status in JobStatus if status.ended),
)
PAGES = Metric(
    name="slimgest_pages",
    help="Pages told, by where their text came from, the engine, and `ok`, `cached` or the code of their error.",
    labels=("source", "engine", "outcome"),
)
PAGE_SECONDS = Metric(
    name="slimgest_page_seconds",
    help="Time spent on a page: rendered, and read by its text layer or OCR.",
    labels=("stage",),
    bounds=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120),
    known=tuple((stage,) for stage in PageSeconds.model_fields),
)
JOB_SECONDS = Metric(
    name="slimgest_job_seconds",
    help="Time of a job: `wait` until a worker opened it, `plan` for its pages, `whole` from acceptance to end.",
    labels=("stage",),
    bounds=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 14400, 86400),
    known=(("wait",), ("plan",), ("whole",)),
)
REFUSALS = Metric(
    name="slimgest_refusals",
    help="Requests to read PDFs that were refused, by the code of the answer.",
    labels=("code",),
    known=(("queue.full",),),
)
CATALOGUE = (JOBS, PAGES, PAGE_SECONDS, JOB_SECONDS, REFUSALS)


# --- What is added ----------------------------------------------------------------------------------------------------


def one(metric: Metric, *labels: str) -> Increments:
    """One more of what a counter counts."""
    return {_field(metric, labels): 1}


def seconds(metric: Metric, stage: str, took_s: float) -> Increments:
    """One more observation of a histogram."""
    bound = metric.buckets[bisect_left(metric.bounds, took_s)]
    return {_field(metric, (stage, "le", bound)): 1, _field(metric, (stage, "sum")): max(0, round(took_s * 1e6))}


def of_page(page: Page, engine: str) -> Increments:
    """What a page that is told adds; `engine` is the job's."""
    source = page.source.value if page.source else NONE
    outcome = page.error.code if page.error else "cached" if page.cached else "ok"
    added = {**one(PAGES, source, NONE if page.source == Source.TEXT_LAYER else engine, outcome)}
    for stage, took_s in page.seconds:
        if took_s > 0:  # a page from its text layer was not rendered
            added |= seconds(PAGE_SECONDS, stage, took_s)
    return added


@lru_cache(1000)  # counting a page should cost next to nothing
def _field(metric: Metric, labels: tuple[str, ...]) -> str:
    return "|".join([metric.name, *(label if _LABEL.fullmatch(label) else "other" for label in labels)])


# --- The counts -------------------------------------------------------------------------------------------------------


class Counts:
    """The numbers in Redis."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def add(self, added: Increments) -> None:
        with self._redis.pipeline(transaction=False) as pipe:
            for field, much in added.items():
                pipe.hincrby(KEY, field, much)
            pipe.execute()

    def read(self) -> dict[tuple[str, ...], int]:
        """Every count by the parts of its field. What Redis holds is data: a field that is no count is passed over."""
        found: dict[tuple[str, ...], int] = {}
        for field, much in self._redis.hgetall(KEY).items():
            with suppress(ValueError):
                name = tuple(field.decode().split("|"))
                if all(map(_LABEL.fullmatch, name)) and int(much) >= 0:
                    found[name] = int(much)
        return found
