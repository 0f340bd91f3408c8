"""The second step of a job: read a range of its pages. `tasks.pages` calls `read_pages`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

from slimgest_celery.errors import BrokerUnavailable
from slimgest_celery.pipeline.context import WorkerContext, task_attempt
from slimgest_celery.pipeline.page_range import PageRange
from slimgest_celery.pipeline.page_reuse import page_reuse_for
from slimgest_celery.pipeline.range_reader import read_batches, read_in_order, read_one_by_one
from slimgest_celery.state.queues import REQUEUED


def read_pages(
    context: WorkerContext,
    job_id: str,
    first: int,
    last: int,
    retry_count: int,
    requeue_rest: Callable[[PageRange], None],
) -> None:
    """Read pages `first` to `last`, or until higher-priority work waits.

    In that case `requeue_rest` sends the rest as a new task, and ends this one by raising. If the rest cannot be sent
    (`BrokerUnavailable`), it is read here. It is then read twice if it was sent after all, which does no harm.
    """
    while rest := read_until_preempted(context, job_id, first, last, retry_count):
        with suppress(BrokerUnavailable):
            requeue_rest(rest)
        first = rest.first


def read_until_preempted(
    context: WorkerContext, job_id: str, first: int, last: int, retry_count: int = 0
) -> PageRange | None:
    """Read pages; each is stored, then published. A failed page is a stored record, not an exception.

    Return the pages not read because higher-priority work is waiting. All earlier pages are stored. The task that
    reads the last page of the rest completes the range, even while another task reads it again from its beginning.

    A range with an earlier attempt (its worker died) is read page by page: a page that has killed its worker
    MAX_ATTEMPTS times fails, and costs only itself.
    """
    attempt, ended = context.job_state.begin_attempt(job_id, first, last, retry_count)
    if ended:
        return None
    with task_attempt(context, job_id, first, last):
        if context.files.end(job_id):
            return None
        page_numbers: Sequence[int] = range(first, last + 1)
        session = context.pdf_sessions.get(job_id, retry_count)
        left = page_numbers[:0]
        if attempt > 1:  # without the cache: the worker may have died while it used it
            read_one_by_one(context, session, page_numbers, attempt)
        else:
            reuse = page_reuse_for(context, session, serves=retry_count == 0)  # a retry reads its pages again
            read_several = read_batches if context.engine.batch_size > 1 else read_in_order
            left = read_several(context, session, page_numbers, reuse)
    return PageRange(first=left[0], last=last, priority=REQUEUED) if left else None
