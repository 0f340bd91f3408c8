"""What pages cost, as workers tell each other. Redis is in memory."""

from __future__ import annotations

import fakeredis
import pytest

from slimgest_celery.model import Page, PageSeconds, Source
from slimgest_celery.pace import Pace


def _page(source: Source | None, seconds: float, cached: bool = False) -> Page:
    took = PageSeconds(render=seconds / 4, read=seconds * 3 / 4)
    return Page(page_number=1, status="ok", source=source, seconds=took, cached=cached)


def test_pages_make_the_pace_of_their_source_and_engine() -> None:
    with fakeredis.FakeRedis() as redis:
        pace, other = Pace(redis, "one"), Pace(redis, "other")
        unknown_s = pace.page_s(Source.OCR)
        pace.note([_page(Source.OCR, 0.05), _page(Source.OCR, 0.15), _page(Source.TEXT_LAYER, 0.002), _page(None, 9)])
        assert pace.page_s(Source.OCR) == pytest.approx(0.1) and pace.page_s(Source.TEXT_LAYER) == pytest.approx(0.002)
        pace.note([_page(Source.OCR, 60)])
        assert 0.1 < pace.page_s(Source.OCR) < 0.3, "one slow page is no slow engine"
        pace.note([_page(Source.OCR, 0, cached=True)])
        assert pace.page_s(Source.OCR) > 0.1, "a page that was not read says nothing"
        assert other.page_s(Source.OCR) == unknown_s


@pytest.mark.parametrize("nonsense", ["nan", "-1", "inf", "0", "fast", "", "1e-320", "1e-30", "1e300", b"\xff"])
def test_nonsense_in_redis_is_no_pace(nonsense: str | bytes) -> None:
    with fakeredis.FakeRedis() as redis:
        pace = Pace(redis, "one")
        unknown_s = pace.page_s(Source.OCR)
        redis.hset("slimgest:page_seconds", "one:ocr", nonsense)
        assert pace.page_s(Source.OCR) == unknown_s
