"""The events of a job: the form of their data, their order and their end. Redis is in memory."""

from __future__ import annotations

import io
import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import fakeredis
import pytest
from pydantic import BaseModel

from slimgest_celery.events.event_log import EventLog
from slimgest_celery.models.events import BEGINNING, CompleteData, ErrorData, Event, PageData, StartData
from slimgest_celery.models.job import End, EngineInfo, Job, JobStatus, Options, Plan
from slimgest_celery.models.page import Page, Source
from slimgest_celery.models.problem import Problem
from slimgest_celery.models.record import now
from slimgest_celery.models.warning import LOW_CONFIDENCE, make_warning
from slimgest_celery.state.job_state import JobState, job_key
from slimgest_celery.storage.job_files import JobFiles, PageTexts

MODELS: dict[str, type[BaseModel]] = {
    "start": StartData,
    "page": PageData,
    "complete": CompleteData,
    "error": ErrorData,
}
JOB = Job(job_id="a", filename="a.pdf", options=Options(), created_at=now())
PAGE = Page(page_number=1, status="ok", text="one")
LATER_THAN_ALL = "9" * 18
GOOD = End(status=JobStatus.COMPLETED, completed_at=now())
BAD = End(status=JobStatus.FAILED, completed_at=now(), error=Problem(code="pdf.unreadable", message="It is damaged."))


@pytest.fixture
def events(tmp_path: Path) -> Iterator[EventLog]:
    files = JobFiles(str(tmp_path))
    files.create(JOB, io.BytesIO(b"%PDF-1.4"), None)
    files.put_plan("a", Plan(page_numbers=[1], engine=EngineInfo(name="e", version="1"), started_at=now()))
    files.put_pages("a", [PAGE])
    with fakeredis.FakeRedis() as redis:
        yield EventLog(redis, files, 60)


def _publish(events: EventLog, end: End | None) -> None:
    events.publish_start("a", "a.pdf", 1)
    events.publish_pages("a", [PAGE], 1, "an-engine")
    if end is not None:
        events.publish_end("a", end, 1, retry_count=0)


def _follow(events: EventLog, after: str = BEGINNING) -> list[Event]:
    with events.follow("a", after, heartbeat_s=0.05) as stream:
        return [event for event in stream if event is not None]


def _entries(events: EventLog) -> list[tuple[bytes, dict[bytes, bytes]]]:
    found: list[tuple[bytes, dict[bytes, bytes]]] = events._redis.xrange(job_key("a", "events"))
    return found


def _events(events: EventLog) -> list[Event]:
    return list(events.replay("a", BEGINNING))


@pytest.mark.parametrize("end", [GOOD, BAD], ids=lambda end: end.status)
def test_the_data_of_events_match_their_models(events: EventLog, end: End) -> None:
    _publish(events, end)
    received = _follow(events)
    assert [event.type for event in received] == ["start", "page", "complete" if end is GOOD else "error"]
    for event in received:
        assert set(event.data) == set(MODELS[event.type].model_fields)
        MODELS[event.type].model_validate(event.data)


@pytest.mark.parametrize("end", [GOOD, BAD], ids=lambda end: end.status)
def test_a_late_subscriber_receives_what_was_published(events: EventLog, end: End) -> None:
    with events._redis.pubsub() as channel:
        channel.subscribe(job_key("a", "events"))
        _publish(events, end)
        messages = [channel.get_message() for _ in range(4)]
    published = [
        Event(**json.loads(message["data"])) for message in messages if message and message["type"] == "message"
    ]
    assert published == _follow(events) and len(published) == 3


def test_the_stream_holds_the_data_of_each_event_without_page_text(events: EventLog) -> None:
    name = 'a "b":1,"page":{}[] ü.pdf'
    events.publish_start("a", name, 2)
    events.publish_pages("a", [PAGE, PAGE.model_copy(update={"page_number": 2, "source": Source.OCR})], 2, "an-engine")
    events.publish_end("a", GOOD, 2, retry_count=0)
    stored = [(fields[b"type"].decode(), json.loads(fields[b"data"])) for _, fields in _entries(events)]
    counts = {"total_pages": 2, "pages_done": 1, "pages_failed": 0}
    one = {"page_number": 1, "status": "ok", "source": None, "warnings": [], **counts}
    end = {"status": "completed", "total_pages": 2, "pages_failed": 0, "pages_with_warnings": 0}
    assert stored == [
        ("start", {"job_id": "a", "filename": name, "total_pages": 2}),
        ("page", one),
        ("page", {**one, "page_number": 2, "source": "ocr", "pages_done": 2}),
        ("complete", {**end, "result_url": "/jobs/a/result"}),
    ]


def test_an_event_of_an_unknown_type_is_passed_on(events: EventLog) -> None:
    """A later release may publish further types."""
    _publish(events, GOOD)
    events._redis.xadd(job_key("a", "events"), {"type": "news", "data": "[1]"})
    assert [event.type for event in events.replay("a", BEGINNING)][-1] == "news"


@pytest.mark.parametrize("end", [GOOD, BAD], ids=lambda end: end.status)
def test_entries_of_version_0_1_0_are_replayed_as_they_were_published(events: EventLog, end: End) -> None:
    """Version 0.1.0 stored a JSON list of the values, without the names and without what follows from the job's id."""
    stream, name = job_key("a", "events"), 'a "b":1.pdf'
    complete, error = ("complete", ["completed", 2, 1]), ("error", ["pdf.unreadable", "It is damaged."])
    for number, (kind, values) in enumerate(
        [
            ("start", [name, 2]),
            ("page", [1, "ok", "ocr", 2, 1, 0]),
            ("page", [2, "failed", None, 2, 2, 1]),
            complete if end is GOOD else error,
        ],
        start=1,
    ):
        events._redis.xadd(stream, {"type": kind, "data": json.dumps(values)}, id=f"{number}-0")
    start, one, two, last = _follow(events)
    assert start.data == {"job_id": "a", "filename": name, "total_pages": 2}
    counts = {"total_pages": 2, "pages_done": 1, "pages_failed": 0}
    assert one.data == {"page_number": 1, "status": "ok", "source": "ocr", **counts, "page_text": "one"}
    assert two.data["status"] == "failed" and two.data["pages_failed"] == 1
    if end is GOOD:
        result = {"result_url": "/jobs/a/result"}
        assert last.data == {"status": "completed", "total_pages": 2, "pages_failed": 1, **result}
    else:
        assert last.data == {"code": "pdf.unreadable", "message": "It is damaged."}


def test_entries_from_before_version_0_1_0_are_replayed_as_they_were_published(events: EventLog) -> None:
    """Such an entry contains the whole data of an event."""
    start = {"job_id": "a", "filename": "a.pdf", "total_pages": 1}
    events._redis.xadd(job_key("a", "events"), {"type": "start", "data": json.dumps(start)}, id="1-0")
    events._redis.hset(job_key("a"), "started", 1)
    _publish(events, GOOD)
    received = _follow(events)
    assert [event.type for event in received] == ["start", "page", "complete"] and received[0].data == start


def test_a_bitmap_of_failed_pages_exists_only_after_a_page_failed(events: EventLog) -> None:
    bad, done, failed = PAGE.model_copy(update={"status": "failed"}), job_key("a", "done"), job_key("a", "failed")
    events.publish_pages("a", [PAGE], 2, "an-engine")
    assert events._redis.exists(done) and not events._redis.exists(failed)
    events.publish_pages("a", [bad.model_copy(update={"page_number": 2})], 2, "an-engine")
    assert events._redis.getbit(failed, 2) == 1
    events.publish_pages("a", [PAGE.model_copy(update={"page_number": 2})], 2, "an-engine")
    assert [event.data["pages_failed"] for event in _events(events)] == [0, 1, 0]


def test_pages_with_warnings_are_counted_until_they_are_read_again(events: EventLog, tmp_path: Path) -> None:
    doubtful = PAGE.model_copy(update={"warnings": [make_warning(LOW_CONFIDENCE)]})
    job_state = JobState(events._redis, 60)

    def count() -> int:
        return job_state.progress(["a"])[0].pages_with_warnings

    events.publish_pages("a", [PAGE], 2, "an-engine")
    assert count() == 0 and not events._redis.exists(job_key("a", "warned"))
    events.publish_pages("a", [doubtful.model_copy(update={"page_number": 2})], 2, "an-engine")
    assert count() == 1 and _events(events)[-1].data["warnings"] == ["text.low_confidence"]
    events.reopen("a", [2])
    assert count() == 0


def test_every_redis_key_of_a_job_expires(events: EventLog) -> None:
    doubtful = PAGE.model_copy(update={"warnings": [make_warning(LOW_CONFIDENCE)]})
    events.publish_pages("a", [doubtful.model_copy(update={"page_number": 2})], 2, "an-engine")
    assert events._redis.ttl(job_key("a", "warned")) > 0
    _publish(events, GOOD)
    events.reopen("a", [1])
    keys = {key: events._redis.ttl(key) for key in events._redis.keys("slimgest:job:*")}
    assert keys.keys() >= {job_key("a", part).encode() for part in ("", "done", "failed", "events")}
    assert all(ttl > 0 for ttl in keys.values()), keys


def test_events_made_from_storage_have_the_same_form(events: EventLog) -> None:
    events._files.put_end("a", GOOD)
    received = _follow(events)
    assert [event.type for event in received] == ["start", "page", "complete"]
    assert all(set(event.data) == set(MODELS[event.type].model_fields) for event in received)


def test_a_job_is_over_only_for_a_subscriber_that_received_its_last_event(events: EventLog) -> None:
    _publish(events, None)
    assert not events.is_over("a", LATER_THAN_ALL)
    events.publish_end("a", GOOD, 1, retry_count=0)
    *_, page, last = _follow(events)
    assert not events.is_over("a", BEGINNING) and not events.is_over("a", page.id)
    assert events.is_over("a", last.id) and events.is_over("a", LATER_THAN_ALL)
    assert not events.is_over("b", BEGINNING)
    events.reopen("a", [1])
    assert not events.is_over("a", last.id)


def test_a_stream_that_begins_after_the_last_event_ends(events: EventLog) -> None:
    """Otherwise a stream that begins at an id from the future would never end."""
    _publish(events, GOOD)
    assert _follow(events, LATER_THAN_ALL) == []


def test_the_end_of_a_run_that_a_retry_replaced_is_not_published(events: EventLog) -> None:
    _publish(events, GOOD)
    events.reopen("a", [1])
    assert not events.publish_end("a", GOOD, 1, retry_count=0), "a slow worker publishes the end of the earlier run"
    assert not events.is_over("a", LATER_THAN_ALL)
    assert events.publish_end("a", GOOD, 1, retry_count=1) and events.is_over("a", LATER_THAN_ALL)


def test_a_replay_holds_the_text_of_a_few_pages_at_a_time(events: EventLog) -> None:
    text = "x" * 100_000
    pages = [PAGE.model_copy(update={"page_number": number, "text": text}) for number in range(1, 601)]
    for page in pages:
        events._files.put_pages("a", [page])
    events.publish_start("a", "a.pdf", 600)
    events.publish_pages("a", pages, 600, "an-engine")
    events.publish_end("a", GOOD, 600, retry_count=0)
    events._files.put_end("a", GOOD)
    for _ in ("from Redis", "from storage"):
        tracemalloc.start()
        kinds = [(event.type, event.text_length) for event in events.replay("a", BEGINNING)]
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert kinds == [("start", 0), *[("page", 100_000)] * 600, ("complete", 0)]
        assert peak < 2_000_000, "60 MB is the text of all pages"
        events._redis.flushall()


def test_the_texts_of_pages_are_read_once_for_many_replays(events: EventLog, monkeypatch: pytest.MonkeyPatch) -> None:
    events._files.put_pages("a", [PAGE])
    _publish(events, GOOD)
    first = list(events.replay("a", BEGINNING))

    def fail(*_: object) -> None:
        raise AssertionError("the files were read again")

    monkeypatch.setattr(PageTexts, "_load", fail)
    assert list(events.replay("a", BEGINNING)) == first and any(event.type == "page" for event in first)


def test_a_page_read_again_during_a_replay_is_found_in_its_new_file(events: EventLog) -> None:
    events._files.put_pages("a", [PAGE, PAGE.model_copy(update={"page_number": 2, "text": "two"})])
    texts = events._files.page_texts("a")
    assert texts.get(1) == "one"
    events._files.delete_pages("a", {1, 2})
    events._files.put_pages("a", [PAGE.model_copy(update={"page_number": 3, "text": "three"})])
    events._files.put_pages("a", [PAGE.model_copy(update={"text": "again"})])
    assert texts.get(3) == "three" and texts.get(1) == "again" and texts.get(2) == ""
