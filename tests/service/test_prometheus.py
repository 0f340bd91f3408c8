"""`/metrics` and `/capacity` of a real service: every API process has the same numbers, also after crashes."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import promql_parser as promql
import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.support import engines, pdfs
from tests.support.stack import ROOT, Stack, running, wait_for

Samples = dict[str, float]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Two workers and two API processes for these tests only, so that no other test changes the counters."""
    folder = tmp_path_factory.mktemp("metrics")
    env = {"SLIMGEST_MAX_PENDING_JOBS": "3", "TEST_ENGINE_ONCE": str(folder), "TEST_ENGINE_SECONDS": "0.05"}
    with running(folder, apis=2, **env) as stack:
        yield stack


def families(url: str) -> list[Metric]:
    answer = httpx.get(f"{url}/metrics", timeout=30)
    assert answer.status_code == 200, answer.text
    return list(text_string_to_metric_families(answer.text))


def scraped(url: str) -> Samples:
    """Return every sample by its name and labels: `name{label=value,…}`."""
    return {
        f"{sample.name}{{{','.join(f'{name}={value}' for name, value in sorted(sample.labels.items()))}}}": sample.value
        for family in families(url)
        for sample in family.samples
    }


def counters(samples: Samples) -> Samples:
    """Select the counters that are equal in all API processes. The busy time of workers grows between two requests."""
    kinds = ("slimgest_jobs_total", "slimgest_pages_total", "slimgest_refusals_total", "slimgest_page_seconds")
    return {name: value for name, value in samples.items() if name.startswith((*kinds, "slimgest_job_seconds"))}


def grown(before: Samples, after: Samples, name: str) -> dict[str, float]:
    """Return the increase of each series of a counter that has grown."""
    series = {key: value - before.get(key, 0) for key, value in after.items() if key.startswith(name + "{")}
    return {key.partition("{")[2][:-1]: much for key, much in series.items() if much}


def test_jobs_pages_and_refusals_are_counted_the_same_by_every_api_process(service: Stack) -> None:
    before = scraped(service.url)
    good, bad = pdfs.numbered(3), pdfs.coloured([(0, 1, 0), engines.RAISE])
    assert service.wait_end(service.submit(good))["status"] == "completed"
    assert service.wait_end(service.submit(pdfs.text_pages(["\n".join(pdfs.PROSE)] * 4)))["status"] == "completed"
    assert service.wait_end(service.submit(bad))["status"] == "partial"
    assert service.wait_end(service.submit(b"%PDF-1.7 and no more"))["status"] == "failed"
    endless = [service.submit(pdfs.numbered(200)) for _ in range(3)]
    assert service.post("/jobs", good).status_code == 429
    for job_id in endless:
        service.request("DELETE", f"/jobs/{job_id}")
    assert service.post("/jobs", b"plain text").status_code == 415
    assert service.post("/jobs", good, dpi="7").status_code == 422
    assert service.get("/jobs/00000000-0000-4000-8000-000000000000").status_code == 404, "no refusal of a PDF"

    one, other = (scraped(url) for url, _ in service.apis)
    assert counters(one) == counters(other)
    assert grown(before, one, "slimgest_jobs_total") == {
        "status=completed": 2,
        "status=partial": 1,
        "status=failed": 1,
        "status=cancelled": 3,
    }
    pages = grown(before, one, "slimgest_pages_total")
    assert pages.pop("engine=by-colour,outcome=ok,source=ocr") >= 4, (
        "and the pages of the cancelled jobs that were read"
    )
    assert pages == {
        "engine=none,outcome=ok,source=text_layer": 4,
        "engine=by-colour,outcome=page.engine_failed,source=none": 1,
    }
    refusals = {"code=queue.full": 1, "code=upload.not_pdf": 1, "code=request.option": 1}
    assert grown(before, one, "slimgest_refusals_total") == refusals
    seconds = grown(before, one, "slimgest_job_seconds_count")
    assert seconds["stage=whole"] == 7 and seconds["stage=wait"] == seconds["stage=plan"] >= 3
    assert grown(before, one, "slimgest_page_seconds_count")["stage=read"] >= 8


def test_a_killed_worker_and_a_restarted_api_change_no_count(service: Stack) -> None:
    before = scraped(service.url)
    killing = pdfs.coloured([(0, 1, 0), engines.KILL_ONCE, (0, 3, 0)])
    assert service.wait_end(service.submit(killing))["status"] == "completed"
    after = scraped(service.url)
    assert grown(before, after, "slimgest_jobs_total") == {"status=completed": 1}
    assert grown(before, after, "slimgest_pages_total") == {"engine=by-colour,outcome=ok,source=ocr": 3}
    _, api = service.apis.pop()
    api.send_signal(signal.SIGKILL)
    api.wait()
    assert counters(scraped(service.start_api())) == counters(scraped(service.url)) == counters(after)


def test_a_retried_job_ends_again_and_its_pages_count_again(service: Stack) -> None:
    job_id = service.submit(pdfs.coloured([(0, 1, 0), engines.RAISE_ONCE]))
    assert service.wait_end(job_id)["status"] == "partial"
    before = scraped(service.url)
    assert service.request("POST", f"/jobs/{job_id}/retry").status_code == 202
    assert service.wait_end(job_id)["status"] == "completed"
    after = scraped(service.url)
    assert grown(before, after, "slimgest_jobs_total") == {"status=completed": 1}
    assert grown(before, after, "slimgest_pages_total") == {"engine=by-colour,outcome=ok,source=ocr": 1}
    assert not grown(before, after, "slimgest_job_seconds_count"), (
        "the time between the end and the retry does not count"
    )


def test_queue_workers_and_streams_are_measured_during_a_job(service: Stack) -> None:
    job_id = service.submit(pdfs.numbered(150))
    with ExitStack() as streams:
        lines = [
            streams.enter_context(httpx.stream("GET", f"{url}/jobs/{job_id}/events", timeout=60)).iter_lines()
            for url, _ in service.apis
        ]
        assert all(next(line) for line in lines)
        busy = wait_for(lambda: _when_busy(service), what="both workers to be busy")
        assert busy["slimgest_queue_jobs{}"] == 1 and busy["slimgest_queue_jobs_limit{}"] == 3
        assert 0 < busy["slimgest_queue_pages{}"] <= 150 and busy["slimgest_queue_messages{queue=pages}"] > 0
        assert 0 < busy["slimgest_queue_oldest_seconds{}"] < 60
        assert busy["slimgest_event_streams{}"] == 2
        found = wait_for(lambda: _with_pace(service), what="a measured pace")
        assert found["accepting"] and found["workers"] == 2 and 0 < found["estimated_wait_seconds"] < 60
        assert 1 < found["pages_per_second"] < 80, "two workers at 0.05 s a page, and a few pages of text before"
    service.request("DELETE", f"/jobs/{job_id}")
    service.wait_end(job_id)
    wait_for(lambda: scraped(service.url)["slimgest_workers{state=idle}"] == 2, what="both workers to be idle")
    quiet = scraped(service.url)
    assert quiet["slimgest_queue_jobs{}"] == quiet["slimgest_queue_oldest_seconds{}"] == 0
    workers = [name.partition("{")[2] for name in quiet if name.startswith("slimgest_worker_busy_seconds_total")]
    assert len(workers) == 2 and all(quiet[f"slimgest_worker_memory_bytes{{{worker}"] > 10 << 20 for worker in workers)
    assert sum(quiet[f"slimgest_worker_busy_seconds_total{{{worker}"] for worker in workers) > 0.1
    wait_for(lambda: scraped(service.url)["slimgest_event_streams{}"] == 0, what="the streams to be gone")


def _when_busy(service: Stack) -> Samples | None:
    samples = scraped(service.url)
    return samples if samples["slimgest_workers{state=busy}"] == 2 else None


def _with_pace(service: Stack) -> dict[str, float] | None:
    found: dict[str, float] = service.get("/capacity").json()
    return found if found["pages_per_second"] and found["pages_ahead"] else None


# --- The dashboard and the alerts -------------------------------------------------------------------------------------


def asked() -> list[str]:
    """Return every expression of the alert rules and of the dashboard."""
    rules = (ROOT / "deploy/prometheus/alerts.yml").read_text()
    panels = json.loads((ROOT / "deploy/grafana/slimgest.json").read_text())["panels"]
    alerts = re.findall(r"^ +expr: (?:>-\n +)?(.+)$", rules, re.M)
    assert len(alerts) == rules.count("- alert:")
    return alerts + [target["expr"] for panel in panels for target in panel["targets"]]


def unknown(expression: str, exposed: dict[str, set[str]]) -> set[str]:
    """Return the metrics and labels in an expression that no series has."""
    parts: list[promql.Expr] = []
    promql.walk(promql.parse(expression.replace("$__rate_interval", "1m")), parts.append)
    series = [part for part in parts if isinstance(part, promql.VectorSelector)]
    groups = [part.modifier for part in parts if isinstance(part, promql.AggregateExpr) and part.modifier]
    names = {one.name for one in series} - {"up"}
    labels = {matcher.name for one in series for matcher in one.matchers.matchers} | {
        label for group in groups for label in group.labels
    }
    known = {"job"}.union(*(exposed.get(name, set()) for name in names))
    return (names - set(exposed)) | (labels - known)


def test_every_metric_and_label_of_the_dashboard_and_the_alerts_exists(service: Stack) -> None:
    service.wait_end(service.submit(pdfs.numbered(1)))
    exposed: dict[str, set[str]] = {}
    for family in families(service.url):
        for sample in family.samples:
            exposed.setdefault(sample.name, set()).update(sample.labels)
        if not family.samples:
            assert family.name == "slimgest_device_memory_bytes", "only this metric needs a GPU"
            exposed[family.name] = {"worker", "device"}
    expressions = asked()
    assert len(expressions) > 25
    assert [(expression, wrong) for expression in expressions if (wrong := unknown(expression, exposed))] == []
    assert unknown('sum by (colour) (rate(slimgest_pages_total{size="1"}[5m]))', exposed) == {"colour", "size"}
    assert unknown("slimgest_jobs / slimgest_misspelt", exposed) == {"slimgest_jobs", "slimgest_misspelt"}


def test_every_metric_is_used_and_documented(service: Stack) -> None:
    every = "\n".join(asked())
    names = {f"{one.name}_total" if one.type == "counter" else one.name for one in families(service.url)}
    assert [name for name in names if name not in every] == []
    table = re.findall(r"^\| (`slimgest.*?) \|", (ROOT / "docs/monitoring.md").read_text(), re.M)
    assert {name for row in table for name in re.findall(r"`(\w+)`", row)} == names
