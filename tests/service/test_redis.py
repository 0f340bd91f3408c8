"""What the service keeps in Redis: little for each job, and what an earlier release left there is understood."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path

from slimgest_celery.ledger import job_key
from tests.support import pdfs
from tests.support.engines import RAISE
from tests.support.stack import Stack, running, wait_for


def _held(stack: Stack, job_id: str) -> dict[str, int]:
    """Bytes of each key that bears a job's id, by the rest of its name."""
    keys = stack.redis.keys(f"*{job_id}*")
    return {key.decode().replace(job_id, "ID"): stack.redis.memory_usage(key, samples=0) for key in keys}


def test_a_job_that_went_well_takes_four_keys_and_two_kilobytes(stack: Stack) -> None:
    job_id = stack.submit(pdfs.numbered(10))
    assert stack.wait_end(job_id)["status"] == "completed"
    wait_for(lambda: job_key("ID", "attempts") not in _held(stack, job_id), what="the last of its tasks")
    held = _held(stack, job_id)
    assert set(held) == {job_key("ID"), job_key("ID", "done"), job_key("ID", "events"), "celery-task-meta-ID"}
    assert sum(held.values()) < 2048, held


def test_a_stream_takes_what_its_entries_need_in_any_redis(stack: Stack) -> None:
    """Redis would take `stream-node-max-bytes` for the first of them, 4 kB unless set."""
    limit = "stream-node-max-bytes"
    before = stack.redis.config_get(limit)[limit]
    stack.redis.config_set(limit, 4096)
    try:
        job_id = stack.submit(pdfs.coloured([(0, 1, 0)] * 9 + [RAISE]))
        live = list(stack.events(job_id))
        assert _held(stack, job_id)[job_key("ID", "events")] < 1500
        assert list(stack.events(job_id)) == live and len(live) == 12
        assert stack.redis.ttl(job_key(job_id, "events")) > 0
    finally:
        stack.redis.config_set(limit, before)


def test_messages_wait_in_the_clear_and_those_of_an_earlier_release_are_read(tmp_path: Path) -> None:
    with running(tmp_path, workers=0) as stack:
        job_ids = [stack.submit(pdfs.numbered(2)) for _ in range(2)]
        newest, oldest = (json.loads(message) for message in stack.redis.lrange("ingest", 0, -1))
        assert json.loads(oldest["body"])[0] == [job_ids[0], 0], "Redis compresses what it can read"
        body = {"body": b64encode(newest["body"].encode()).decode()}
        coded = {**newest, **body, "properties": {**newest["properties"], "body_encoding": "base64"}}
        stack.redis.lset("ingest", 0, json.dumps(coded))
        stack.start_worker("cpu0")
        assert [stack.wait_end(job_id)["status"] for job_id in job_ids] == ["completed"] * 2
