"""What keeps the promise that every accepted job ends: jobs that fell between two steps, and jobs past their time.

Both may be run at any time, from several places at once: each step is one that a job's normal way takes too.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from .errors import JobUnknown, SlimgestError
from .jobs import Jobs
from .queues import list_name

# Nothing was done for a job for this long, no message waits in any queue, and no worker has it in hand: it is stuck.
STUCK_S = 20.0
# An upload is stored in less than this; a folder without a job's record that is older was left by a dead process.
_UPLOAD_S = 3600.0
_TURN_S = 4  # less than beat's period; a run that takes longer is joined by another, which does no harm
_log = logging.getLogger(__name__)


def reconcile(jobs: Jobs) -> list[str]:
    """Closes jobs whose end was not told, and sends those again that nobody works on. Returns their ids.

    A pending job may have lost its message, its chord's count or its finish. A Redis that came back empty has forgotten
    every job: then storage is looked through for those without an end.
    """
    if not jobs.ledger.take_turn("reconcile", _TURN_S):
        return []
    pending, forgotten = jobs.ledger.pending(), not jobs.ledger.remembers()
    idle = not any_waiting(jobs)
    known = set(pending)
    others = [job_id for job_id in jobs.files.job_ids() if job_id not in known] if forgotten else []
    mended = [job_id for job_id in pending if _carefully(job_id, lambda: _mend(jobs, job_id, idle))]  # noqa: B023
    mended += [job_id for job_id in others if _carefully(job_id, lambda: _recall(jobs, job_id))]  # noqa: B023
    if forgotten:
        jobs.ledger.remember()
    return mended


def sweep(jobs: Jobs, now_s: float) -> int:
    """Deletes jobs whose retention has passed, and returns how many. Lists again those that Redis forgot."""
    return sum(_carefully(job_id, lambda: _sweep(jobs, job_id, now_s)) for job_id in jobs.files.job_ids())  # noqa: B023


def any_waiting(jobs: Jobs) -> bool:
    """Whether a message waits in any queue."""
    return any(waiting(jobs).values())


def waiting(jobs: Jobs) -> dict[str, int]:
    """How many messages wait in each queue."""
    queues, steps = jobs.celery.conf.task_queues, jobs.celery.conf.broker_transport_options["priority_steps"]
    with jobs.redis.pipeline(transaction=False) as pipe:
        for queue in queues:
            for step in steps:
                pipe.llen(list_name(jobs.celery, queue.name, step))
        counts = pipe.execute()
    return {queue.name: sum(counts[n * len(steps) : (n + 1) * len(steps)]) for n, queue in enumerate(queues)}


def _carefully(job_id: str, step: Callable[[], bool]) -> bool:
    """One job that cannot be read, or is deleted meanwhile, keeps no other from being looked after."""
    try:
        return step()
    except (SlimgestError, OSError):
        _log.exception("job left alone", extra={"job_id": job_id})
        return False


def _mend(jobs: Jobs, job_id: str, idle: bool) -> bool:
    """A pending job: closed if it has ended, sent again if it is stuck."""
    if not jobs.files.exists(job_id):  # its API process died while it was stored
        if jobs.ledger.admitted_s(job_id) > _UPLOAD_S:
            jobs.ledger.refuse(job_id)
        return False
    run = jobs.ledger.run(job_id)
    if end := jobs.files.end(job_id):
        jobs.tell_end(job_id, end, run)
        return True
    in_hand = any(worker.job_id == job_id for worker in jobs.roster.workers())
    if in_hand or not idle or jobs.ledger.untouched_s(job_id) < STUCK_S:
        return False
    jobs.resume(job_id)
    return True


def _recall(jobs: Jobs, job_id: str) -> bool:
    """A job that Redis has forgotten: sent again if it has not ended; else its callback may not have heard of that."""
    if not jobs.files.exists(job_id):
        return False
    if end := jobs.files.end(job_id):
        jobs.announce(job_id, end)
        return False
    jobs.resume(job_id)
    return True


def _sweep(jobs: Jobs, job_id: str, now_s: float) -> bool:
    if not _is_due(jobs, job_id, now_s):
        return False
    owner = jobs.files.owner(job_id)
    jobs.files.delete(job_id)
    jobs.ledger.expire(job_id, owner)
    jobs.celery.AsyncResult(job_id).forget()
    return True


def _is_due(jobs: Jobs, job_id: str, now_s: float) -> bool:
    try:
        job = jobs.files.job(job_id)
    except JobUnknown:
        return jobs.files.age_s(job_id, now_s) > min(jobs.settings.retention_s, _UPLOAD_S)
    end = jobs.files.end(job_id)
    jobs.ledger.relist(job_id, job.created_at.timestamp(), job.owner)
    return end is not None and now_s - end.completed_at.timestamp() > jobs.settings.retention_s
