"""The limits of one owner."""

from __future__ import annotations

import time

import fakeredis
import pytest
from redis import ConnectionPool, Redis

from slimgest_celery.errors import TooManyPageImages, TooManyRequests
from slimgest_celery.jobs import owner_limits
from slimgest_celery.jobs.owner_limits import Places, RequestRate


def test_one_owner_cannot_take_the_places_of_another() -> None:
    places = Places(2, TooManyPageImages)
    give_back = [places.take("alice"), places.take("alice")]
    with pytest.raises(TooManyPageImages):
        places.take("alice")
    with places.taken("bob"):
        assert (places.used("alice"), places.used("bob")) == (2, 1)
    give_back[0]()
    give_back[0]()
    places.take("alice")
    assert (places.used("alice"), places.used("bob")) == (2, 0), "a place is given back once"


def test_a_place_is_given_back_after_an_error() -> None:
    places = Places(1, TooManyPageImages)
    with pytest.raises(ZeroDivisionError), places.taken(None):
        1 / 0  # noqa: B018 - raises
    assert places.used(None) == 0


def test_retry_after_follows_the_measured_time_of_earlier_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = [0.0]
    monkeypatch.setattr(owner_limits.time, "monotonic", lambda: now_s[0])
    places = Places(4, TooManyPageImages)

    def retry_after_s() -> int:
        kept = [places.take("a") for _ in range(4)]
        with pytest.raises(TooManyPageImages) as refused:
            places.take("a")
        for give_back in kept:
            give_back()
        return refused.value.retry_after_s

    assert retry_after_s() == 5, "before anything was measured"
    for _ in range(60):
        give_back = places.take("a")
        now_s[0] += 40
        give_back()
    assert retry_after_s() == 10, "40 s in each of 4 places"


def test_the_requests_of_one_owner_in_a_minute_are_limited_and_retry_after_is_the_rest_of_the_minute() -> None:
    with fakeredis.FakeRedis() as redis:
        rate = RequestRate(redis, per_minute=3)
        for _ in range(3):
            rate.check("alice")
        with pytest.raises(TooManyRequests) as refused:
            rate.check("alice")
        rest_s = redis.pttl(redis.keys("slimgest:limits*alice*")[0]) / 1000
        assert rest_s <= refused.value.retry_after_s + 1 and 1 <= refused.value.retry_after_s <= 61
        RequestRate(redis, per_minute=3).check("bob")
        with pytest.raises(TooManyRequests):
            RequestRate(redis, per_minute=3).check("alice")


def test_while_redis_is_away_requests_are_accepted_and_redis_is_asked_rarely() -> None:
    with Redis(connection_pool=ConnectionPool(host="127.0.0.1", port=9)) as away:
        rate = RequestRate(away, per_minute=1)
        rate.check("alice")
        started_s = time.monotonic()
        for _ in range(1000):
            rate.check("alice")
        assert time.monotonic() - started_s < 0.5
