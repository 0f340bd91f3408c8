"""What keeps the promise that every accepted job ends: jobs that fell between two steps, and jobs past their time.

Both may be run at any time, from several places at once: each step is one that a job's normal way takes too.
"""

from __future__ import annotations

from .errors import JobUnknown
from .jobs import Jobs

# Nothing was done for a job for this long, no message waits in any queue, and no worker has it in hand: it is stuck.
STUCK_S = 20.0
# However long the queues are, a job untouched for this long is sent again; what was queued twice is read once.
_OVERDUE_S = 3600.0
# An upload is stored in less than this; a folder without a job's record that is older was left by a dead process.
_UPLOAD_S = 3600.0


def reconcile(jobs: Jobs) -> list[str]:
    """Closes jobs whose end was not told, and sends those again that nobody works on. Returns their ids.

    A job that storage holds without an end and that Redis does not count as pending was forgotten by a Redis that came
    back empty. One that is pending may have lost its message, its chord's count or its finish.
    """
    pending = set(jobs.ledger.pending())
    idle = None
    mended = []
    for job_id in {*jobs.files.job_ids(), *pending}:
        if not jobs.files.exists(job_id):
            _forget_unstored(jobs, job_id, job_id in pending)
        elif end := jobs.files.end(job_id):
            if job_id in pending:
                jobs.conclude(job_id, end)
                mended.append(job_id)
        else:
            if job_id in pending and idle is None:
                idle = not any_waiting(jobs)
            if job_id not in pending or _is_stuck(jobs, job_id, bool(idle)):
                jobs.resume(job_id)
                mended.append(job_id)
    return mended


def sweep(jobs: Jobs, now_s: float) -> int:
    """Deletes jobs whose retention has passed, and returns how many. Lists again those that Redis forgot."""
    gone = [job_id for job_id in jobs.files.job_ids() if _is_due(jobs, job_id, now_s)]
    for job_id in gone:
        owner = jobs.files.owner(job_id)
        jobs.files.delete(job_id)
        jobs.ledger.expire(job_id, owner)
        jobs.celery.AsyncResult(job_id).forget()
    return len(gone)


def any_waiting(jobs: Jobs) -> bool:
    """Whether a message waits in any queue. Kombu keeps a list per queue and priority."""
    options = jobs.celery.conf.broker_transport_options
    with jobs.redis.pipeline(transaction=False) as pipe:
        for queue in jobs.celery.conf.task_queues:
            for step in options["priority_steps"]:
                pipe.llen(f"{queue.name}{options['sep']}{step}" if step else queue.name)
        return any(pipe.execute())


def _is_stuck(jobs: Jobs, job_id: str, idle: bool) -> bool:
    untouched_s = jobs.ledger.untouched_s(job_id)
    in_hand = any(worker.job_id == job_id for worker in jobs.roster.workers())
    return not in_hand and (untouched_s > _OVERDUE_S or (idle and untouched_s > STUCK_S))


def _forget_unstored(jobs: Jobs, job_id: str, pending: bool) -> None:
    """An admission whose upload was never stored: its API process died. It holds its place until then."""
    if pending and jobs.ledger.admitted_s(job_id) > _UPLOAD_S:
        jobs.ledger.refuse(job_id)


def _is_due(jobs: Jobs, job_id: str, now_s: float) -> bool:
    try:
        job = jobs.files.job(job_id)
    except JobUnknown:
        return jobs.files.age_s(job_id, now_s) > min(jobs.settings.retention_s, _UPLOAD_S)
    end = jobs.files.end(job_id)
    jobs.ledger.relist(job_id, job.created_at.timestamp(), job.owner)
    return end is not None and now_s - end.completed_at.timestamp() > jobs.settings.retention_s
