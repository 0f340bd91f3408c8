"""The searchable PDF of a job: asked for by whoever wants it, made by a worker, once, and kept with the job.

A worker has it made by a process of its own (searchable.py), limited in time and memory: what a PDF does to that
process costs neither the worker its model nor a page its attempt.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

from .errors import FormatFailed, by_code
from .jobs import Jobs, broker_errors
from .model import Document, Problem

_POLL_S = 0.1
_PATIENCE_S = 5.0
# Pages that may take as long as one page's reading may, all together.
_PAGES_A_LIMIT = 100
_PRIORITY_STEPS = (8, 32, 128, 512)


def file_name(completed_at: datetime) -> str:
    """A job that is read again ends again, and then wants another one."""
    return f"{completed_at:%Y%m%dT%H%M%S%f}.pdf"


# --- Asked for, in the API --------------------------------------------------------------------------------------------


def made(jobs: Jobs, head: Document, password: str | None) -> bool:
    """Whether an ended job's searchable PDF is there. If not, a worker is asked for it, and waited for a little.

    Raises why it could not be made, to one who asks; the next one who asks has it tried again.
    """
    deadline_s = time.monotonic() + _PATIENCE_S
    if not head.total_pages or head.completed_at is None:
        raise FormatFailed("There is no searchable PDF of a PDF that could not be opened.")
    while not jobs.files.has_export(head.job_id, file_name(head.completed_at)):
        if problem := jobs.files.take_export_problem(head.job_id):
            raise by_code(problem.code)(problem.message)
        _ask(jobs, head, password)
        if time.monotonic() > deadline_s:
            return False
        time.sleep(_POLL_S)
    return True


def _ask(jobs: Jobs, head: Document, password: str | None) -> None:
    """Asks a worker, unless one is at it. A short document's turn comes before the bulk of a long one's pages."""
    limit_s = _limit_s(jobs, head.total_pages)
    with broker_errors():
        if not jobs.ledger.take_turn(_turn(head.job_id), limit_s + 60):
            return
        if password is not None:
            jobs.files.keep_export_password(head.job_id, password)
        priority = 3 + sum(head.total_pages >= step for step in _PRIORITY_STEPS)
        jobs.celery.send_task("slimgest.export", args=(head.job_id,), priority=priority, time_limit=limit_s + 60)


def _turn(job_id: str) -> str:
    return f"export:{job_id}"


def _limit_s(jobs: Jobs, page_count: int) -> int:
    return jobs.settings.page_timeout_s * (1 + page_count // _PAGES_A_LIMIT)


# --- Made, in a worker ------------------------------------------------------------------------------------------------


def make(jobs: Jobs, job_id: str) -> None:
    """Makes the searchable PDF of an ended job, or stores why it cannot be made. Harmless when repeated."""
    head = jobs.head(job_id)
    if head.status.ended and head.completed_at is not None:
        name = file_name(head.completed_at)
        if not jobs.files.has_export(job_id, name):
            _make(jobs, head, name)
    jobs.files.forget_export_password(job_id)
    jobs.ledger.end_turn(_turn(job_id))


def _make(jobs: Jobs, head: Document, name: str) -> None:
    with tempfile.TemporaryDirectory(prefix="slimgest-") as folder:
        target = Path(folder) / name
        if problem := _run(jobs, head, target):
            jobs.files.put_export_problem(head.job_id, problem)
        else:
            jobs.files.put_export(head.job_id, name, target)


def _run(jobs: Jobs, head: Document, target: Path) -> Problem | None:
    """Runs searchable.py; returns what it says went wrong, or what went wrong with it."""
    arguments = [head.job_id, str(target), str(jobs.settings.max_worker_mb), str(os.getpid())]
    try:
        done = subprocess.run(  # noqa: S603 - our own arguments
            [sys.executable, "-m", "slimgest_celery.searchable", *arguments],
            input=json.dumps(jobs.files.export_password(head.job_id)).encode(),
            stdout=subprocess.PIPE,
            timeout=_limit_s(jobs, head.total_pages),
            env={**os.environ, "SLIMGEST_STORAGE_URL": jobs.settings.storage_url},
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Problem.of(FormatFailed("Making the PDF searchable took too long."))
    if done.stdout:
        return Problem.model_validate_json(done.stdout)
    if done.returncode or not target.exists():
        return Problem.of(FormatFailed("Making the PDF searchable ended the process that did it."))
    return None
