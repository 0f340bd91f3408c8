"""A job's events as they are told: the form of their data, and where they end."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import fakeredis
import pytest
from pydantic import BaseModel

from slimgest_celery.event import BEGINNING, Event
from slimgest_celery.event_models import CompleteData, ErrorData, PageData, StartData
from slimgest_celery.events import Events
from slimgest_celery.files import JobFiles
from slimgest_celery.ledger import job_key
from slimgest_celery.model import End, Engine, Job, JobStatus, Options, Page, Plan, Problem, Source, now

MODELS: dict[str, type[BaseModel]] = {
    "start": StartData,
    "page": PageData,
    "complete": CompleteData,
    "error": ErrorData,
}
JOB = Job(job_id="a", filename="a.pdf", options=Options(), created_at=now())
PAGE = Page(page_number=1, status="ok", text="one")
AFTER_ALL = "9" * 18
GOOD = End(status=JobStatus.COMPLETED, completed_at=now())
BAD = End(status=JobStatus.FAILED, completed_at=now(), error=Problem(code="pdf.unreadable", message="It is damaged."))


@pytest.fixture
def events(tmp_path: Path) -> Iterator[Events]:
    files = JobFiles(str(tmp_path))
    files.create(JOB, io.BytesIO(b"%PDF-1.4"), None)
    files.put_plan("a", Plan(page_numbers=[1], engine=Engine(name="e", version="1"), started_at=now()))
    files.put_pages("a", [PAGE])
    with fakeredis.FakeRedis() as redis:
        yield Events(redis, files, 60)


def _tell(events: Events, end: End | None) -> None:
    events.start("a", "a.pdf", 1)
    events.pages("a", [PAGE], 1, "an-engine")
    if end is not None:
        events.end("a", end, 1, run=0)


def _heard(events: Events, after: str = BEGINNING) -> list[Event]:
    with events.follow("a", after, heartbeat_s=0.05) as feed:
        return [event for event in feed if event is not None]


def _entries(events: Events) -> list[tuple[bytes, dict[bytes, bytes]]]:
    found: list[tuple[bytes, dict[bytes, bytes]]] = events._redis.xrange(job_key("a", "events"))
    return found


def _events(events: Events) -> list[Event]:
    return list(events.replay("a", BEGINNING))


@pytest.mark.parametrize("end", [GOOD, BAD], ids=lambda end: end.status)
def test_the_data_of_events_are_what_their_models_say(events: Events, end: End) -> None:
    _tell(events, end)
    heard = _heard(events)
    assert [event.type for event in heard] == ["start", "page", "complete" if end is GOOD else "error"]
    for event in heard:
        assert set(event.data) == set(MODELS[event.type].model_fields)
        MODELS[event.type].model_validate(event.data)


@pytest.mark.parametrize("end", [GOOD, BAD], ids=lambda end: end.status)
def test_who_comes_late_is_told_what_was_published(events: Events, end: End) -> None:
    with events._redis.pubsub() as channel:
        channel.subscribe(job_key("a", "events"))
        _tell(events, end)
        messages = [channel.get_message() for _ in range(4)]
    published = [
        Event(**json.loads(message["data"])) for message in messages if message and message["type"] == "message"
    ]
    assert published == _heard(events) and len(published) == 3


def test_redis_keeps_the_values_of_events_alone(events: Events) -> None:
    """Their names and what the job's id tells would be most of what a job takes there."""
    name = 'a "b":1,"page":{}[] ü.pdf'
    events.start("a", name, 2)
    events.pages("a", [PAGE, PAGE.model_copy(update={"page_number": 2, "source": Source.OCR})], 2, "an-engine")
    events.end("a", GOOD, 2, run=0)
    kept = [(fields[b"type"].decode(), json.loads(fields[b"data"])) for _, fields in _entries(events)]
    assert kept == [
        ("start", [name, 2]),
        ("page", [1, "ok", None, 2, 1, 0]),
        ("page", [2, "ok", "ocr", 2, 2, 0]),
        ("complete", ["completed", 2, 0]),
    ]
    assert _heard(events)[0].data == {"job_id": "a", "filename": name, "total_pages": 2}


def test_an_event_of_a_kind_that_is_not_known_here_is_passed_on(events: Events) -> None:
    """A later release may tell more."""
    _tell(events, GOOD)
    events._redis.xadd(job_key("a", "events"), {"type": "news", "data": "[1]"})
    assert [event.type for event in events.replay("a", BEGINNING)][-1] == "news"


def test_what_an_earlier_release_has_told_is_told_as_it_was(events: Events) -> None:
    """It kept the whole of an event's data."""
    start = {"job_id": "a", "filename": "a.pdf", "total_pages": 1}
    events._redis.xadd(job_key("a", "events"), {"type": "start", "data": json.dumps(start)}, id="1-0")
    events._redis.hset(job_key("a"), "started", 1)
    _tell(events, GOOD)
    heard = _heard(events)
    assert [event.type for event in heard] == ["start", "page", "complete"] and heard[0].data == start


def test_failed_pages_are_noted_where_there_are_any(events: Events) -> None:
    bad, done, failed = PAGE.model_copy(update={"status": "failed"}), job_key("a", "done"), job_key("a", "failed")
    events.pages("a", [PAGE], 2, "an-engine")
    assert events._redis.exists(done) and not events._redis.exists(failed)
    events.pages("a", [bad.model_copy(update={"page_number": 2})], 2, "an-engine")
    assert events._redis.getbit(failed, 2) == 1
    events.pages("a", [PAGE.model_copy(update={"page_number": 2})], 2, "an-engine")
    assert [event.data["pages_failed"] for event in _events(events)] == [0, 1, 0]


def test_all_that_redis_keeps_of_a_job_has_a_time_to_go(events: Events) -> None:
    _tell(events, GOOD)
    events.reopen("a", [1])
    keys = {key: events._redis.ttl(key) for key in events._redis.keys("slimgest:job:*")}
    assert keys.keys() >= {job_key("a", part).encode() for part in ("", "done", "failed", "events")}
    assert all(ttl > 0 for ttl in keys.values()), keys


def test_a_story_retold_from_storage_has_the_same_form(events: Events) -> None:
    events._files.put_end("a", GOOD)
    heard = _heard(events)
    assert [event.type for event in heard] == ["start", "page", "complete"]
    assert all(set(event.data) == set(MODELS[event.type].model_fields) for event in heard)


def test_a_job_is_over_for_who_has_heard_its_last_event_and_only_then(events: Events) -> None:
    _tell(events, None)
    assert not events.over("a", AFTER_ALL)
    events.end("a", GOOD, 1, run=0)
    *_, page, last = _heard(events)
    assert not events.over("a", BEGINNING) and not events.over("a", page.id)
    assert events.over("a", last.id) and events.over("a", AFTER_ALL)
    assert not events.over("b", BEGINNING)
    events.reopen("a", [1])
    assert not events.over("a", last.id)


def test_a_feed_from_after_the_last_event_ends(events: Events) -> None:
    """With an id from the future, it would otherwise last for ever: nothing that comes is later."""
    _tell(events, GOOD)
    assert _heard(events, AFTER_ALL) == []


def test_the_end_of_a_run_that_a_retry_took_back_is_told_by_nobody(events: Events) -> None:
    _tell(events, GOOD)
    events.reopen("a", [1])
    assert not events.end("a", GOOD, 1, run=0), "by whoever was slow"
    assert not events.over("a", AFTER_ALL)
    assert events.end("a", GOOD, 1, run=1) and events.over("a", AFTER_ALL)
