"""The verdicts on a job's fonts: shared, final when wrong, and bounded in samples. Redis is in memory."""

from __future__ import annotations

import fakeredis

from slimgest_celery.config import MAX_FONT_SAMPLES
from slimgest_celery.state.font_verdicts import JobFontVerdicts


def test_all_tasks_of_a_job_share_verdicts_and_samples() -> None:
    with fakeredis.FakeRedis() as redis:
        one, another = JobFontVerdicts(redis, "a", keep_s=60), JobFontVerdicts(redis, "a", keep_s=60)
        one.record({"1.0", "2.0"}, is_right=True)
        another.record({"2.0", "3.0"}, is_right=False)
        one.record({"3.0"}, is_right=True)
        assert one.find({"1.0", "2.0", "3.0", "4.0"}) == {"1.0": True, "2.0": False, "3.0": False}
        assert one.find(()) == {} and one.any_wrong()
        assert not JobFontVerdicts(redis, "b", keep_s=60).any_wrong()
        assert [verdicts.take_sample() for verdicts in (one, another) * 2] == [True] * MAX_FONT_SAMPLES + [False]
        assert JobFontVerdicts(redis, "b", keep_s=60).take_sample(), "another job has its own"
        assert all(0 < redis.ttl(key) <= 60 for key in redis.keys("slimgest:job:*"))
