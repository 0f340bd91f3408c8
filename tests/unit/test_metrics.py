"""What is counted, on a Redis in memory, and how `/metrics` and `/capacity` tell it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import fakeredis
import pytest
from celery import Celery
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

import api.factory
from api import create_app
from slimgest_celery import metrics
from slimgest_celery.access import make_key
from slimgest_celery.capacity import capacity, retry_after_s
from slimgest_celery.config import Settings
from slimgest_celery.errors import PageTimeout
from slimgest_celery.events import Events
from slimgest_celery.files import JobFiles
from slimgest_celery.ledger import Ledger
from slimgest_celery.metrics import KEY, Counts
from slimgest_celery.model import End, JobStatus, Page, PageSeconds, Problem, Source, Worker, now
from slimgest_celery.roster import _SPEED, Roster, _key

READ = Page(page_number=1, status="ok", source=Source.OCR, seconds=PageSeconds(render=0.02, read=0.7))
LOST = Page(page_number=2, status="failed", error=Problem.of(PageTimeout()))
TEXT = Page(page_number=3, status="ok", source=Source.TEXT_LAYER, seconds=PageSeconds(read=0.001))


@pytest.fixture
def redis() -> Iterator[fakeredis.FakeRedis]:
    with fakeredis.FakeRedis() as client:
        yield client


@pytest.fixture
def events(redis: fakeredis.FakeRedis, tmp_path: Path) -> Events:
    return Events(redis, JobFiles(str(tmp_path)), 60)


@pytest.fixture
def client(redis: fakeredis.FakeRedis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    celery = Celery("test", set_as_current=False)
    celery.config_from_object("celeryconfig")
    monkeypatch.setattr(api.factory, "celery", celery)
    monkeypatch.setattr(api.factory, "connect", lambda settings: redis)
    environ = {"SLIMGEST_REDIS_URL": "redis://127.0.0.1:9/0", "SLIMGEST_STORAGE_URL": str(tmp_path)}
    return create_app(Settings.from_env(environ)).test_client()


def told(client: FlaskClient) -> dict[str, float]:
    """Every sample of `/metrics`, as `name{value}…`, the values in the order of their labels' names."""
    answer = client.get("/metrics")
    assert answer.status_code == 200 and answer.content_type.startswith("text/plain; version=")
    return {
        sample.name + "".join(f"{{{value}}}" for _, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_a_page_told_twice_counts_once(events: Events, client: FlaskClient) -> None:
    for _ in range(2):
        events.pages("job", [READ, LOST, TEXT], 3, "rapidocr")
    samples = told(client)
    assert samples["slimgest_pages_total{rapidocr}{ok}{ocr}"] == 1
    assert samples["slimgest_pages_total{rapidocr}{page.timeout}{none}"] == 1
    assert samples["slimgest_pages_total{none}{ok}{text_layer}"] == 1
    assert samples["slimgest_page_seconds_count{render}"] == 1, "only one was rendered"
    assert samples["slimgest_page_seconds_count{read}"] == 2
    assert samples["slimgest_page_seconds_sum{read}"] == pytest.approx(0.701)
    assert samples["slimgest_page_seconds_bucket{0.001}{read}"] == 1, "a bound belongs to its bucket"
    assert samples["slimgest_page_seconds_bucket{0.5}{read}"] == 1
    assert samples["slimgest_page_seconds_bucket{1.0}{read}"] == 2


def test_a_page_told_after_its_job_has_ended_does_not_count(events: Events, client: FlaskClient) -> None:
    events.end("job", End(status=JobStatus.CANCELLED, completed_at=now()), 3, run=0)
    events.pages("job", [READ], 3, "rapidocr")
    assert not [name for name in told(client) if name.startswith("slimgest_pages_total")]


def test_a_page_read_again_counts_again(events: Events, client: FlaskClient) -> None:
    events.pages("job", [LOST], 3, "rapidocr")
    events.reopen("job", [2])
    events.pages("job", [LOST], 3, "rapidocr")
    assert told(client)["slimgest_pages_total{rapidocr}{page.timeout}{none}"] == 2


def test_a_job_ended_twice_counts_once(events: Events, client: FlaskClient) -> None:
    for status in (JobStatus.FAILED, JobStatus.CANCELLED):
        events.end("job", End(status=status, completed_at=now()), 3, 0, metrics.one(metrics.JOBS, status))
    samples = told(client)
    assert samples["slimgest_jobs_total{failed}"] == 1 and samples["slimgest_jobs_total{cancelled}"] == 0


def test_what_is_longer_than_every_bucket_is_in_the_last(redis: fakeredis.FakeRedis, client: FlaskClient) -> None:
    Counts(redis).add(metrics.seconds(metrics.JOB_SECONDS, "whole", 1e6))
    samples = told(client)
    assert samples["slimgest_job_seconds_bucket{86400.0}{whole}"] == 0
    assert samples["slimgest_job_seconds_bucket{+Inf}{whole}"] == samples["slimgest_job_seconds_count{whole}"] == 1


def test_nonsense_in_redis_is_passed_over(redis: fakeredis.FakeRedis, events: Events, client: FlaskClient) -> None:
    nonsense: dict[bytes, bytes] = {
        b"slimgest_jobs|completed": b"many",
        b"slimgest_jobs|\xff": b"1",
        b'slimgest_jobs|a"b\nc': b"1",
        b"slimgest_jobs|failed|more": b"1",
        b"slimgest_jobs|partial": b"-3",
        b"no_such_metric|a": b"1",
        b"": b"1",
        b"slimgest_page_seconds|read|le|7": b"1",
    }
    redis.hset(KEY, mapping=nonsense)  # type: ignore[arg-type]
    redis.hset(_SPEED, mapping={"pages": "nan", "seconds": "inf"})
    for name in ("cpu0@a", "cpu1@a"):  # two entries of one name, and a time that is none
        redis.sadd("slimgest:workers", name)
        redis.hset(_key(name), mapping={"name": "twin", "device": "cpu", "engine": "x", "state": "idle"})
    redis.sadd("slimgest:workers", "cpu2@a")
    entry = {"name": "cpu2@a", "device": "cpu", "engine": "x", "state": "busy", "busy_since": "-inf"}
    redis.hset(_key("cpu2@a"), mapping=entry)
    events.pages("job", [READ], 1, "rapidocr")
    samples = told(client)
    assert samples["slimgest_pages_total{rapidocr}{ok}{ocr}"] == 1
    assert samples["slimgest_page_seconds_count{read}"] == 1
    assert [name for name in samples if name.startswith("slimgest_jobs_total")] == [
        f"slimgest_jobs_total{{{status}}}" for status in ("cancelled", "completed", "failed", "partial")
    ]
    assert not any(samples[name] for name in samples if name.startswith("slimgest_jobs_total"))
    assert samples["slimgest_workers{idle}"] == 1 and samples["slimgest_worker_busy_seconds_total{cpu}{twin}"] == 0
    assert client.get("/capacity").json["pages_per_second"] is None  # type: ignore[index]


def test_a_count_that_cannot_be_added_to_spoils_no_telling(redis: fakeredis.FakeRedis, events: Events) -> None:
    redis.set(KEY, "not a hash")
    events.pages("job", [READ], 1, "rapidocr")
    assert [event.type for event in events.replay("job", "0-0")] == ["page"]


def test_an_engine_with_any_name_is_one_label(events: Events, client: FlaskClient) -> None:
    events.pages("job", [READ], 1, 'my|engine "1"')
    assert told(client)["slimgest_pages_total{other}{ok}{ocr}"] == 1


def test_busy_seconds_grow_while_a_worker_is_busy_and_never_fall(redis: fakeredis.FakeRedis) -> None:
    roster = Roster(redis)
    roster.sign_on(Worker(name="cpu0@a", device="cpu", engine="x", state="idle"))
    seen = [roster.workers()[0].busy_seconds]
    for _ in range(3):
        roster.busy("cpu0@a", "job", 1)
        seen += [roster.workers()[0].busy_seconds, roster.workers()[0].busy_seconds]
        roster.idle("cpu0@a", pages=1, memory_mb=120)
        seen += [roster.workers()[0].busy_seconds]
    assert seen == sorted(seen) and seen[0] == 0 < seen[1] < seen[2]
    assert roster.workers()[0].memory_mb == 120


def test_the_pace_is_that_of_busy_time_and_outlives_the_workers(redis: fakeredis.FakeRedis) -> None:
    roster = Roster(redis)
    roster.sign_on(Worker(name="cpu0@a", device="cpu", engine="x", state="idle"))
    assert roster.speed() is None
    _worked(redis, roster, pages=20, seconds=10)
    assert roster.speed() == pytest.approx(2, rel=0.01)
    _worked(redis, roster, pages=30, seconds=3000)  # what came later outweighs what was before
    assert roster.speed() == pytest.approx(0.01, rel=0.1)
    roster.sign_off("cpu0@a")
    assert roster.speed() == pytest.approx(0.01, rel=0.1)


def _worked(redis: fakeredis.FakeRedis, roster: Roster, pages: int, seconds: float) -> None:
    roster.busy("cpu0@a", "job", 1)
    since = float(redis.hget(_key("cpu0@a"), "busy_since") or 0)
    redis.hset(_key("cpu0@a"), "busy_since", since - seconds)
    roster.idle("cpu0@a", pages=pages, memory_mb=1)


def test_capacity_says_how_long_or_why_it_cannot(redis: fakeredis.FakeRedis) -> None:
    ledger, roster = Ledger(redis, 60), Roster(redis)
    ledger.admit(["a", "b"], 3, 1.0)
    ledger.planned("a", 39)
    found = capacity(ledger, roster, limit=3)
    assert (found.pages_ahead, found.estimated_wait_seconds, found.detail) == (40, None, "No worker is ready.")
    roster.sign_on(Worker(name="cpu0@a", device="cpu", engine="x", state="idle"))
    roster.sign_on(Worker(name="cpu1@a", device="cpu", engine="x", state="starting"))
    assert capacity(ledger, roster, limit=3).detail == "No page was read yet."
    _worked(redis, roster, pages=20, seconds=10)
    found = capacity(ledger, roster, limit=3)
    assert (found.accepting, found.pending_jobs, found.limit, found.workers, found.detail) == (True, 2, 3, 1, None)
    assert found.pages_per_second == pytest.approx(2, rel=0.01)
    assert found.estimated_wait_seconds == pytest.approx(20, rel=0.01)
    ledger.planned("a", 10**9)
    assert capacity(ledger, roster, limit=2).estimated_wait_seconds == 86400
    assert not capacity(ledger, roster, limit=2).accepting


def test_retry_after_follows_the_pace_and_has_bounds(redis: fakeredis.FakeRedis) -> None:
    ledger, roster = Ledger(redis, 60), Roster(redis)
    ledger.admit(["a", "b"], 3, 1.0)
    ledger.planned("a", 39)
    assert retry_after_s(ledger, roster, 1) == 5, "nothing is measured yet"
    roster.sign_on(Worker(name="cpu0@a", device="cpu", engine="x", state="idle"))
    _worked(redis, roster, pages=20, seconds=10)
    assert retry_after_s(ledger, roster, 1) in (10, 11), "half of the 40 pages at 2 pages a second"
    assert retry_after_s(ledger, roster, 3) in (30, 31)
    ledger.planned("a", 5000)
    assert retry_after_s(ledger, roster, 1) == 60


def test_with_api_keys_metrics_and_capacity_want_one(tmp_path: Path) -> None:
    _, pair = make_key("prometheus")
    environ = {"SLIMGEST_REDIS_URL": "redis://127.0.0.1:9/0", "SLIMGEST_STORAGE_URL": str(tmp_path)}
    asked = create_app(Settings.from_env({**environ, "SLIMGEST_API_KEYS": pair})).test_client()
    for path in ("/metrics", "/capacity"):
        assert asked.get(path).status_code == 401
