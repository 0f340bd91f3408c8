"""What tasks are sized by. With a Redis in memory."""

from __future__ import annotations

from collections.abc import Iterator

import fakeredis
import pytest

from slimgest_celery.model import Source
from slimgest_celery.pace import Pace


@pytest.fixture
def redis() -> Iterator[fakeredis.FakeRedis]:
    with fakeredis.FakeRedis() as made:
        yield made


@pytest.mark.parametrize("kept", ["1e-320", "1e-30", "1e300", "inf", "nan", "-1", "0", "much", ""])
@pytest.mark.parametrize("source", list(Source))
def test_what_no_page_ever_took_sizes_no_task(redis: fakeredis.FakeRedis, source: Source, kept: str) -> None:
    pace = Pace(redis, "engine")
    unmeasured = pace.span_length(source, 1000, 2)
    redis.hset("slimgest:page_seconds", f"engine:{source}", kept)
    assert pace.span_length(source, 1000, 2) == unmeasured
