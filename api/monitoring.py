"""What operators and their machines ask: `/metrics` for Prometheus, `/capacity`.

Every API process answers for the whole service, for all that it tells stands in Redis: one of them is to be scraped.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import version
from itertools import accumulate

from flask import Blueprint, Response, request
from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from redis.exceptions import RedisError

from slimgest_celery import metrics, sweeping
from slimgest_celery.errors import BrokerUnavailable, SlimgestError
from slimgest_celery.jobs import Jobs, broker_errors
from slimgest_celery.model import Worker

from . import examples
from .description import STORES, Answer, described
from .shared import as_json, jobs

blueprint = Blueprint("monitoring", __name__)
_ADMITTING = ("reading.process_pdf", "reading.process_pdfs", "reading.process_stream", "reading.submit", "jobs.retry")
_STATES = ("starting", "idle", "busy", "failed")
_MB = 1 << 20

Family = CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily | InfoMetricFamily
Counted = dict[tuple[str, ...], int]


@blueprint.get("/metrics")
@described(
    Answer("All of it, in text.", media={"text/plain": examples.METRICS, "application/openmetrics-text": None}),
    fails=STORES,
)
def prometheus() -> Response:
    """The service's metrics in Prometheus's text format, or in OpenMetrics where the request accepts that.

    Of all processes together. Where there are API keys, it wants one, as all addresses do.
    """
    registry = CollectorRegistry()
    registry.register(_Service(jobs()))
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    with broker_errors():
        return Response(encode(registry), content_type=content_type)


@blueprint.get("/capacity")
@described(Answer("What is ahead, and how fast it is read.", examples.CAPACITY), fails=STORES)
def capacity() -> Response:
    """How many pages are ahead of a job sent now, how fast they are read, and how long that will take.

    `pages_per_second` is measured over the last minutes in which workers worked, so it holds after a quiet time;
    `detail` says why it is null. First pages pass the bulk of earlier jobs, so a short job may wait less.
    """
    return as_json(jobs().capacity())


def refused(error: SlimgestError) -> None:
    """Counts the refusal of a request to read PDFs. What Redis cannot be told is not counted."""
    if request.endpoint in _ADMITTING and not isinstance(error, BrokerUnavailable):
        with suppress(RedisError):
            jobs().counts.add(metrics.one(metrics.REFUSALS, error.code))


# --- What /metrics tells ----------------------------------------------------------------------------------------------


class _Service(Collector):
    """The whole service, as Redis knows it at this moment."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    def collect(self) -> Iterator[Family]:
        counted = self._jobs.counts.read()
        for metric in metrics.CATALOGUE:
            yield _histogram(metric, counted) if metric.bounds else _counter(metric, counted)
        yield from _queue(self._jobs)
        yield from _workers(self._jobs.roster.workers())
        yield _gauge("slimgest_event_streams", "Event streams open now.", self._jobs.events.followers())
        yield InfoMetricFamily("slimgest_build", "What runs.", value={"version": version("slimgest")})


def _counter(metric: metrics.Metric, counted: Counted) -> CounterMetricFamily:
    family = CounterMetricFamily(metric.name, metric.help, labels=metric.labels)
    found = {tuple(labels) for name, *labels in counted if name == metric.name and len(labels) == len(metric.labels)}
    for labels in sorted(found | set(metric.known)):
        family.add_metric(labels, counted.get((metric.name, *labels), 0))
    return family


def _histogram(metric: metrics.Metric, counted: Counted) -> HistogramMetricFamily:
    family = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
    for labels in metric.known:
        series = (metric.name, *labels)
        up_to = accumulate(counted.get((*series, "le", bound), 0) for bound in metric.buckets)
        buckets = [(bound, float(count)) for bound, count in zip(metric.buckets, up_to, strict=True)]
        family.add_metric(labels, buckets, sum_value=counted.get((*series, "sum"), 0) / 1e6)
    return family


def _queue(jobs: Jobs) -> Iterator[Family]:
    ledger = jobs.ledger
    yield _gauge("slimgest_queue_jobs", "Jobs accepted and not ended.", ledger.pending_count())
    yield _gauge("slimgest_queue_jobs_limit", "How many of them there may be.", jobs.settings.max_pending_jobs)
    yield _gauge("slimgest_queue_pages", "Pages of them still to be read.", ledger.pages_ahead())
    yield _gauge("slimgest_queue_oldest_seconds", "Age of the oldest of them; 0 without any.", ledger.oldest_s())
    messages = GaugeMetricFamily("slimgest_queue_messages", "Messages that wait in Celery's queues.", labels=["queue"])
    for queue, count in sweeping.waiting(jobs).items():
        messages.add_metric([queue], count)
    yield messages


def _workers(found: list[Worker]) -> Iterator[Family]:
    workers = {worker.name: worker for worker in found}.values()  # a name twice would spoil the whole scrape
    states = GaugeMetricFamily("slimgest_workers", "Workers that live, by what they do.", labels=["state"])
    for state in _STATES:
        states.add_metric([state], sum(worker.state == state for worker in workers))
    yield states
    labels = ["worker", "device"]
    busy = CounterMetricFamily("slimgest_worker_busy_seconds", "Time on tasks since its process began.", labels=labels)
    memory = GaugeMetricFamily("slimgest_worker_memory_bytes", "Memory of the worker's process.", labels=labels)
    device = GaugeMetricFamily("slimgest_device_memory_bytes", "What it holds of its GPU's memory.", labels=labels)
    for worker in workers:
        of = [worker.name, worker.device]
        busy.add_metric(of, worker.busy_seconds)
        if worker.memory_mb is not None:
            memory.add_metric(of, worker.memory_mb * _MB)
        if worker.device_memory_mb is not None:
            device.add_metric(of, worker.device_memory_mb * _MB)
    yield from (busy, memory, device)


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=value)
