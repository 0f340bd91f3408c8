"""A worker child on a GPU that has become too large ends between two tasks, and Celery starts a fresh one.

Celery does this by itself (`worker_max_memory_per_child`), but it knows the largest resident size that the process has
ever had and nothing else. With a GPU that size is reached while the model is loaded, so that every task would cost a
reload; and a leak on the device does not show in it. So what the child has grown since is told instead.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from billiard import pool

_FULL_KB = 1 << 40  # more than any limit
_log = logging.getLogger(__name__)


def between_tasks(worn: Callable[[], str]) -> None:
    """From now on this child ends after a task when it has grown past Celery's limit, or `worn` says why it should.

    To be called in the child, with its model loaded. billiard has no hook for this: it looks `mem_rss` up in its
    module after each task (billiard 4.3, `Worker.workloop`), once the task's result is on its way.
    """
    pool.mem_rss = measured(pool.mem_rss, worn)


def measured(size_kb: Callable[[], int], worn: Callable[[], str]) -> Callable[[], int]:
    """Gives this process's growth from now on, in KiB (at least 1: 0 means "cannot tell" to billiard)."""
    loaded_kb = size_kb()

    def grown_kb() -> int:
        if reason := worn():
            _log.warning("this child is replaced by a fresh one: %s", reason)
            return _FULL_KB
        return max(1, size_kb() - loaded_kb)

    return grown_kb
