"""Images of pages, for those who look: asked for here, drawn by a worker (imaging.py), kept beside the job's pages.

slimgest:image:{id}:{name}             `asked`, `drawn`, or the code of the error; a channel of the same name tells it
slimgest:image:{id}:{name}:attempts    how often a worker began it
"""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING, Literal

from pydantic import Field
from redis import Redis

from . import errors
from .errors import ImageLate, JobExpired, SlimgestError
from .files import JobFiles
from .model import Record

if TYPE_CHECKING:
    from celery import Celery

MEDIA_TYPES = {"webp": "image/webp", "png": "image/png", "jpeg": "image/jpeg"}
# Whatever dpi is asked for, one of these is drawn, so that a page is stored six times at most in each form.
DPI_STEPS = (50, 75, 100, 150, 200, 300)
_WAIT_S = 30  # that a request waits, and its message lives: nobody would look at what comes later
_DRAWN_S = 10
_LOOK_AGAIN_S = 1.0
_ASKED, _DRAWN = "asked", "drawn"


class ImageAsked(Record):
    """Which image of which page."""

    job_id: str
    page_number: int = Field(ge=1)
    dpi: int
    form: Literal["webp", "png", "jpeg"]

    @property
    def name(self) -> str:
        """Its name among the images of its job."""
        return f"{self.page_number:06}-{self.dpi}.{self.form}"

    @property
    def key(self) -> str:
        return f"slimgest:image:{self.job_id}:{self.name}"


def step(dpi: int) -> int:
    """The resolution that is drawn for this one: the next step that is no lower."""
    return next((one for one in DPI_STEPS if one >= dpi), DPI_STEPS[-1])


class Images:
    """The images of all jobs."""

    def __init__(self, redis: Redis, files: JobFiles, celery: Celery) -> None:
        self._redis = redis
        self._files = files
        self._celery = celery

    # For the API

    def get(self, asked: ImageAsked, wait_s: float = _WAIT_S) -> bytes:
        """The image, drawn first where it is not stored. Raises `ImageLate`, `PageUnknown`, `JobExpired`, or what the
        PDF or the page failed with."""
        stored = self._files.image(asked.job_id, asked.name)
        return self._awaited(asked, time.monotonic() + wait_s) if stored is None else stored

    def _awaited(self, asked: ImageAsked, deadline_s: float) -> bytes:
        with closing(self._redis.pubsub()) as news:
            news.subscribe(asked.key)
            while time.monotonic() < deadline_s:
                state = self._ask(asked)
                if state == _DRAWN:
                    return self._stored(asked)
                if state != _ASKED:
                    raise errors.of_code(state)
                news.get_message(timeout=_LOOK_AGAIN_S)
        raise ImageLate

    def _ask(self, asked: ImageAsked) -> str:
        """Has the image drawn unless somebody has asked before; how far that is."""
        if self._redis.set(asked.key, _ASKED, nx=True, ex=_WAIT_S):
            args = (asked.job_id, asked.page_number, asked.dpi, asked.form)
            self._celery.send_task("slimgest.image", args=args, expires=_WAIT_S)
        return (self._redis.get(asked.key) or _ASKED.encode()).decode()

    def _stored(self, asked: ImageAsked) -> bytes:
        stored = self._files.image(asked.job_id, asked.name)
        if stored is None:  # its job was deleted in this moment
            raise JobExpired
        return stored

    # For workers

    def begin(self, asked: ImageAsked) -> int:
        """Counts an attempt; which one this is."""
        attempts = f"{asked.key}:attempts"
        with self._redis.pipeline() as pipe:
            return int(pipe.incr(attempts).expire(attempts, 2 * _WAIT_S).execute()[0])

    def put(self, asked: ImageAsked, image: bytes) -> None:
        """Stored, then told."""
        self._files.put_image(asked.job_id, asked.name, image)
        self._tell(asked, _DRAWN)

    def refuse(self, asked: ImageAsked, error: SlimgestError) -> None:
        """Tells that there will be none. Who asks again a little later has it tried again."""
        self._tell(asked, error.code)

    def _tell(self, asked: ImageAsked, state: str) -> None:
        with self._redis.pipeline() as pipe:
            pipe.set(asked.key, state, ex=_DRAWN_S).delete(f"{asked.key}:attempts")
            pipe.publish(asked.key, state).execute()
