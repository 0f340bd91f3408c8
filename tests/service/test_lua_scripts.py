"""Each Lua script on a real Redis, because the Redis in memory of the unit tests runs Lua in another way."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from redis.commands.core import Script

import slimgest_celery
from slimgest_celery.state.lua_scripts import load_script
from tests.support.redis import RedisServer

SCRIPTS = sorted(Path(slimgest_celery.__file__).parent.rglob("*.lua"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    started = RedisServer(tmp_path_factory.mktemp("scripts") / "redis")
    yield started
    started.kill()


@pytest.fixture
def redis(server: RedisServer) -> Iterator[Redis]:
    with Redis.from_url(server.url, decode_responses=True) as client:
        client.flushall()
        yield client


def _script(redis: Redis, package: str, name: str) -> Script:
    return load_script(redis, f"slimgest_celery.{package}.a_module", name)


def test_every_script_is_tested_here() -> None:
    tests = "".join(name for name in globals() if name.startswith("test_"))
    assert len(SCRIPTS) >= 7
    assert [script.stem for script in SCRIPTS if f"test_{script.stem}" not in tests] == []


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_every_script_compiles_and_names_its_keys_and_arguments_at_the_top(redis: Redis, path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert redis.script_load(source)
    code = [line for line in source.splitlines() if line and not line.startswith("--")]
    assert code[0].startswith("local ") and "KEYS[" in code[0]


def test_admit_admits_all_jobs_or_none(redis: Redis) -> None:
    admit = _script(redis, "state", "admit")
    assert admit(keys=["pending", "listed"], args=[3, 3, 7.5, "a", "b"]) == 1
    assert admit(keys=["pending", "listed"], args=[3, 3, 8, "c", "d"]) == 0
    assert admit(keys=["pending", "listed"], args=[3, 3, 9, "e"]) == 1
    assert redis.zrange("pending", 0, -1, withscores=True) == [("a", 7.5), ("b", 7.5), ("e", 9)]
    assert redis.zrange("listed", 0, -1) == ["a", "b", "e"]


def test_close_removes_an_ended_job_and_keeps_one_that_was_retried(redis: Redis) -> None:
    close, keys = _script(redis, "state", "close"), ["job", "pending", "attempts"]
    redis.zadd("pending", {"a": 1, "b": 2})
    redis.hset("attempts", "1-4", 1)
    close(keys=keys, args=["a"])
    assert redis.zrange("pending", 0, -1) == ["a", "b"] and redis.exists("attempts")
    redis.hset("job", "ended", 1)
    close(keys=keys, args=["a"])
    assert redis.zrange("pending", 0, -1) == ["b"] and not redis.exists("attempts")


def test_undo_attempt_subtracts_one_and_deletes_the_count_at_zero(redis: Redis) -> None:
    undo_attempt = _script(redis, "state", "undo_attempt")
    redis.hset("attempts", "1-4", 2)
    undo_attempt(keys=["attempts"], args=["1-4"])
    assert redis.hgetall("attempts") == {"1-4": "1"}
    undo_attempt(keys=["attempts"], args=["1-4"])
    undo_attempt(keys=["attempts"], args=["1-4"])
    assert not redis.exists("attempts")


def test_mark_busy_and_test_mark_idle_add_up_the_busy_seconds(redis: Redis) -> None:
    busy, idle = _script(redis, "state", "mark_busy"), _script(redis, "state", "mark_idle")
    busy(keys=["worker"], args=["a-job", 3])
    since_s = float(redis.hget("worker", "busy_since") or 0)
    seconds, microseconds = redis.time()
    assert 0 <= seconds + microseconds / 1e6 - since_s < 5
    assert redis.hmget("worker", "state", "job_id", "page_number") == ["busy", "a-job", "3"]
    redis.hset("worker", "busy_since", since_s - 10)
    idle(keys=["worker"], args=[120])
    assert redis.hget("worker", "state") == "idle" and redis.hget("worker", "memory_mb") == "120"
    assert 10 <= float(redis.hget("worker", "busy_seconds") or 0) < 15
    assert redis.hmget("worker", "job_id", "page_number", "busy_since") == [None] * 3
    idle(keys=["worker"], args=[120])
    assert float(redis.hget("worker", "busy_seconds") or 0) < 15, "it was not busy"


def test_record_timings_adds_to_sums_that_fade_together_with_busy_time(redis: Redis) -> None:
    record_timings, keys = _script(redis, "state", "record_timings"), ["timings", "names"]

    def record(took_s: float, *increments: object) -> dict[str, float]:
        record_timings(keys=keys, args=[300, took_s, *increments])
        return {name: float(value) for name, value in redis.hgetall("timings").items()}

    sums = record(10, "e:ocr", 4, 9.5, "e:text_layer", 100, 0.5)
    assert sums == {"e:ocr:pages": 4, "e:ocr:seconds": 9.5, "e:text_layer:pages": 100, "e:text_layer:seconds": 0.5}
    sums = record(300, "e:ocr", 1, 300)
    assert sums["e:ocr:pages"] == pytest.approx(4 / math.e + 1)
    assert sums["e:text_layer:pages"] / sums["e:text_layer:seconds"] == pytest.approx(200), "it is remembered"
    redis.sadd("names", "cpu0", "cpu1")
    sums = record(600, "f:ocr", 1, 600)  # 300 s of each of two workers
    assert sums["e:ocr:pages"] == pytest.approx((4 / math.e + 1) / math.e)


def test_record_timings_ignores_invalid_values(redis: Redis) -> None:
    record_timings = _script(redis, "state", "record_timings")
    redis.hset("timings", mapping={"e:ocr": "0.5", "e:ocr:pages": "nan", "e:ocr:seconds": "-1", "x:pages": "1e300"})
    record_timings(keys=["timings", "names"], args=[300, 1, "e:ocr", 2, 1])
    assert redis.hgetall("timings") == {"e:ocr": "0.5", "e:ocr:pages": "2", "e:ocr:seconds": "1", "x:pages": "0"}
    redis.set("text", "not a hash")
    assert record_timings(keys=["text", "names"], args=[300, 1, "e:ocr", 2, 1]) is None


def test_may_yield_lets_no_more_workers_yield_than_messages_wait(redis: Redis) -> None:
    may_yield, keys = _script(redis, "pipeline", "may_yield"), ["ingest", "pages:1", "yielding"]
    assert may_yield(keys=keys, args=[60_000]) == 0
    redis.lpush("ingest", "a message")
    redis.lpush("pages:1", "another")
    assert [may_yield(keys=keys, args=[60_000]) for _ in range(4)] == [1, 1, 0, 0]
    assert 0 < redis.pttl("yielding") <= 60_000
    redis.delete("yielding")  # as when it expires
    assert may_yield(keys=keys, args=[60_000]) == 1


class Publisher:
    """Calls events/publish.lua for one job."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._script = _script(redis, "events", "publish")
        self.channel = redis.pubsub(ignore_subscribe_messages=True)
        self.channel.subscribe("stream")
        self.channel.get_message(timeout=5)

    def __call__(self, kind: str, data: dict[str, Any], *rest: object) -> str | None:
        text, page_number, failed, retry_count, *increments = rest
        head = json.dumps(data).removesuffix("}")
        args = [kind, head, text, page_number, failed, 60, retry_count, *increments]
        return self._script(keys=["stream", "done", "failed", "job", "counts"], args=args)  # type: ignore[return-value]

    def page(self, number: int, failed: int = 0) -> str | None:
        return self("page", {"page_number": number}, ',"page_text":"a \\"b\\""', number, failed, "", "pages", 1)

    def message(self) -> Any:
        return json.loads(self.channel.get_message(timeout=5)["data"])


@pytest.fixture
def publish(redis: Redis) -> Iterator[Publisher]:
    publisher = Publisher(redis)
    yield publisher
    publisher.channel.close()


def test_publish_stores_an_event_and_sends_it_with_the_text_of_its_page(redis: Redis, publish: Publisher) -> None:
    publish.page(1, failed=1)
    event_id = publish.page(2)
    data = {"page_number": 2, "pages_done": 2, "pages_failed": 1}
    (_, (stored_id, fields)) = redis.xrange("stream")
    assert (stored_id, fields["type"], json.loads(fields["data"])) == (event_id, "page", data)
    assert publish.message()["data"]["page_number"] == 1
    assert publish.message() == {"type": "page", "id": event_id, "data": {**data, "page_text": 'a "b"'}}
    assert all(0 < redis.ttl(key) <= 60 for key in ("stream", "done", "failed", "job") if redis.exists(key))
    assert redis.hgetall("counts") == {"pages": "2"}


def test_publish_publishes_a_page_again_only_if_a_retry_changed_its_outcome(redis: Redis, publish: Publisher) -> None:
    assert publish.page(1, failed=1) and not publish.page(1, failed=1)
    assert publish.page(1, failed=0) and not publish.page(1, failed=0)
    assert redis.xlen("stream") == 2 and redis.hgetall("counts") == {"pages": "2"}


def test_publish_publishes_the_start_and_the_end_once_and_nothing_after_the_end(
    redis: Redis, publish: Publisher
) -> None:
    assert [bool(publish("start", {}, "", "", 0, "")) for _ in range(2)] == [True, False]
    assert [bool(publish("complete", {"a": 1}, "", "", 0, 0)) for _ in range(2)] == [True, False]
    assert not publish.page(1)
    assert redis.hmget("job", "started", "ended") == ["1", "1"]


def test_publish_ignores_the_end_of_a_run_that_a_retry_replaced(redis: Redis, publish: Publisher) -> None:
    redis.hset("job", "run", 1)
    assert not publish("complete", {"a": 1}, "", "", 0, 0) and not redis.hexists("job", "ended")
    assert publish("complete", {"a": 1}, "", "", 0, 1)


def test_publish_works_although_redis_refuses_its_count(redis: Redis, publish: Publisher) -> None:
    redis.set("counts", "not a hash")
    assert publish.page(1) and redis.xlen("stream") == 1
