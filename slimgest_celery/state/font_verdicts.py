"""The verdicts on the fonts of a job's PDF, shared by all tasks that read it.

slimgest:job:{id}:fonts          hash: font id → 1 (its text is what is printed) or 0
slimgest:job:{id}:font_samples   the number of OCR samples taken so far
"""

from __future__ import annotations

from collections.abc import Iterable

from redis import Redis

from slimgest_celery.config import MAX_FONT_SAMPLES
from slimgest_celery.state.job_state import job_key


class JobFontVerdicts:
    """The verdicts of one job."""

    def __init__(self, redis: Redis, job_id: str, keep_s: int) -> None:
        self._redis = redis
        self._key = job_key(job_id, "fonts")
        self._samples_key = job_key(job_id, "font_samples")
        self._keep_s = keep_s

    def find(self, fonts: Iterable[str]) -> dict[str, bool]:
        """Return the verdicts of those of these fonts that have one."""
        names = sorted(fonts)
        values = self._redis.hmget(self._key, names) if names else []
        return {name: value == b"1" for name, value in zip(names, values, strict=True) if value is not None}

    def any_wrong(self) -> bool:
        """Return True if a font of the document was found wrong."""
        return b"0" in self._redis.hvals(self._key)

    def record(self, fonts: Iterable[str], is_right: bool) -> None:
        """Store the verdict of a sample. A font that was wrong once stays wrong."""
        with self._redis.pipeline() as pipe:
            for font in sorted(fonts):
                pipe.hsetnx(self._key, font, 1) if is_right else pipe.hset(self._key, font, 0)
            pipe.expire(self._key, self._keep_s).execute()

    def take_sample(self) -> bool:
        """Return True if one more sample is allowed, and count it."""
        with self._redis.pipeline() as pipe:
            taken, _ = pipe.incr(self._samples_key).expire(self._samples_key, self._keep_s).execute()
        return int(taken) <= MAX_FONT_SAMPLES
