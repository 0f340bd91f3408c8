"""The events of jobs: each is published once, and can be replayed.

Each event is an entry in a Redis Stream per job, and a message on a pub/sub channel of the same name. The message has
Flask-SSE's wire format, `{"type", "id", "data"}`. The entry has the same data, without the text of a page: a replayed
`page` event takes its text from the stored page, so that Redis grows by some 190 bytes a page, however long its text.
"""

from __future__ import annotations

import json
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from redis import Redis

from slimgest_celery.events.event_stream import EventStream
from slimgest_celery.events.shared_subscription import REPORT_EVERY_S, SharedSubscription
from slimgest_celery.models.events import BEGINNING, Event, id_order, parse_event
from slimgest_celery.models.job import End, JobStatus
from slimgest_celery.models.page import Page
from slimgest_celery.state.job_state import job_key
from slimgest_celery.state.lua_scripts import load_script
from slimgest_celery.storage.job_files import JobFiles, PageSummary, StoredPage
from slimgest_celery.telemetry import metrics
from slimgest_celery.telemetry.metrics import Increments

_STREAMS = "slimgest:streams"  # set of keys, one for each process with open event streams: each holds their number
_ENTRIES_AT_ONCE = 200  # of a stream, in memory while a client reads slowly
_MAX_RECENT = 1_000_000  # characters of page texts in memory
_BITMAPS = ("done", "failed", "warned")  # of page numbers
# Version 0.1.0 stored the values of these fields as a JSON list, and left out the fields that follow from the job's id.
_FIELDS_0_1_0 = {
    "start": ("filename", "total_pages"),
    "page": ("page_number", "status", "source", "total_pages", "pages_done", "pages_failed"),
    "complete": ("status", "total_pages", "pages_failed"),
    "error": ("code", "message", "hint"),
}


class _RecentTexts:
    """The page texts of events that were replayed lately, shared by all event streams of this process.

    Thousands of clients may follow one job, and each would read the same pages from storage.
    """

    def __init__(self) -> None:
        self._texts: OrderedDict[tuple[str, str], str] = OrderedDict()  # by job and event
        self._characters = 0

    def get(self, key: tuple[str, str], load: Callable[[], str]) -> str:
        """Return the text of an event, from `load` if it is not here."""
        if key in self._texts:
            return self._texts[key]
        text = load()
        if text and key not in self._texts:  # another stream may have loaded it meanwhile
            self._texts[key] = text
            self._characters += len(text)
            while self._characters > _MAX_RECENT:
                self._characters -= len(self._texts.popitem(last=False)[1])
        return text


class EventLog:
    """Publishes, replays and follows the events of jobs."""

    def __init__(self, redis: Redis, files: JobFiles, retention_s: int) -> None:
        self._redis = redis
        self._files = files
        self._ttl_s = retention_s * 2
        self._publish_script = load_script(redis, __name__, "publish")
        self._subscription: SharedSubscription[Event] = SharedSubscription(
            redis, parse_event, self._report_count, size_of=lambda event: event.text_length
        )
        self._recent_texts = _RecentTexts()
        self._own_count = f"{_STREAMS}:{uuid.uuid4().hex}"

    # Publishing

    def publish_start(self, job_id: str, filename: str, total_pages: int, counts: Increments | None = None) -> None:
        """Publish that ingest has counted the pages, and add `counts`: once, however often ingest runs."""
        self._publish(job_id, "start", {"filename": filename, "total_pages": total_pages}, counts=counts)

    def publish_pages(self, job_id: str, pages: list[Page], total_pages: int, engine: str) -> None:
        """Publish that these pages, read by this engine, are stored: one round trip to Redis for all of them."""
        with self._redis.pipeline(transaction=False) as pipe:
            for page in pages:
                data = {
                    "page_number": page.page_number,
                    "status": page.status,
                    "source": page.source,
                    "total_pages": total_pages,
                    "warnings": _warnings(page),
                }
                self._mark_warned(pipe, job_id, page)
                self._publish(job_id, "page", data, page=page, counts=metrics.of_page(page, engine), client=pipe)
            pipe.execute()

    def _mark_warned(self, pipe: Redis, job_id: str, page: Page) -> None:
        if page.warnings:  # few pages have any; `reopen` clears the mark of a page that is read again
            pipe.setbit(job_key(job_id, "warned"), page.page_number, 1)
            pipe.expire(job_key(job_id, "warned"), self._ttl_s)

    def publish_end(
        self, job_id: str, end: End, total_pages: int, retry_count: int, counts: Increments | None = None
    ) -> bool:
        """Publish the end of a job after `retry_count` retries. Return False if this end was published before.

        No event of the job follows.
        """
        return bool(self._publish(job_id, *_end_event(end, total_pages), retry_count=retry_count, counts=counts))

    def _publish(
        self,
        job_id: str,
        kind: str,
        data: dict[str, Any],
        page: Page | None = None,
        retry_count: int | None = None,
        counts: Increments | None = None,
        client: Redis | None = None,
    ) -> Any:
        stored = json.dumps({**data, **_follows_from_id(kind, job_id)}, separators=(",", ":")).removesuffix("}")
        page_text = "" if page is None else f',"page_text":{json.dumps(page.text)}'
        page_number, page_failed = ("", 0) if page is None else (page.page_number, _failed(page))
        keys = [*(job_key(job_id, part) for part in ("events", "done", "failed", "")), metrics.KEY]
        increments = [part for item in (counts or {}).items() for part in item]  # field, number, field …
        return self._publish_script(
            keys=keys,
            args=[
                kind,
                stored,
                page_text,
                page_number,
                page_failed,
                self._ttl_s,
                "" if retry_count is None else retry_count,
                *increments,
            ],
            client=client,
        )

    def reopen(self, job_id: str, page_numbers: Iterable[int]) -> None:
        """Delete the end event, and forget that these pages were published: a retry reads them again."""
        stream = job_key(job_id, "events")
        with self._redis.pipeline() as pipe:
            for entry_id, fields in self._redis.xrange(stream):
                if fields[b"type"] in (b"complete", b"error"):
                    pipe.xdel(stream, entry_id)
            for number in page_numbers:
                for part in _BITMAPS:
                    pipe.setbit(job_key(job_id, part), number, 0)
            pipe.hdel(job_key(job_id), "ended").hincrby(job_key(job_id), "run", 1)
            for part in _BITMAPS:  # SETBIT may have created them
                pipe.expire(job_key(job_id, part), self._ttl_s)
            pipe.delete(job_key(job_id, "attempts"))
            pipe.execute()

    # Following

    def subscriber_count(self) -> int:
        """Return the number of open event streams in all processes.

        Each process reports its own number every few seconds; the number of a process that died expires.
        """
        names = self._redis.smembers(_STREAMS)
        counts = self._redis.mget(sorted(names)) if names else []
        if gone := [name for name, count in zip(sorted(names), counts, strict=True) if count is None]:
            self._redis.srem(_STREAMS, *gone)
        return sum(int(count) for count in counts if count is not None and count.isdigit())

    def _report_count(self, count: int) -> None:
        with self._redis.pipeline() as pipe:
            pipe.set(self._own_count, count, ex=round(3 * REPORT_EVERY_S)).sadd(_STREAMS, self._own_count).execute()

    def follow(self, job_id: str, after: str = BEGINNING, heartbeat_s: float = 15.0) -> EventStream:
        """Return the events of a job later than the id `after`, stored and future ones. Raises `RedisError`."""
        return EventStream(
            self._subscription,
            job_key(job_id, "events"),
            after=after,
            heartbeat_s=heartbeat_s,
            replay=partial(self.replay, job_id),
            is_over=partial(self.is_over, job_id),
        )

    def is_over(self, job_id: str, after: str) -> bool:
        """Return True if the job has ended and its stream has no event later than `after`."""
        ended = self._redis.hexists(job_key(job_id), "ended")  # set in one step with the end event
        stream = job_key(job_id, "events")
        return bool(ended and self._redis.exists(stream) and not self._redis.xrange(stream, f"({after}", count=1))

    def replay(self, job_id: str, after: str) -> Iterator[Event]:
        """Return the events later than `after`. If Redis lost them and the job has ended, make them from storage."""
        stream, texts = job_key(job_id, "events"), self._files.page_texts(job_id)
        entries = self._redis.xrange(stream, f"({after}", count=_ENTRIES_AT_ONCE)
        if not entries and not self._redis.exists(stream):
            yield from self._replay_from_storage(job_id, after)
        while entries:
            for entry_id, fields in entries:
                kind, after = fields[b"type"].decode(), entry_id.decode()
                data = _stored_data(kind, job_id, fields[b"data"])
                if kind == "page":
                    load = partial(texts.get, data["page_number"])
                    data["page_text"] = self._recent_texts.get((job_id, after), load)
                yield Event(id=after, type=kind, data=data)
            entries = self._redis.xrange(stream, f"({after}", count=_ENTRIES_AT_ONCE)

    def _replay_from_storage(self, job_id: str, after: str) -> Iterator[Event]:
        """Return the events later than `after`, made from storage.

        If `after` is an id of Redis, return all pages again, with ids that continue from it: after a loss in Redis,
        it is unknown which events the client has received.
        """
        milliseconds, sequence = id_order(after)
        for event in self._events_from_storage(job_id):
            if milliseconds == 0:
                if id_order(event.id) > (0, sequence):
                    yield event
            elif event.type != "start":
                yield replace(event, id=f"{milliseconds}-{sequence + id_order(event.id)[1]}")

    def _events_from_storage(self, job_id: str) -> Iterator[Event]:
        """Return an ended job's events, made from its files. Their ids are earlier than any id of Redis."""
        end = self._files.end(job_id)
        if end is None:
            return
        plan = self._files.plan(job_id)
        total = len(plan.page_numbers) if plan else 0
        step = 1
        if plan:
            start = {"filename": self._files.job(job_id).filename, "total_pages": total}
            yield Event(id="0-1", type="start", data={**start, **_follows_from_id("start", job_id)})
        failed = 0
        for page in self._files.iterate_stored(job_id) if plan else ():
            step, failed, summary = step + 1, failed + _failed(page), page.summary()
            data = {"page_number": page.page_number, "status": page.status, "source": summary.source}
            counts = {"total_pages": total, "pages_done": step - 1, "pages_failed": failed}
            more = {"warnings": _warnings(summary), "page_text": summary.text}
            yield Event(id=f"0-{step}", type="page", data={**data, **counts, **more})
        kind, data = _end_event(end, total)
        yield Event(id=f"0-{step + 1}", type=kind, data={**data, **_follows_from_id(kind, job_id)})


def _end_event(end: End, total_pages: int) -> tuple[str, dict[str, Any]]:
    if end.error and end.status in (JobStatus.FAILED, JobStatus.CANCELLED):
        return "error", {"code": end.error.code, "message": end.error.message, "hint": end.error.hint}
    counts = {"pages_failed": end.pages_failed, "pages_with_warnings": end.pages_with_warnings}
    return "complete", {"status": end.status, "total_pages": total_pages, **counts}


def _follows_from_id(kind: str, job_id: str) -> dict[str, Any]:
    """Return the fields of an event's data that follow from the job's id."""
    known = {"start": {"job_id": job_id}, "complete": {"result_url": f"/jobs/{job_id}/result"}}
    return known.get(kind, {})


def _stored_data(kind: str, job_id: str, stored: bytes) -> dict[str, Any]:
    """Return the data of an entry in the stream: all but a page's text."""
    data = json.loads(stored)
    if isinstance(data, dict):
        return data
    return {**dict(zip(_FIELDS_0_1_0.get(kind, ()), data, strict=False)), **_follows_from_id(kind, job_id)}


def _warnings(page: Page | PageSummary) -> list[str]:
    return [warning.code for warning in page.warnings]


def _failed(page: Page | StoredPage) -> int:
    return int(page.status == "failed")
