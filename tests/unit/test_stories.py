"""A job's events as they are told: the form of their data, and where they end."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import fakeredis
import pytest
from pydantic import BaseModel

from slimgest_celery.event_models import CompleteData, ErrorData, PageData, StartData
from slimgest_celery.events import BEGINNING, Event, Events
from slimgest_celery.files import JobFiles
from slimgest_celery.model import End, Engine, Job, JobStatus, Options, Page, Plan, Problem, now

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


@pytest.mark.parametrize("end", [GOOD, BAD], ids=lambda end: end.status)
def test_the_data_of_events_are_what_their_models_say(events: Events, end: End) -> None:
    _tell(events, end)
    heard = _heard(events)
    assert [event.type for event in heard] == ["start", "page", "complete" if end is GOOD else "error"]
    for event in heard:
        assert set(event.data) == set(MODELS[event.type].model_fields)
        MODELS[event.type].model_validate(event.data)


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
