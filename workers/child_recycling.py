"""A worker child that has grown too large ends between two tasks, and Celery starts a new one.

Celery has a setting for this (`worker_max_memory_per_child`), but it compares the largest size that the process ever
had, with the loaded model in it. If the model alone exceeded the limit, the child was replaced after every task. And it
does not include a leak on a GPU. So here the growth since the model was loaded is compared with the room that is left.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from billiard import pool

_OVER_ANY_LIMIT_KB = 1 << 40
_MAX_GROWTH = 0.75  # of the room between the loaded model and the limit
_MIN_TASKS = 20  # of one child: a new child loads the model, which takes as long as some pages
_log = logging.getLogger(__name__)


def too_small(limit_mb: int, loaded_mb: int) -> str | None:
    """Return a sentence if a worker child with a loaded model has no room for pages, and name a limit that works."""
    if limit_mb >= loaded_mb + max(128, loaded_mb // 4):
        return None
    workable = 100 * -(-(loaded_mb * 3 // 2 + 256) // 100)
    return (
        f"SLIMGEST_MAX_WORKER_MB={limit_mb} leaves no room for pages: "
        f"with its model, a worker uses {loaded_mb} MB. Set it to {workable} or more."
    )


def recycle_between_tasks(
    limit_mb: int, resident_bytes: Callable[[], int], restart_reason: Callable[[], str] = lambda: ""
) -> None:
    """End this child after a task if it has grown too large, or if `restart_reason` returns a reason.

    Call it in the child, with the model loaded. billiard has no hook for this: it looks up `mem_rss` in its module
    after each task (billiard 4.3, `Worker.workloop`), when the task's result has been sent.
    """
    pool.mem_rss = size_function(limit_mb, resident_bytes, restart_reason)


def size_function(
    limit_mb: int, resident_bytes: Callable[[], int], restart_reason: Callable[[], str]
) -> Callable[[], int]:
    """Return the function that billiard calls after each task: it gives 1, or more than any limit to end the child.

    0 would mean "unknown" to billiard.
    """
    loaded_bytes, tasks = resident_bytes(), 0
    max_bytes = loaded_bytes + _MAX_GROWTH * max(0, (limit_mb << 20) - loaded_bytes)

    def size_kb() -> int:
        nonlocal tasks
        tasks += 1
        reason = restart_reason()
        if not reason and tasks >= _MIN_TASKS and resident_bytes() > max_bytes:
            grown_mb = (resident_bytes() - loaded_bytes) >> 20
            reason = f"it has grown by {grown_mb} MB since it was loaded, near SLIMGEST_MAX_WORKER_MB={limit_mb}"
        if not reason:
            return 1
        _log.warning("this child is replaced by a new one after %d tasks: %s", tasks, reason)
        return _OVER_ANY_LIMIT_KB

    return size_kb
