"""The memory that jobs take in Redis, and the messages of earlier releases there."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path

from slimgest_celery.state.job_state import job_key
from tests.support import pdfs
from tests.support.stack import Stack, running, wait_for


def _key_sizes(stack: Stack, job_id: str) -> dict[str, int]:
    """Return the bytes of each key whose name contains the job's id, by that name with ID in its place."""
    keys = stack.redis.keys(f"*{job_id}*")
    return {key.decode().replace(job_id, "ID"): stack.redis.memory_usage(key, samples=0) for key in keys}


def test_a_completed_job_of_ten_pages_takes_four_keys_and_less_than_a_kilobyte_per_page(stack: Stack) -> None:
    job_id = stack.submit(pdfs.numbered(10))
    assert stack.wait_end(job_id)["status"] == "completed"
    wait_for(lambda: job_key("ID", "attempts") not in _key_sizes(stack, job_id), what="the end of its last task")
    sizes = _key_sizes(stack, job_id)
    assert set(sizes) == {job_key("ID"), job_key("ID", "done"), job_key("ID", "events"), "celery-task-meta-ID"}
    assert sum(sizes.values()) < 10 * 1024, sizes


def test_messages_are_queued_as_plain_json_and_the_base64_of_earlier_releases_is_still_read(tmp_path: Path) -> None:
    with running(tmp_path, workers=0) as stack:
        job_ids = [stack.submit(pdfs.numbered(2)) for _ in range(2)]
        newest, oldest = (json.loads(message) for message in stack.redis.lrange("ingest", 0, -1))
        assert json.loads(oldest["body"])[0] == [job_ids[0], 0], "Redis compresses plain text better than base64"
        body = {"body": b64encode(newest["body"].encode()).decode()}
        encoded = {**newest, **body, "properties": {**newest["properties"], "body_encoding": "base64"}}
        stack.redis.lset("ingest", 0, json.dumps(encoded))
        stack.start_worker("cpu0")
        assert [stack.wait_end(job_id)["status"] for job_id in job_ids] == ["completed"] * 2
