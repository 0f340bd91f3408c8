"""The measured reading speed of the workers. Redis is in memory."""

from __future__ import annotations

from collections.abc import Iterator

import fakeredis
import pytest

from slimgest_celery.models.page import Page, PageSeconds, Source
from slimgest_celery.models.service import Worker
from slimgest_celery.state.page_timings import PageTimings
from slimgest_celery.state.worker_registry import WorkerRegistry


@pytest.fixture
def redis() -> Iterator[fakeredis.FakeRedis]:
    with fakeredis.FakeRedis() as made:
        yield made


def _page(source: Source | None, seconds: float, cached: bool = False) -> Page:
    took = PageSeconds(render=seconds / 4, read=seconds * 3 / 4)
    return Page(page_number=1, status="ok", source=source, seconds=took, cached=cached)


def test_the_time_per_page_is_measured_for_each_engine_and_source(redis: fakeredis.FakeRedis) -> None:
    timings = PageTimings(redis)
    unmeasured_s = timings.page_s("other", Source.OCR)
    ocr, text = [_page(Source.OCR, 0.05), _page(Source.OCR, 0.15)], [_page(Source.TEXT_LAYER, 0.002)]
    timings.record("one", [*ocr, *text], took_s=0.202)
    assert timings.page_s("one", Source.OCR) == pytest.approx(0.1)
    assert timings.page_s("one", Source.TEXT_LAYER) == pytest.approx(0.002)
    assert timings.page_s("other", Source.OCR) == unmeasured_s


def test_the_time_of_the_worker_counts_and_not_the_sum_of_overlapping_pages(redis: fakeredis.FakeRedis) -> None:
    timings = PageTimings(redis)
    timings.record("one", [_page(Source.OCR, 0.2)] * 10, took_s=1)
    assert timings.page_s("one", Source.OCR) == pytest.approx(0.1)
    assert timings.pages_per_second() == pytest.approx(10)


def test_pages_from_the_cache_and_failed_pages_are_not_counted(redis: fakeredis.FakeRedis) -> None:
    timings = PageTimings(redis)
    timings.record("one", [_page(Source.OCR, 0, cached=True), _page(None, 9)], took_s=9)
    assert timings.pages_per_second() is None


def test_the_speed_is_that_of_all_engines_and_sources_together(redis: fakeredis.FakeRedis) -> None:
    timings = PageTimings(redis)
    assert timings.pages_per_second() is None
    timings.record("one", [_page(Source.TEXT_LAYER, 0.01)] * 90, took_s=0.9)
    timings.record("two", [_page(Source.OCR, 1)] * 10, took_s=9.1)
    assert timings.pages_per_second() == pytest.approx(10, rel=0.05)


def test_later_pages_outweigh_earlier_ones_and_the_speed_outlives_the_workers(redis: fakeredis.FakeRedis) -> None:
    timings, worker_registry = PageTimings(redis), WorkerRegistry(redis)
    worker_registry.register(Worker(name="cpu0@a", device="cpu", engine="one", state="idle"))
    timings.record("one", [_page(Source.OCR, 0.5)] * 20, took_s=10)
    assert timings.pages_per_second() == pytest.approx(2)
    timings.record("one", [_page(Source.OCR, 100)] * 30, took_s=3000)
    assert timings.pages_per_second() == pytest.approx(0.01, rel=0.1)
    worker_registry.deregister("cpu0@a")
    assert timings.pages_per_second() == pytest.approx(0.01, rel=0.1)


@pytest.mark.parametrize("invalid", ["nan", "-1", "inf", "0", "fast", "", "1e-320", "1e300", b"\xff"])
def test_invalid_values_in_redis_are_ignored(redis: fakeredis.FakeRedis, invalid: str | bytes) -> None:
    timings = PageTimings(redis)
    unmeasured_s = timings.page_s("one", Source.OCR)
    redis.hset("slimgest:page_seconds", mapping={"one:ocr:pages": 1, "one:ocr:seconds": invalid, b"\xff": 1})
    assert timings.page_s("one", Source.OCR) == unmeasured_s
    assert timings.pages_per_second() is None
    timings.record("one", [_page(Source.TEXT_LAYER, 0.01)], took_s=0.01)
    assert timings.pages_per_second() is not None


def test_the_averages_of_version_0_1_0_are_ignored(redis: fakeredis.FakeRedis) -> None:
    timings = PageTimings(redis)
    redis.hset("slimgest:page_seconds", "one:ocr", 0.1)
    assert timings.pages_per_second() is None
    timings.record("one", [_page(Source.OCR, 0.5)], took_s=0.5)
    assert timings.page_s("one", Source.OCR) == pytest.approx(0.5)
