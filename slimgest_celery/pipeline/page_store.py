"""The storing and publishing of pages that were read: stored first, then published, then offered to other jobs."""

from __future__ import annotations

import logging
from collections import deque

from slimgest_celery.errors import PageUnreadable
from slimgest_celery.events.event_log import EventLog
from slimgest_celery.models.page import Page
from slimgest_celery.pipeline.page_reuse import PageReuse
from slimgest_celery.storage.job_files import JobFiles
from slimgest_celery.telemetry import tracing

_log = logging.getLogger(__name__)
# Jobs of which a page that cannot be loaded was logged. A PDF may claim to have thousands more pages than it has.
_logged_unreadable: deque[str] = deque(maxlen=100)


def store_and_publish(
    job_id: str,
    pages: list[Page],
    total: int,
    engine: str,
    *,
    files: JobFiles,
    events: EventLog,
    reuse: PageReuse | None = None,
) -> None:
    """Store pages of a job, publish them, and add them to the page cache. `total` is the number of the job's pages."""
    files.put_pages(job_id, pages)
    events.publish_pages(job_id, pages, total, engine)
    if reuse:
        reuse.add(pages)
    for page in pages:
        if page.error and page.error.code == PageUnreadable.code:
            if job_id in _logged_unreadable:
                continue
            _logged_unreadable.append(job_id)
        fields = _log_fields(job_id, page)
        _log.info("page read", extra=fields)
        tracing.add_event("page read", fields)


def _log_fields(job_id: str, page: Page) -> dict[str, object]:
    return {
        "job_id": job_id,
        "page_number": page.page_number,
        "worker": page.worker,
        "attempt": page.attempts,
        "status": page.status,
        "source": page.source and page.source.value,
        "cached": page.cached,
        "code": page.error and page.error.code,
        "seconds": round(page.seconds.render + page.seconds.read, 4),
    }
