"""OpenTelemetry traces: one trace from the request through ingest and pages to finish, across all processes.

Tracing is on if `slimgest[otel]` is installed and OTEL_EXPORTER_OTLP_ENDPOINT (or …_TRACES_ENDPOINT) is set. The other
OTEL_* variables have the meaning of OpenTelemetry's specification. Otherwise OpenTelemetry is not imported, and the
functions of this module do nothing. The context is sent in the headers of messages; if a worker dies, the next worker
receives the same headers. The context of the request is stored in the job's record, for a job that is sent again.

Celery's own instrumentation is not used: it traces every periodic task, and it never closes the span of a message that
is sent by name, as the API sends all of its messages.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from celery import signals

if TYPE_CHECKING:
    from celery import Task
    from opentelemetry.sdk.trace import TracerProvider

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_TRACED = ("slimgest.ingest", "slimgest.pages", "slimgest.finish")
_log = logging.getLogger(__name__)
_tracer: _Tracer | None = None  # this process's


def start(**about: str) -> bool:
    """Trace this process from now on, if tracing is on; each span has the attributes `about`.

    The process must not fork afterwards. Return True if it is traced.
    """
    global _tracer
    if _tracer is None and _is_on(os.environ):
        try:
            _tracer = _Tracer(_provider(), about)
        except ImportError:
            _log.warning("OTEL_EXPORTER_OTLP_ENDPOINT is set, but traces need pip install 'slimgest[otel]'")
    return _tracer is not None


def context() -> dict[str, str]:
    """Return the current context as headers; empty if this process is not traced."""
    headers: dict[str, str] = {}
    if _tracer:
        _tracer.inject(headers)
    return headers


@contextmanager
def continue_trace(headers: Mapping[str, str]) -> Iterator[None]:
    """Continue the trace of these headers: messages sent inside belong to it."""
    if not _tracer or not headers:
        yield
        return
    from opentelemetry.context import attach, detach

    token = attach(_tracer.extract(headers))
    try:
        yield
    finally:
        detach(token)


def add_event(name: str, about: Mapping[str, Any]) -> None:
    """Add an event to the current span."""
    if _tracer:
        from opentelemetry.trace import get_current_span

        get_current_span().add_event(name, {key: value for key, value in about.items() if value is not None})


def _is_on(environ: Mapping[str, str]) -> bool:
    if environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or environ.get("OTEL_TRACES_EXPORTER", "otlp") != "otlp":
        return False
    return any(environ.get(name) for name in _ENDPOINTS)


def _provider() -> TracerProvider:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.trace import set_tracer_provider

    name = os.environ.get("OTEL_SERVICE_NAME", "slimgest")
    provider = TracerProvider(resource=Resource.create({"service.name": name}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    set_tracer_provider(provider)  # for the instrumentation of Flask
    return provider


class _Tracer:
    """Makes spans from Celery's signals."""

    def __init__(self, provider: TracerProvider, about: Mapping[str, str]) -> None:
        from opentelemetry import propagate

        self._spans = provider.get_tracer("slimgest")
        self._about = {f"slimgest.{name}": value for name, value in about.items()}
        self._open: dict[str, Any] = {}
        self._propagate = propagate.get_global_textmap()
        signals.before_task_publish.connect(self._inject_context, weak=False)
        signals.task_prerun.connect(self._start_span, weak=False)
        signals.task_postrun.connect(self._end_span, weak=False)
        signals.worker_process_shutdown.connect(lambda **_: provider.shutdown(), weak=False)

    def inject(self, headers: dict[str, str]) -> None:
        self._propagate.inject(headers)

    def extract(self, headers: Mapping[str, str]) -> Any:
        return self._propagate.extract(headers)

    def _inject_context(self, headers: dict[str, str], **_: Any) -> None:
        self.inject(headers)

    def _start_span(self, task_id: str, task: Task[Any, Any], args: Any, **_: Any) -> None:
        if task.name not in _TRACED:
            return
        from opentelemetry.trace import SpanKind

        given = {name: getattr(task.request, name, None) for name in self._propagate.fields}
        parent = self.extract({name: value for name, value in given.items() if isinstance(value, str)})
        about = {**self._about, **_about(task.name, args), "messaging.message.id": task_id}
        opened = self._spans.start_as_current_span(task.name, parent, SpanKind.CONSUMER, about)
        self._open[task_id] = opened, opened.__enter__()

    def _end_span(self, task_id: str, state: str | None = None, **_: Any) -> None:
        if task_id not in self._open:
            return
        from opentelemetry.trace import StatusCode

        opened, span = self._open.pop(task_id)
        if state == "FAILURE":
            span.set_status(StatusCode.ERROR)
        opened.__exit__(None, None, None)


def _about(name: str, args: Any) -> dict[str, str | int]:
    """Return a task's arguments as attributes: the job's id and, for pages, their numbers (see tasks.py)."""
    job_id, *rest = args
    pages = {"slimgest.pages.first": rest[0], "slimgest.pages.last": rest[1]} if name == "slimgest.pages" else {}
    return {"slimgest.job_id": job_id, **pages}
