"""The index of the page cache: in which stored job a page with a certain key was read. It contains no text.

slimgest:pages:{period}:{bucket}    hash: 16 bytes of a page's key → the id of its job, and its number there

A page can therefore be reused as long as a job with it is stored, and no longer: deleting the job deletes the text. The
entries expire one retention after they were written, as whole hashes. Buckets (the first byte of a key) divide the
entries of a period, because Redis packs small hashes: a page takes 40 to 80 bytes if there are thousands, and at most
100 if there are millions. A Redis key for each page would take 170. Losing all entries costs only time.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from uuid import UUID

from redis import Redis

from slimgest_celery.models.page import Page
from slimgest_celery.storage.job_files import JobFiles

_PERIODS = 2  # per retention
_KEY_BYTES = 16
_LOCATION_BYTES = 20

Location = tuple[str, int]  # a job's id and a page number


class PageIndex:
    """An index of pages by key. The caller derives a key from everything that the result depends on, and the owner."""

    def __init__(self, redis: Redis, files: JobFiles, retention_s: int) -> None:
        self._redis = redis
        self._files = files
        self._ttl_s = retention_s
        self._period_s = max(1.0, retention_s / _PERIODS)

    def find(self, keys: Sequence[bytes], owner: str | None) -> dict[bytes, Page]:
        """Return the pages with these keys from the stored jobs of this owner, as they were read there."""
        locations = self._locations(keys)
        numbers = defaultdict(set)
        for job_id, number in locations.values():
            numbers[job_id].add(number)
        owned = {job_id: wanted for job_id, wanted in numbers.items() if self._files.owner(job_id) == owner}
        pages = {
            (job_id, page.page_number): page
            for job_id, wanted in owned.items()
            for page in self._files.select_pages(job_id, wanted)
            if page.status == "ok"
        }
        return {key: pages[location] for key, location in locations.items() if location in pages}

    def put(self, job_id: str, keys: Mapping[int, bytes]) -> None:
        """Store that this job has the pages with these numbers and keys."""
        with self._redis.pipeline(transaction=False) as pipe:
            for number, key in keys.items():
                bucket = self._bucket(key, self._period())
                pipe.hset(bucket, key[:_KEY_BYTES], UUID(job_id).bytes + number.to_bytes(4))
                pipe.expire(bucket, self._ttl_s)
            pipe.execute()

    def forget(self, job_id: str) -> None:
        """Delete all entries of a job. Takes about a second for each million pages in the index."""
        prefix = UUID(job_id).bytes
        for name in self._redis.scan_iter("slimgest:pages:*", count=1000):
            found = [key for key, location in self._redis.hscan_iter(name, count=1000) if location.startswith(prefix)]
            if found:
                self._redis.hdel(name, *found)

    def _locations(self, keys: Sequence[bytes]) -> dict[bytes, Location]:
        """Return the locations of the pages with these keys, from the latest entries."""
        # The entries of a period expire with the last one of them: up to one retention after the end of the period.
        periods = [self._period() - back for back in range(_PERIODS + 1)]
        with self._redis.pipeline(transaction=False) as pipe:
            for key in keys:
                for period in periods:
                    pipe.hget(self._bucket(key, period), key[:_KEY_BYTES])
            answers = pipe.execute()
        locations = {}
        for index, key in enumerate(keys):
            found = next(filter(None, answers[index * len(periods) : (index + 1) * len(periods)]), None)
            if found is not None and len(found) == _LOCATION_BYTES:  # ignore invalid values
                locations[key] = str(UUID(bytes=found[:16])), int.from_bytes(found[16:])
        return locations

    def _period(self) -> int:
        return int(time.time() // self._period_s)

    @staticmethod
    def _bucket(key: bytes, period: int) -> str:
        return f"slimgest:pages:{period}:{key[0]}"
