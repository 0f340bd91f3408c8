"""The counters, and how `/metrics` reports them. Redis is in memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import fakeredis
import pytest
from celery import Celery
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

import api.app
from api import create_app
from slimgest_celery.api_keys import make_key
from slimgest_celery.config import Settings
from slimgest_celery.errors import PageTimeout
from slimgest_celery.events.event_log import EventLog
from slimgest_celery.models.job import End, JobStatus
from slimgest_celery.models.page import Page, PageSeconds, Source
from slimgest_celery.models.problem import Problem
from slimgest_celery.models.record import now
from slimgest_celery.models.warning import DPI_LOWERED, LOW_CONFIDENCE, make_warning
from slimgest_celery.state.worker_registry import _key
from slimgest_celery.storage.job_files import JobFiles
from slimgest_celery.telemetry import metrics
from slimgest_celery.telemetry.metrics import KEY, Counts

READ = Page(page_number=1, status="ok", source=Source.OCR, seconds=PageSeconds(render=0.02, read=0.7))
LOST = Page(page_number=2, status="failed", error=Problem.from_error(PageTimeout()))
TEXT = Page(page_number=3, status="ok", source=Source.TEXT_LAYER, seconds=PageSeconds(read=0.001))


@pytest.fixture
def redis() -> Iterator[fakeredis.FakeRedis]:
    with fakeredis.FakeRedis() as client:
        yield client


@pytest.fixture
def events(redis: fakeredis.FakeRedis, tmp_path: Path) -> EventLog:
    return EventLog(redis, JobFiles(str(tmp_path)), 60)


@pytest.fixture
def client(redis: fakeredis.FakeRedis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    celery = Celery("test", set_as_current=False)
    celery.config_from_object("celeryconfig")
    monkeypatch.setattr(api.app, "celery", celery)
    monkeypatch.setattr(api.app, "connect", lambda settings: redis)
    environ = {"SLIMGEST_REDIS_URL": "redis://127.0.0.1:9/0", "SLIMGEST_STORAGE_URL": str(tmp_path)}
    return create_app(Settings.from_env(environ)).test_client()


def scrape(client: FlaskClient) -> dict[str, float]:
    """Return every sample of `/metrics`, as `name{value}…`, the values in the order of their labels' names."""
    answer = client.get("/metrics")
    assert answer.status_code == 200 and answer.content_type.startswith("text/plain; version=")
    return {
        sample.name + "".join(f"{{{value}}}" for _, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_a_page_published_twice_counts_once(events: EventLog, client: FlaskClient) -> None:
    for _ in range(2):
        events.publish_pages("job", [READ, LOST, TEXT], 3, "rapidocr")
    samples = scrape(client)
    assert samples["slimgest_pages_total{rapidocr}{ok}{ocr}"] == 1
    assert samples["slimgest_pages_total{rapidocr}{page.timeout}{none}"] == 1
    assert samples["slimgest_pages_total{none}{ok}{text_layer}"] == 1
    assert samples["slimgest_page_seconds_count{render}"] == 1, "only one page was rendered"
    assert samples["slimgest_page_seconds_count{read}"] == 2
    assert samples["slimgest_page_seconds_sum{read}"] == pytest.approx(0.701)
    assert samples["slimgest_page_seconds_bucket{0.001}{read}"] == 1, "a bound belongs to its bucket"
    assert samples["slimgest_page_seconds_bucket{0.5}{read}"] == 1
    assert samples["slimgest_page_seconds_bucket{1.0}{read}"] == 2


def test_warnings_of_pages_count_by_code(events: EventLog, client: FlaskClient) -> None:
    warned = READ.model_copy(update={"warnings": [make_warning(LOW_CONFIDENCE), make_warning(DPI_LOWERED)]})
    events.publish_pages("job", [warned, TEXT], 2, "rapidocr")
    samples = scrape(client)
    assert samples["slimgest_page_warnings_total{text.low_confidence}"] == 1
    assert samples["slimgest_page_warnings_total{page.dpi_lowered}"] == 1
    assert samples["slimgest_page_warnings_total{script.unsupported}"] == 0


def test_a_page_published_after_the_end_of_its_job_does_not_count(events: EventLog, client: FlaskClient) -> None:
    events.publish_end("job", End(status=JobStatus.CANCELLED, completed_at=now()), 3, retry_count=0)
    events.publish_pages("job", [READ], 3, "rapidocr")
    assert not [name for name in scrape(client) if name.startswith("slimgest_pages_total")]


def test_a_page_read_again_counts_again(events: EventLog, client: FlaskClient) -> None:
    events.publish_pages("job", [LOST], 3, "rapidocr")
    events.reopen("job", [2])
    events.publish_pages("job", [LOST], 3, "rapidocr")
    assert scrape(client)["slimgest_pages_total{rapidocr}{page.timeout}{none}"] == 2


def test_a_job_ended_twice_counts_once(events: EventLog, client: FlaskClient) -> None:
    for status in (JobStatus.FAILED, JobStatus.CANCELLED):
        events.publish_end("job", End(status=status, completed_at=now()), 3, 0, metrics.one(metrics.JOBS, status))
    samples = scrape(client)
    assert samples["slimgest_jobs_total{failed}"] == 1 and samples["slimgest_jobs_total{cancelled}"] == 0


def test_an_observation_above_all_bounds_is_in_the_last_bucket(redis: fakeredis.FakeRedis, client: FlaskClient) -> None:
    Counts(redis).add(metrics.seconds(metrics.JOB_SECONDS, "whole", 1e6))
    samples = scrape(client)
    assert samples["slimgest_job_seconds_bucket{86400.0}{whole}"] == 0
    assert samples["slimgest_job_seconds_bucket{+Inf}{whole}"] == samples["slimgest_job_seconds_count{whole}"] == 1


def test_invalid_values_in_redis_are_ignored(redis: fakeredis.FakeRedis, events: EventLog, client: FlaskClient) -> None:
    invalid: dict[bytes, bytes] = {
        b"slimgest_jobs|completed": b"many",
        b"slimgest_jobs|\xff": b"1",
        b'slimgest_jobs|a"b\nc': b"1",
        b"slimgest_jobs|failed|more": b"1",
        b"slimgest_jobs|partial": b"-3",
        b"no_such_metric|a": b"1",
        b"": b"1",
        b"slimgest_page_seconds|read|le|7": b"1",
    }
    redis.hset(KEY, mapping=invalid)  # type: ignore[arg-type]
    redis.hset("slimgest:page_seconds", mapping={"rapidocr:ocr:pages": "nan", "rapidocr:ocr:seconds": "inf"})
    for name in ("cpu0@a", "cpu1@a"):  # two entries with one name, and an invalid time
        redis.sadd("slimgest:workers", name)
        redis.hset(_key(name), mapping={"name": "twin", "device": "cpu", "engine": "x", "state": "idle"})
    redis.sadd("slimgest:workers", "cpu2@a")
    entry = {"name": "cpu2@a", "device": "cpu", "engine": "x", "state": "busy", "busy_since": "-inf"}
    redis.hset(_key("cpu2@a"), mapping=entry)
    events.publish_pages("job", [READ], 1, "rapidocr")
    samples = scrape(client)
    assert samples["slimgest_pages_total{rapidocr}{ok}{ocr}"] == 1
    assert samples["slimgest_page_seconds_count{read}"] == 1
    assert [name for name in samples if name.startswith("slimgest_jobs_total")] == [
        f"slimgest_jobs_total{{{status}}}" for status in ("cancelled", "completed", "failed", "partial")
    ]
    assert not any(samples[name] for name in samples if name.startswith("slimgest_jobs_total"))
    assert samples["slimgest_workers{idle}"] == 1 and samples["slimgest_worker_busy_seconds_total{cpu}{twin}"] == 0
    assert client.get("/capacity").json["pages_per_second"] is None  # type: ignore[index]


def test_an_event_is_published_even_if_its_count_fails(redis: fakeredis.FakeRedis, events: EventLog) -> None:
    redis.set(KEY, "not a hash")
    events.publish_pages("job", [READ], 1, "rapidocr")
    assert [event.type for event in events.replay("job", "0-0")] == ["page"]


def test_an_engine_with_any_name_is_one_label(events: EventLog, client: FlaskClient) -> None:
    events.publish_pages("job", [READ], 1, 'my|engine "1"')
    assert scrape(client)["slimgest_pages_total{other}{ok}{ocr}"] == 1


def test_with_api_keys_metrics_and_capacity_require_one(tmp_path: Path) -> None:
    _, pair = make_key("prometheus")
    environ = {"SLIMGEST_REDIS_URL": "redis://127.0.0.1:9/0", "SLIMGEST_STORAGE_URL": str(tmp_path)}
    client = create_app(Settings.from_env({**environ, "SLIMGEST_API_KEYS": pair})).test_client()
    for path in ("/metrics", "/capacity"):
        assert client.get(path).status_code == 401
