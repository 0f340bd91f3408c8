"""Jobs go after their time, and are then said to have expired."""

from __future__ import annotations

import time
from pathlib import Path

from celery import Celery

from slimgest_celery.jobs import Jobs
from slimgest_celery.sweeping import sweep
from tests.support import pdfs
from tests.support.stack import running, wait_for


def test_an_expired_job_is_deleted_and_answers_410(tmp_path: Path) -> None:
    with running(tmp_path, workers=1, SLIMGEST_RETENTION="2s") as stack:
        celery = Celery(broker=stack.settings.redis_url, backend=stack.settings.redis_url)
        jobs = Jobs(stack.settings, stack.redis, celery)
        job_id = stack.submit(pdfs.numbered(2))
        stack.wait_end(job_id)
        assert sweep(jobs, time.time()) == 0, "it went before its time"
        wait_for(lambda: sweep(jobs, time.time()) == 1, what="the sweep", within_s=60)
        answer = stack.get(f"/jobs/{job_id}")
        assert (answer.status_code, answer.json()["code"]) == (410, "job.expired")
        assert stack.get("/jobs").json() == {"jobs": [], "total": 0, "offset": 0}
        assert list((tmp_path / "jobs").iterdir()) == []
        assert not [key for key in stack.redis.keys("*") if job_id.encode() in key and b"expired" not in key]
        celery.close()


def test_two_hundred_jobs_leave_nothing_behind(tmp_path: Path) -> None:
    """Storage, temporary folder and Redis are what they were, but for the note that each job was there once."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    settings = {"SLIMGEST_RETENTION": "1s", "SLIMGEST_MAX_PENDING_JOBS": "200", "TMPDIR": str(temporary)}
    with running(tmp_path, workers=2, **settings) as stack:
        celery = Celery(broker=stack.settings.redis_url, backend=stack.settings.redis_url)
        jobs = Jobs(stack.settings, stack.redis, celery)

        def things() -> tuple[set[str], set[bytes], list[Path]]:
            names = {key for key in stack.redis.keys("*") if b"expired" not in key and not key.startswith(b"celery-")}
            return set(stack.files.job_ids()), names, [*temporary.iterdir(), *(tmp_path / "jobs").rglob("*")]

        stack.wait_end(stack.submit(pdfs.numbered(1)))
        wait_for(lambda: sweep(jobs, time.time()) == 1, what="the first sweep", within_s=60)
        before = things()
        pdf = pdfs.text_pages(["One page.", "Another."])
        job_ids = [stack.submit(pdf) for _ in range(200)]
        wait_for(lambda: stack.get("/").json()["queue"]["pending_jobs"] == 0, what="the end of all jobs")
        time.sleep(1.1)  # the retention
        assert sweep(jobs, time.time()) == len(job_ids)
        assert things() == before
        assert all(stack.redis.ttl(key) > 0 for key in stack.redis.keys("celery-*")), "Celery's own go by themselves"
        celery.close()


def test_beat_sweeps_and_rescues(tmp_path: Path) -> None:
    with running(tmp_path, workers=1, beat=True) as stack:
        log = tmp_path / "cpu0.log"
        wait_for(lambda: "slimgest.rescue" in log.read_text(), what="a rescue sent by beat", within_s=30)
        job_id = stack.submit(pdfs.numbered(1))
        assert stack.wait_end(job_id)["status"] == "completed"
