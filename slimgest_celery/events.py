"""A job's events: published once, replayed at will.

Each event is a short entry in a Redis Stream per job and a message on a pub/sub channel of the same name, there in
Flask-SSE's wire format, `{"type", "id", "data"}`. The stream keeps the values of that data alone, and no page text: a
replayed `page` event takes it from the stored page, so Redis grows by some 40 bytes a page, whatever the pages hold.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from redis import Redis

from . import metrics
from .event import BEGINNING, Event, order, parsed
from .feed import Feed
from .files import JobFiles
from .hub import COUNT_S, Hub
from .ledger import job_key
from .metrics import Increments
from .model import End, JobStatus, Page

_STREAMS = "slimgest:streams"  # set of keys, one of each process that serves streams: how many it serves now
_TEXTS_AHEAD = 200  # pages
# The members of an event's data whose values its entry in the stream keeps, in this order: their names would take more
# than half of it. `_of_id` has those that a job's id tells.
_KEPT = {
    "start": ("filename", "total_pages"),
    "page": ("page_number", "status", "source", "total_pages", "pages_done", "pages_failed"),
    "complete": ("status", "total_pages", "pages_failed"),
    "error": ("code", "message"),
}

# Entry in the stream and message on the channel in one step: whoever sees the id can replay from it. A page is told
# once, or again when a retry turned it from failed to ok; its counts are those at this very moment. The end is told by
# whoever marks the job as ended, which is done here, so that of two that end a job one tells it, and nobody tells
# the end of a run that a retry has taken back. What is told is also counted here (metrics.py), and so exactly as often;
# a count that cannot be added to spoils no telling. Where no page fails there is no bitmap of failed ones.
#
# The entry keeps the values alone: of all that stands in quotation marks a colon follows the names only, for those
# within a string are escaped. A new stream takes `stream-node-max-bytes` (4 kB unless set) at its first entry; one that
# was restored takes what its entries need. Where Redis lets nobody restore, it is as it was.
_TELL = """
local stream, done, failed, job = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local type, head, tail, page, bad, ttl = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5]), ARGV[6]
local run = ARGV[7]
if run ~= '' and (redis.call('HGET', job, 'run') or '0') ~= run then return false end
if page ~= '' then
  if redis.call('HEXISTS', job, 'ended') == 1 then return false end
  local seen = redis.call('SETBIT', done, page, 1)
  local was = redis.call('GETBIT', failed, page)
  if was ~= bad then redis.call('SETBIT', failed, page, bad) end
  if seen == 1 and was == bad then return false end
  head = head .. ',"pages_done":' .. redis.call('BITCOUNT', done)
  head = head .. ',"pages_failed":' .. redis.call('BITCOUNT', failed)
  redis.call('EXPIRE', done, ttl)
  redis.call('EXPIRE', failed, ttl)
elseif type == 'start' then
  if redis.call('HSETNX', job, 'started', 1) == 0 then return false end
elseif redis.call('HSETNX', job, 'ended', 1) == 0 then
  return false
end
redis.call('EXPIRE', job, ttl)
local values = string.gsub(string.sub(head, 2), '"[%l_]+":', '')
local id = redis.call('XADD', stream, '*', 'type', type, 'data', '[' .. values .. ']')
if redis.call('XLEN', stream) == 1 then
  redis.pcall('RESTORE', stream, 0, redis.pcall('DUMP', stream), 'REPLACE')
end
redis.call('EXPIRE', stream, ttl)
redis.call('PUBLISH', stream, '{"type":"' .. type .. '","id":"' .. id .. '","data":' .. head .. tail .. '}}')
for i = 8, #ARGV, 2 do redis.pcall('HINCRBY', KEYS[5], ARGV[i], ARGV[i + 1]) end
return id
"""


class Events:
    """Publishes the events of jobs, and follows them."""

    def __init__(self, redis: Redis, files: JobFiles, retention_s: int) -> None:
        self._redis = redis
        self._files = files
        self._keep_s = retention_s * 2
        self._tell = redis.register_script(_TELL)
        self._hub: Hub[Event] = Hub(redis, parsed, self._tell_count)
        self._own_count = f"{_STREAMS}:{uuid.uuid4().hex}"

    # Publishing

    def start(self, job_id: str, filename: str, total_pages: int, counts: Increments | None = None) -> None:
        """Ingest has counted the pages; told, and `counts` added, once however often ingest runs."""
        self._publish(job_id, "start", {"filename": filename, "total_pages": total_pages}, counts=counts)

    def pages(self, job_id: str, pages: list[Page], total_pages: int, engine: str) -> None:
        """These pages are stored, read by this engine. One trip to Redis, however many they are."""
        with self._redis.pipeline(transaction=False) as pipe:
            for page in pages:
                data = {
                    "page_number": page.page_number,
                    "status": page.status,
                    "source": page.source,
                    "total_pages": total_pages,
                }
                self._publish(job_id, "page", data, page=page, counts=metrics.of_page(page, engine), client=pipe)
            pipe.execute()

    def end(self, job_id: str, end: End, total_pages: int, run: int, counts: Increments | None = None) -> bool:
        """This run of the job has ended; nothing comes after this. Whether this told it, and not somebody before."""
        return bool(self._publish(job_id, *_end_event(end, total_pages), run=run, counts=counts))

    def _publish(
        self,
        job_id: str,
        kind: str,
        data: dict[str, Any],
        page: Page | None = None,
        run: int | None = None,
        counts: Increments | None = None,
        client: Redis | None = None,
    ) -> Any:
        head = json.dumps(data, separators=(",", ":"))[:-1]
        told = _of_id(kind, job_id) if page is None else {"page_text": page.text}
        tail = "".join(f',"{name}":{json.dumps(value)}' for name, value in told.items())
        number, bad = ("", 0) if page is None else (page.page_number, _failed(page))
        keys = [*(job_key(job_id, part) for part in ("events", "done", "failed", "")), metrics.KEY]
        added = [word for field_and_much in (counts or {}).items() for word in field_and_much]
        return self._tell(
            keys=keys,
            args=[kind, head, tail, number, bad, self._keep_s, "" if run is None else run, *added],
            client=client,
        )

    def reopen(self, job_id: str, page_numbers: Iterable[int]) -> None:
        """Takes back the end event and what was told of these pages: they are to be read again."""
        stream = job_key(job_id, "events")
        with self._redis.pipeline() as pipe:
            for entry_id, fields in self._redis.xrange(stream):
                if fields[b"type"] in (b"complete", b"error"):
                    pipe.xdel(stream, entry_id)
            for number in page_numbers:
                pipe.setbit(job_key(job_id, "done"), number, 0).setbit(job_key(job_id, "failed"), number, 0)
            pipe.hdel(job_key(job_id), "ended").hincrby(job_key(job_id), "run", 1)
            for part in ("done", "failed"):  # whichever was not there until now
                pipe.expire(job_key(job_id, part), self._keep_s)
            pipe.delete(job_key(job_id, "attempts"))
            pipe.execute()

    # Following

    def followers(self) -> int:
        """Event streams open now, of all processes: as each told of late, so that one that died counts no more."""
        names = self._redis.smembers(_STREAMS)
        counts = self._redis.mget(sorted(names)) if names else []
        if gone := [name for name, count in zip(sorted(names), counts, strict=True) if count is None]:
            self._redis.srem(_STREAMS, *gone)
        return sum(int(count) for count in counts if count is not None and count.isdigit())

    def _tell_count(self, count: int) -> None:
        with self._redis.pipeline() as pipe:
            pipe.set(self._own_count, count, ex=round(3 * COUNT_S)).sadd(_STREAMS, self._own_count).execute()

    def follow(self, job_id: str, after: str = BEGINNING, heartbeat_s: float = 15.0) -> Feed:
        """The events of a job later than the id `after`; raises `RedisError`."""
        return Feed(
            self._hub,
            job_key(job_id, "events"),
            after=after,
            heartbeat_s=heartbeat_s,
            replay=partial(self.replay, job_id),
            over=partial(self.over, job_id),
        )

    def over(self, job_id: str, after: str) -> bool:
        """Whether the job has ended and its story holds nothing later than `after`."""
        ended = self._redis.hexists(job_key(job_id), "ended")  # set in one step with the event that tells it
        stream = job_key(job_id, "events")
        return bool(ended and self._redis.exists(stream) and not self._redis.xrange(stream, f"({after}", count=1))

    def replay(self, job_id: str, after: str) -> Iterator[Event]:
        """Events later than `after`. Where Redis lost them and the job has ended, its story is told from storage."""
        stream = job_key(job_id, "events")
        entries = self._redis.xrange(stream, f"({after}")
        if not entries and not self._redis.exists(stream):
            yield from self._retold(job_id, after)
            return
        texts: dict[int, str] = {}
        for entry_id, fields in entries:
            kind = fields[b"type"].decode()
            data = _restored(kind, job_id, fields[b"data"])
            if kind == "page":
                data["page_text"] = self._text(job_id, data["page_number"], texts)
            yield Event(id=entry_id.decode(), type=kind, data=data)

    def _text(self, job_id: str, page_number: int, texts: dict[int, str]) -> str:
        """A page's text; `texts` is filled ahead, for a listing of the storage per page would cost its square."""
        if page_number not in texts:
            texts.clear()
            ahead = self._files.pages(job_id, page_number, page_number + _TEXTS_AHEAD)
            texts.update({number: page.text for number, page in ahead.items()})
        return texts.get(page_number, "")

    def _retold(self, job_id: str, after: str) -> Iterator[Event]:
        """The story for one who has heard it up to `after`. One whose id is Redis's own hears it again from the first
        page, with ids that go on from there: what was told since Redis lost it cannot be known."""
        milliseconds, sequence = order(after)
        for event in self._story(job_id):
            if milliseconds == 0:
                if order(event.id) > (0, sequence):
                    yield event
            elif event.type != "start":
                yield replace(event, id=f"{milliseconds}-{sequence + order(event.id)[1]}")

    def _story(self, job_id: str) -> Iterator[Event]:
        """An ended job's events made from its files, with ids that any real id is later than."""
        end = self._files.end(job_id)
        if end is None:
            return
        plan = self._files.plan(job_id)
        total = len(plan.page_numbers) if plan else 0
        step = 1
        if plan:
            start = {"filename": self._files.job(job_id).filename, "total_pages": total}
            yield Event(id="0-1", type="start", data={**start, **_of_id("start", job_id)})
        failed = 0
        for page in self._files.pages(job_id).values() if plan else ():
            step, failed = step + 1, failed + _failed(page)
            data = {"page_number": page.page_number, "status": page.status, "source": page.source}
            counts = {"total_pages": total, "pages_done": step - 1, "pages_failed": failed}
            yield Event(id=f"0-{step}", type="page", data={**data, **counts, "page_text": page.text})
        kind, data = _end_event(end, total)
        yield Event(id=f"0-{step + 1}", type=kind, data={**data, **_of_id(kind, job_id)})


def _end_event(end: End, total_pages: int) -> tuple[str, dict[str, Any]]:
    if end.error and end.status in (JobStatus.FAILED, JobStatus.CANCELLED):
        return "error", {"code": end.error.code, "message": end.error.message}
    return "complete", {"status": end.status, "total_pages": total_pages, "pages_failed": end.pages_failed}


def _of_id(kind: str, job_id: str) -> dict[str, Any]:
    """The members of an event's data that its job's id tells."""
    known = {"start": {"job_id": job_id}, "complete": {"result_url": f"/jobs/{job_id}/result"}}
    return known.get(kind, {})


def _restored(kind: str, job_id: str, kept: bytes) -> dict[str, Any]:
    """An event's data, but for a page's text, from what its entry in the stream keeps."""
    values = json.loads(kept)
    if isinstance(values, dict):  # told before a release that keeps values alone
        return values
    return {**dict(zip(_KEPT.get(kind, ()), values, strict=False)), **_of_id(kind, job_id)}


def _failed(page: Page) -> int:
    return int(page.status == "failed")
