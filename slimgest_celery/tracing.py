"""OpenTelemetry traces: one from the request through ingest and pages to finish, over all processes.

On where `slimgest[otel]` is installed and OTEL_EXPORTER_OTLP_ENDPOINT (or …_TRACES_ENDPOINT) is set; the other OTEL_*
variables mean what OpenTelemetry's specification says. Else nothing of it is imported, and all of this does nothing.
The context travels in the headers of messages, which a dead worker's successor gets as they were; the request's own is
kept in the job's record, for a job that is sent again.

Celery's own instrumentation is not used: it traces every periodic task, and leaves the span of a message open that is
sent by name, as all of the API's are.
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
    """Traces this process, which must not fork any more, from now on if that is wanted. Each span bears `about`."""
    global _tracer
    if _tracer is None and _wanted(os.environ):
        try:
            _tracer = _Tracer(_provider(), about)
        except ImportError:
            _log.warning("OTEL_EXPORTER_OTLP_ENDPOINT is set, but traces need pip install 'slimgest[otel]'")
    return _tracer is not None


def context() -> dict[str, str]:
    """The current context in the form of headers; empty where nothing is traced."""
    headers: dict[str, str] = {}
    if _tracer:
        _tracer.inject(headers)
    return headers


@contextmanager
def continued(headers: Mapping[str, str]) -> Iterator[None]:
    """What is sent in here belongs to the trace that these headers are of."""
    if not _tracer or not headers:
        yield
        return
    from opentelemetry.context import attach, detach

    token = attach(_tracer.extract(headers))
    try:
        yield
    finally:
        detach(token)


def note(what: str, about: Mapping[str, Any]) -> None:
    """An event of the current span."""
    if _tracer:
        from opentelemetry.trace import get_current_span

        get_current_span().add_event(what, {name: value for name, value in about.items() if value is not None})


def _wanted(environ: Mapping[str, str]) -> bool:
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
    """Celery's signals as spans."""

    def __init__(self, provider: TracerProvider, about: Mapping[str, str]) -> None:
        from opentelemetry import propagate

        self._spans = provider.get_tracer("slimgest")
        self._about = {f"slimgest.{name}": value for name, value in about.items()}
        self._open: dict[str, Any] = {}
        self._propagate = propagate.get_global_textmap()
        signals.before_task_publish.connect(self._sent, weak=False)
        signals.task_prerun.connect(self._begun, weak=False)
        signals.task_postrun.connect(self._over, weak=False)
        signals.worker_process_shutdown.connect(lambda **_: provider.shutdown(), weak=False)

    def inject(self, headers: dict[str, str]) -> None:
        self._propagate.inject(headers)

    def extract(self, headers: Mapping[str, str]) -> Any:
        return self._propagate.extract(headers)

    def _sent(self, headers: dict[str, str], **_: Any) -> None:
        self.inject(headers)

    def _begun(self, task_id: str, task: Task[Any, Any], args: Any, **_: Any) -> None:
        if task.name not in _TRACED:
            return
        from opentelemetry.trace import SpanKind

        given = {name: getattr(task.request, name, None) for name in self._propagate.fields}
        parent = self.extract({name: value for name, value in given.items() if isinstance(value, str)})
        about = {**self._about, **_about(task.name, args), "messaging.message.id": task_id}
        opened = self._spans.start_as_current_span(task.name, parent, SpanKind.CONSUMER, about)
        self._open[task_id] = opened, opened.__enter__()

    def _over(self, task_id: str, state: str | None = None, **_: Any) -> None:
        if task_id not in self._open:
            return
        from opentelemetry.trace import StatusCode

        opened, span = self._open.pop(task_id)
        if state == "FAILURE":
            span.set_status(StatusCode.ERROR)
        opened.__exit__(None, None, None)


def _about(name: str, args: Any) -> dict[str, str | int]:
    """A task's arguments: a job's id and, of pages, which (see tasks.py)."""
    job_id, *rest = args
    pages = {"slimgest.pages.first": rest[0], "slimgest.pages.last": rest[1]} if name == "slimgest.pages" else {}
    return {"slimgest.job_id": job_id, **pages}
