"""Views for operators and their tools: `/metrics` for Prometheus, and `/capacity`.

All numbers come from Redis, so every API process answers for the whole service. Scrape only one of the processes.
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

from api.helpers import as_json, components
from api.openapi import examples
from api.openapi.describe import STORE_ERRORS, ResponseSpec, describe_route
from slimgest_celery.app import Components
from slimgest_celery.errors import BrokerUnavailable, OwnerLimit, SlimgestError
from slimgest_celery.models.service import Worker
from slimgest_celery.state.errors import broker_errors
from slimgest_celery.state.job_state import JobState
from slimgest_celery.state.queues import QueueLengths
from slimgest_celery.telemetry import metrics

blueprint = Blueprint("monitoring", __name__)
_SUBMISSION_ENDPOINTS = (
    "submit.process_pdf",
    "submit.process_pdfs",
    "submit.process_stream",
    "submit.submit",
    "jobs.retry",
)
_STATES = ("starting", "idle", "busy", "failed")
_MB = 1 << 20

Family = CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily | InfoMetricFamily
Counts = dict[tuple[str, ...], int]


@blueprint.get("/metrics")
@describe_route(
    ResponseSpec("All metrics as text.", media={"text/plain": examples.METRICS, "application/openmetrics-text": None}),
    errors=STORE_ERRORS,
)
def prometheus() -> Response:
    """Return the metrics in the Prometheus text format, or in OpenMetrics if the request accepts it.

    The numbers cover all processes of the service. If the service has API keys, this endpoint needs one too.
    """
    registry = CollectorRegistry()
    registry.register(_ServiceCollector(components()))
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    with broker_errors():
        return Response(encode(registry), content_type=content_type)


@blueprint.get("/capacity")
@describe_route(ResponseSpec("The queue length and the reading speed.", examples.CAPACITY), errors=STORE_ERRORS)
def capacity() -> Response:
    """Return the number of pages ahead of a new job, the reading speed, and the estimated wait.

    `pages_per_second` is measured over the last minutes in which workers were busy, so it stays valid after an idle
    time. If it is null, `detail` gives the reason. The first pages of a job are read before the rest of earlier jobs,
    so a short job may wait less.
    """
    return as_json(components().admission.capacity())


def count_refusal(error: SlimgestError) -> None:
    """Count a refused request to read PDFs, and any over a limit. If Redis is unavailable, it is not counted."""
    is_counted = request.endpoint in _SUBMISSION_ENDPOINTS or isinstance(error, OwnerLimit)
    if is_counted and not isinstance(error, BrokerUnavailable):
        with suppress(RedisError):
            components().counts.add(metrics.one(metrics.REFUSALS, error.code))


class _ServiceCollector(Collector):
    """The metrics of the whole service, read from Redis at each scrape."""

    def __init__(self, parts: Components) -> None:
        self._parts = parts

    def collect(self) -> Iterator[Family]:
        counted = self._parts.counts.read()
        for metric in metrics.CATALOGUE:
            yield _histogram(metric, counted) if metric.bounds else _counter(metric, counted)
        yield from _queue(self._parts.job_state, self._parts.queue_lengths, self._parts.settings.max_pending_jobs)
        yield from _workers(self._parts.worker_registry.workers())
        yield _gauge("slimgest_event_streams", "Open event streams.", self._parts.events.subscriber_count())
        yield InfoMetricFamily("slimgest_build", "Version of the service.", value={"version": version("slimgest")})


def _counter(metric: metrics.Metric, counted: Counts) -> CounterMetricFamily:
    family = CounterMetricFamily(metric.name, metric.help, labels=metric.labels)
    found = {tuple(labels) for name, *labels in counted if name == metric.name and len(labels) == len(metric.labels)}
    for labels in sorted(found | set(metric.known)):
        family.add_metric(labels, counted.get((metric.name, *labels), 0))
    return family


def _histogram(metric: metrics.Metric, counted: Counts) -> HistogramMetricFamily:
    family = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
    for labels in metric.known:
        series = (metric.name, *labels)
        up_to = accumulate(counted.get((*series, "le", bound), 0) for bound in metric.buckets)
        buckets = [(bound, float(count)) for bound, count in zip(metric.buckets, up_to, strict=True)]
        family.add_metric(labels, buckets, sum_value=counted.get((*series, "sum"), 0) / 1e6)
    return family


def _queue(job_state: JobState, queue_lengths: QueueLengths, limit: int) -> Iterator[Family]:
    yield _gauge("slimgest_queue_jobs", "Jobs accepted and not ended.", job_state.pending_count())
    yield _gauge("slimgest_queue_jobs_limit", "Maximum number of these jobs.", limit)
    yield _gauge("slimgest_queue_pages", "Pages of these jobs still to be read.", job_state.pages_ahead())
    yield _gauge(
        "slimgest_queue_oldest_seconds",
        "Age of the oldest of these jobs; 0 if there is none.",
        job_state.oldest_pending_s(),
    )
    messages = GaugeMetricFamily("slimgest_queue_messages", "Messages waiting in the Celery queues.", labels=["queue"])
    for queue, count in queue_lengths.waiting().items():
        messages.add_metric([queue], count)
    yield messages


def _workers(found: list[Worker]) -> Iterator[Family]:
    workers = {worker.name: worker for worker in found}.values()  # Prometheus rejects a scrape with duplicate names
    states = GaugeMetricFamily("slimgest_workers", "Running workers by state.", labels=["state"])
    for state in _STATES:
        states.add_metric([state], sum(worker.state == state for worker in workers))
    yield states
    labels = ["worker", "device"]
    busy = CounterMetricFamily(
        "slimgest_worker_busy_seconds", "Time spent on tasks since the worker process started.", labels=labels
    )
    memory = GaugeMetricFamily("slimgest_worker_memory_bytes", "Memory used by the worker process.", labels=labels)
    device = GaugeMetricFamily("slimgest_device_memory_bytes", "GPU memory used by the worker.", labels=labels)
    for worker in workers:
        values = [worker.name, worker.device]
        busy.add_metric(values, worker.busy_seconds)
        if worker.memory_mb is not None:
            memory.add_metric(values, worker.memory_mb * _MB)
        if worker.device_memory_mb is not None:
            device.add_metric(values, worker.device_memory_mb * _MB)
    yield from (busy, memory, device)


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=value)
