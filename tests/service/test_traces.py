"""OpenTelemetry: traces that real processes send to a real collector."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from slimgest_celery.state.job_state import job_key
from tests.support import pdfs
from tests.support.collector import Collector, Span, collecting
from tests.support.engines import KILL_ONCE
from tests.support.stack import ROOT, Stack, running, wait_for

PARENT = "00f067aa0ba902b7"
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


@contextmanager
def _traced(folder: Path, *, workers: int, delay_ms: int = 100) -> Iterator[tuple[Stack, Collector]]:
    with collecting() as collector:
        env = {ENDPOINT: collector.url, "OTEL_BSP_SCHEDULE_DELAY": str(delay_ms), "TEST_ENGINE_ONCE": str(folder)}
        with running(folder, workers=workers, **env) as stack:
            yield stack, collector


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stack, Collector]]:
    with _traced(tmp_path_factory.mktemp("traced"), workers=2) as both:
        yield both


def _submit(stack: Stack, trace: str, pdf: bytes) -> str:
    """Submit a job as part of a trace of the client; return its id."""
    headers = {"traceparent": f"00-{trace}-{PARENT}-01"}
    answer = stack.request("POST", "/jobs", files={"file": ("test.pdf", pdf)}, headers=headers)
    return str(answer.json()["job_id"])


def _whole(collector: Collector, trace: str, pages: int = 1) -> list[Span]:
    """Return the spans of a trace when all have arrived: `slimgest.finish`, its pages, and all parents."""

    def ask() -> list[Span]:
        spans = collector.of(trace)
        complete = "slimgest.finish" in {span.name for span in spans} and len(_pages(spans)) == pages
        return spans if complete and {s.parent for s in spans} - {s.id for s in spans} == {PARENT} else []

    return wait_for(ask, what="the trace", within_s=60)


def _pages(spans: list[Span]) -> list[dict[str, Any]]:
    return [event for span in spans for event in span.events if event["name"] == "page read"]


def test_a_job_is_one_trace_from_its_request_to_its_end(traced: tuple[Stack, Collector]) -> None:
    stack, collector = traced
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    job_id = _submit(stack, trace, pdfs.numbered(40))
    stack.wait_end(job_id)
    spans = _whole(collector, trace, pages=40)
    (request,) = [span for span in spans if span.name == "POST /jobs"]
    (ingest,) = [span for span in spans if span.name == "slimgest.ingest"]
    (finish,) = [span for span in spans if span.name == "slimgest.finish"]
    pages = [span for span in spans if span.name == "slimgest.pages"]
    assert len(spans) == 3 + len(pages) and {span.service for span in spans} == {"slimgest"}
    assert (request.parent, ingest.parent) == (PARENT, request.id)
    assert {span.parent for span in pages} == {ingest.id} and finish.parent in {span.id for span in pages}
    for span in (ingest, finish, *pages):
        assert span.about["slimgest.job_id"] == job_id and span.about["slimgest.engine"] == "by-colour 1"
        assert span.about["slimgest.worker"].startswith("cpu")
    covered = [
        number
        for span in pages
        for number in range(span.about["slimgest.pages.first"], span.about["slimgest.pages.last"] + 1)
    ]
    assert sorted(covered) == list(range(1, 41))
    pages_read = _pages(pages)
    assert sorted(event["page_number"] for event in pages_read) == list(range(1, 41))
    assert {(event["status"], event["source"]) for event in pages_read} == {("ok", "ocr")}


def test_the_page_of_a_worker_that_died_stays_in_the_same_trace(traced: tuple[Stack, Collector]) -> None:
    stack, collector = traced
    trace = "4bf92f3577b34da6a3ce929d0e0e4737"
    stack.wait_end(_submit(stack, trace, pdfs.coloured([KILL_ONCE])))
    pages_read = _pages(_whole(collector, trace))
    assert [(event["page_number"], event["attempt"]) for event in pages_read] == [(1, 2)]


def test_a_job_that_lost_its_message_stays_in_the_same_trace(tmp_path: Path) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4738"
    with _traced(tmp_path, workers=0) as (stack, collector):
        job_id = _submit(stack, trace, pdfs.numbered(1))
        assert stack.redis.delete("ingest") == 1
        stack.redis.hset(job_key(job_id), "touched", 0)
        stack.start_worker("cpu0")
        stack.start_beat()
        stack.wait_end(job_id)
        spans = {span.name: span for span in _whole(collector, trace)}
    assert spans["slimgest.ingest"].parent == spans["POST /jobs"].id


def test_processes_send_their_spans_before_they_end(tmp_path: Path) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4740"
    with _traced(tmp_path, workers=1, delay_ms=600_000) as (stack, collector):
        stack.wait_end(_submit(stack, trace, pdfs.numbered(1)))
        assert not collector.spans
        stack.stop()
        assert {span.name for span in collector.of(trace)} == {
            "POST /jobs", "slimgest.ingest", "slimgest.pages", "slimgest.finish",
        }  # fmt: skip


def test_periodic_tasks_and_health_checks_create_no_traces(traced: tuple[Stack, Collector]) -> None:
    stack, collector = traced
    stack.get("/health/live")
    stack.wait_end(_submit(stack, "4bf92f3577b34da6a3ce929d0e0e4739", pdfs.numbered(1)))
    names = {span.name for span in _whole(collector, "4bf92f3577b34da6a3ce929d0e0e4739")}
    assert names == {"POST /jobs", "slimgest.ingest", "slimgest.pages", "slimgest.finish"}
    assert not [span.name for span in collector.spans if "health" in span.name or "reconcile" in span.name]


ASK = "import sys, api, slimgest_celery.tasks; {}; api.create_app(); print(*sys.modules)"


def _run(ask: str, **env: str) -> subprocess.CompletedProcess[str]:
    everything = {**os.environ, "SLIMGEST_REDIS_URL": "redis://127.0.0.1:9/0", **env}
    return subprocess.run(
        [sys.executable, "-c", ask], cwd=ROOT, env=everything, capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize(
    "env",
    [{}, {ENDPOINT: "http://x", "OTEL_SDK_DISABLED": "true"}, {ENDPOINT: "http://x", "OTEL_TRACES_EXPORTER": "none"}],
)
def test_opentelemetry_is_imported_only_if_traces_are_enabled(env: dict[str, str]) -> None:
    done = _run(ASK.format("pass"), **env)
    assert done.returncode == 0 and "api.app" in done.stdout
    for ours in ("sdk.trace", "exporter", "instrumentation"):  # redis-py imports other parts if they are installed
        assert f"opentelemetry.{ours}" not in done.stdout


def test_without_the_extra_the_service_starts_and_names_the_missing_extra() -> None:
    done = _run(ASK.format("sys.modules['opentelemetry'] = None"), **{ENDPOINT: "http://x"})
    assert done.returncode == 0, done.stderr
    assert "slimgest[otel]" in done.stderr
