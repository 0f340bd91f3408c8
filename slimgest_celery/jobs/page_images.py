"""Images of pages for viewers: requested here, rendered by a worker (pipeline/page_image.py), stored with the job.

slimgest:image:{id}:{name}             `requested`, `rendered`, or a `Problem` as JSON; also published on a channel of
                                       the same name
slimgest:image:{id}:{name}:attempts    the number of attempts by workers
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from redis import Redis

from slimgest_celery.errors import ImageLate, JobExpired, SlimgestError
from slimgest_celery.events.shared_subscription import SharedSubscription
from slimgest_celery.models.page import PageImageRequest
from slimgest_celery.models.problem import Problem, StoredFailure
from slimgest_celery.state.queues import step_priority
from slimgest_celery.storage.job_files import JobFiles

if TYPE_CHECKING:
    from celery import Celery

MEDIA_TYPES = {"webp": "image/webp", "png": "image/png", "jpeg": "image/jpeg"}
# Requests are rounded up to one of these, so that a page is stored at most six times in each format.
DPI_STEPS = (50, 75, 100, 150, 200, 300)
_WAIT_S = 30  # for an image; then its message expires too, because no client waits for it any more
_RESULT_S = 10  # that the state is kept in Redis after the rendering
_CHECK_EVERY_S = 1.0
_REQUESTED, _RENDERED = "requested", "rendered"


def round_up_dpi(dpi: int) -> int:
    """Return the resolution to render at: the lowest step that is not below `dpi`."""
    return next((step for step in DPI_STEPS if step >= dpi), DPI_STEPS[-1])


class PageImages:
    """The images of all jobs."""

    def __init__(self, redis: Redis, files: JobFiles, celery: Celery) -> None:
        self._redis = redis
        self._files = files
        self._celery = celery
        # One connection for all requests that wait, not one for each.
        self._subscription: SharedSubscription[bytes] = SharedSubscription(redis, lambda message: message)

    # For the API

    def stored(self, request: PageImageRequest) -> bytes | None:
        """Return the image if it was rendered before."""
        return self._files.image(request.job_id, request.name)

    def render(self, request: PageImageRequest, waiting: int = 0, wait_s: float = _WAIT_S) -> bytes:
        """Let a worker render the image, and return it. The owner has `waiting` other requests that wait for images.

        Raises `ImageLate`, `PageUnknown`, `JobExpired`, or the error of the PDF or the page.
        """
        deadline_s = time.monotonic() + wait_s
        subscriber = self._subscription.subscribe(request.key)
        try:
            while time.monotonic() < deadline_s:
                state = self._queue_rendering(request, step_priority(waiting))
                if state == _RENDERED:
                    return self._rendered(request)
                if state != _REQUESTED:
                    raise StoredFailure(Problem.model_validate_json(state, extra="ignore"))
                subscriber.get(_CHECK_EVERY_S)
        finally:
            self._subscription.unsubscribe(subscriber)
        raise ImageLate

    def _queue_rendering(self, request: PageImageRequest, priority: int) -> str:
        """Queue the rendering unless it is queued already. Return its state."""
        if self._redis.set(request.key, _REQUESTED, nx=True, ex=_WAIT_S):
            args = (request.job_id, request.page_number, request.dpi, request.form)
            self._celery.send_task("slimgest.image", args=args, expires=_WAIT_S, priority=priority)
        return (self._redis.get(request.key) or _REQUESTED.encode()).decode()

    def _rendered(self, request: PageImageRequest) -> bytes:
        stored = self.stored(request)
        if stored is None:  # the job was deleted meanwhile
            raise JobExpired
        return stored

    # For workers

    def begin_attempt(self, request: PageImageRequest) -> int:
        """Count an attempt and return its number."""
        attempts = f"{request.key}:attempts"
        with self._redis.pipeline() as pipe:
            return int(pipe.incr(attempts).expire(attempts, 2 * _WAIT_S).execute()[0])

    def put(self, request: PageImageRequest, image: bytes) -> None:
        """Store the image, then publish its state."""
        self._files.put_image(request.job_id, request.name, image)
        if not self._files.exists(request.job_id):  # deleted while the page was rendered
            self._files.delete(request.job_id)
        self._publish(request, _RENDERED)

    def put_error(self, request: PageImageRequest, error: SlimgestError) -> None:
        """Publish why there is no image. A request after `_RESULT_S` seconds tries again."""
        self._publish(request, Problem.from_error(error).model_dump_json())

    def _publish(self, request: PageImageRequest, state: str) -> None:
        with self._redis.pipeline() as pipe:
            pipe.set(request.key, state, ex=_RESULT_S).delete(f"{request.key}:attempts")
            pipe.publish(request.key, state).execute()
