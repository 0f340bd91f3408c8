"""Forged messages in Redis: they are never executed and stop no worker."""

from __future__ import annotations

import base64
import json
import pickle
import uuid
from pathlib import Path

from tests.support import pdfs
from tests.support.stack import running


class _Exploit:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return (Path.touch, (self.target,))


def _message(body: bytes, content_type: str, task: str) -> str:
    """Return a message in the format of kombu."""
    where = {"exchange": "slimgest", "routing_key": "pages"}
    properties = {
        "delivery_info": where,
        "delivery_tag": str(uuid.uuid4()),
        "body_encoding": "base64",
        "delivery_mode": 2,
    }
    headers = {"id": str(uuid.uuid4()), "task": task, "lang": "py", "argsrepr": "", "kwargsrepr": ""}
    return json.dumps(
        {
            "body": base64.b64encode(body).decode(),
            "content-encoding": "binary" if "python" in content_type else "utf-8",
            "content-type": content_type,
            "headers": headers,
            "properties": properties,
        }
    )


def test_pickles_and_invalid_messages_execute_nothing_and_stop_no_job(tmp_path: Path) -> None:
    proof = tmp_path / "exploited"
    nonsense = json.dumps([["no-such-job", "one", None], {}, {}]).encode()
    messages = [
        _message(pickle.dumps(_Exploit(proof)), "application/x-python-serialize", "slimgest.pages"),
        _message(nonsense, "application/json", "slimgest.pages"),
        _message(json.dumps([["../../etc", 1, 1], {}, {}]).encode(), "application/json", "slimgest.pages"),
        _message(b"[[], {}, {}]", "application/json", "os.system"),
        _message(b"not json", "application/json", "slimgest.ingest"),
        "no message at all",
    ]
    with running(tmp_path, workers=0, beat=True, SLIMGEST_NUM_WORKERS="1") as stack:
        stack.start_supervised()  # a message without any form ends a worker in kombu; the supervisor restarts it
        stack.wait_ready(1)
        stack.redis.sadd("slimgest:workers", "ghost@host")
        stack.redis.hset("slimgest:worker:ghost@host", mapping={"name": "ghost@host", "state": "possessed"})
        for message in messages:
            stack.redis.lpush("pages", message)
        job_id = stack.submit(pdfs.numbered(3))
        assert stack.wait_end(job_id, within_s=60)["status"] == "completed"
        assert stack.get("/").status_code == 200
        assert not proof.exists(), "a pickle was run"
