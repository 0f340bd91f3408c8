"""Jobs are deleted after the retention time, and then answer that they have expired."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path

from celery import Celery

from slimgest_celery.app import Components
from tests.support import pdfs
from tests.support.stack import running, wait_for


def test_an_expired_job_is_deleted_and_answers_410(tmp_path: Path) -> None:
    with running(tmp_path, workers=1, SLIMGEST_RETENTION="2s") as stack:
        celery = Celery(broker=stack.settings.redis_url, backend=stack.settings.redis_url)
        maintenance = Components(stack.settings, stack.redis, celery).maintenance
        job_id = stack.submit(pdfs.numbered(2))
        ended_at = datetime.fromisoformat(stack.wait_end(job_id)["completed_at"])
        assert maintenance.sweep(ended_at.timestamp() + 1) == 0, "deleted before the retention time"
        wait_for(lambda: maintenance.sweep(time.time()) == 1, what="the sweep", within_s=60)
        answer = stack.get(f"/jobs/{job_id}")
        assert (answer.status_code, answer.json()["code"]) == (410, "job.expired")
        assert stack.get("/jobs").json() == {"jobs": [], "total": 0, "offset": 0, "next_cursor": None}
        assert [path.name for path in (tmp_path / "jobs").iterdir()] == ["storage.id"]
        assert not [key for key in stack.redis.keys("*") if job_id.encode() in key and b"expired" not in key]
        celery.close()


def test_two_hundred_deleted_jobs_leave_nothing(tmp_path: Path) -> None:
    """Storage, the temporary folder and Redis are as before, except for a note in Redis that each job existed."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    settings = {"SLIMGEST_RETENTION": "1s", "SLIMGEST_MAX_PENDING_JOBS": "200", "TMPDIR": str(temporary)}
    with running(tmp_path, workers=2, **settings) as stack:
        celery = Celery(broker=stack.settings.redis_url, backend=stack.settings.redis_url)
        maintenance = Components(stack.settings, stack.redis, celery).maintenance

        def things() -> tuple[set[str], set[bytes], list[Path]]:
            names = {key for key in stack.redis.keys("*") if b"expired" not in key and not key.startswith(b"celery-")}
            return set(stack.files.job_ids()), names, [*temporary.iterdir(), *(tmp_path / "jobs").rglob("*")]

        stack.wait_end(stack.submit(pdfs.numbered(1)))
        wait_for(lambda: maintenance.sweep(time.time()) == 1, what="the first sweep", within_s=60)
        before = things()
        pdf = pdfs.text_pages(["One page.", "Another."])
        job_ids = [stack.submit(pdf) for _ in range(200)]
        wait_for(lambda: stack.get("/").json()["queue"]["pending_jobs"] == 0, what="the end of all jobs")
        time.sleep(1.1)  # the retention
        assert maintenance.sweep(time.time()) == len(job_ids)
        assert things() == before
        assert all(stack.redis.ttl(key) > 0 for key in stack.redis.keys("celery-*")), "keys of Celery expire"
        celery.close()


def test_beat_sends_the_periodic_tasks(tmp_path: Path) -> None:
    with running(tmp_path, workers=1, beat=True, log_level="DEBUG") as stack:
        log = tmp_path / "cpu0.log"
        wait_for(lambda: "slimgest.rescue" in log.read_text(), what="slimgest.rescue, sent by beat", within_s=30)
        job_id = stack.submit(pdfs.numbered(1))
        assert stack.wait_end(job_id)["status"] == "completed"
