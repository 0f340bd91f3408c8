"""Where pages that were read before are found again. It holds no text: it says in which kept job a page stands.

slimgest:pages:{period}:{shelf}    hash: 16 bytes of a page's key → its job's id and its number there

So a page is served as long as a job that has it is kept, and no longer: deleting the job deletes the text. Entries go
a retention time after they were written, without being swept, as whole hashes. Shelves (a key's first byte) share out a
period's entries, for Redis packs small hashes: a page takes 40 to 80 bytes where there are thousands, and at most 100
where there are millions; a key of its own would take 170. Losing them all costs time only.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from uuid import UUID

from redis import Redis

from .files import JobFiles
from .model import Page

_PERIODS = 2  # to a retention time
_KEY_BYTES = 16
_SPOT_BYTES = 20

Spot = tuple[str, int]  # a job's id and a page number


class PageCache:
    """Pages by their keys. Whoever makes a key puts into it all that a page's reading depends on, and whose it is."""

    def __init__(self, redis: Redis, files: JobFiles, retention_s: int) -> None:
        self._redis = redis
        self._files = files
        self._keep_s = retention_s
        self._period_s = max(1.0, retention_s / _PERIODS)

    def find(self, keys: Sequence[bytes], owner: str | None) -> dict[bytes, Page]:
        """The pages with these keys that this owner's kept jobs hold, as they were read there."""
        spots = self._spots(keys)
        numbers = defaultdict(set)
        for job_id, number in spots.values():
            numbers[job_id].add(number)
        mine = {job_id: wanted for job_id, wanted in numbers.items() if self._files.owner(job_id) == owner}
        pages = {
            (job_id, page.page_number): page
            for job_id, wanted in mine.items()
            for page in self._files.chosen_pages(job_id, wanted)
            if page.status == "ok"
        }
        return {key: pages[spot] for key, spot in spots.items() if spot in pages}

    def put(self, job_id: str, keys: Mapping[int, bytes]) -> None:
        """Says that this job holds the pages with these numbers and keys."""
        with self._redis.pipeline(transaction=False) as pipe:
            for number, key in keys.items():
                shelf = self._shelf(key, self._period())
                pipe.hset(shelf, key[:_KEY_BYTES], UUID(job_id).bytes + number.to_bytes(4))
                pipe.expire(shelf, self._keep_s)
            pipe.execute()

    def _spots(self, keys: Sequence[bytes]) -> dict[bytes, Spot]:
        """Where these keys' pages stand, by their latest entries."""
        # Entries of a period may last as long as its last one: for a retention time after its end.
        periods = [self._period() - back for back in range(_PERIODS + 1)]
        with self._redis.pipeline(transaction=False) as pipe:
            for key in keys:
                for period in periods:
                    pipe.hget(self._shelf(key, period), key[:_KEY_BYTES])
            answers = pipe.execute()
        spots = {}
        for index, key in enumerate(keys):
            found = next(filter(None, answers[index * len(periods) : (index + 1) * len(periods)]), None)
            if found is not None and len(found) == _SPOT_BYTES:  # what Redis holds is data
                spots[key] = str(UUID(bytes=found[:16])), int.from_bytes(found[16:])
        return spots

    def _period(self) -> int:
        return int(time.time() // self._period_s)

    @staticmethod
    def _shelf(key: bytes, period: int) -> str:
        return f"slimgest:pages:{period}:{key[0]}"
