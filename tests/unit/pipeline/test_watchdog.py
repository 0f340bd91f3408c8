"""The limits of a worker child: who is to blame if one is exceeded, what happens then, and which work is watched."""

from __future__ import annotations

import math
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from slimgest_celery.errors import PageFailure, PageOutOfMemory, PageTimeout
from slimgest_celery.models.page import PageImageRequest
from slimgest_celery.pipeline import ingest, pdf_session, range_reader, watchdog
from slimgest_celery.pipeline.watchdog import Blame, Watchdog, WatchedWork
from slimgest_celery.storage.job_files import JobFiles
from slimgest_celery.telemetry import logs
from tests.support import pdfs
from tests.support.worker_context import FakeDevice, read_all, worker_context

JOB_ID = "00000000-0000-4000-8000-00000000000a"
IMAGE = PageImageRequest(job_id=JOB_ID, page_number=1, dpi=100, form="png")


# --- Who is to blame --------------------------------------------------------------------------------------------------


def test_a_single_page_is_to_blame_for_its_own_reading() -> None:
    assert Blame.pages([7]) == Blame.page(7)
    assert Blame.page(7).page_number == 7


def test_nobody_is_to_blame_while_several_pages_are_read_at_once() -> None:
    assert Blame.pages([7, 8]) == Blame.nobody()


def test_each_blame_names_one_culprit_at_most() -> None:
    def culprits(blame: Blame) -> tuple[bool, int | None, PageImageRequest | None]:
        return blame.whole_pdf, blame.page_number, blame.image

    assert culprits(Blame.pdf()) == (True, None, None)
    assert culprits(Blame.page(7)) == (False, 7, None)
    assert culprits(Blame.image_request(IMAGE)) == (False, None, IMAGE)
    assert culprits(Blame.nobody()) == (False, None, None)


# --- What happens if a limit is exceeded ------------------------------------------------------------------------------


class Kills:
    """The failures that a watchdog reported, and the kill that follows, recorded instead of done."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.failures: list[tuple[WatchedWork, PageFailure]] = []
        self.number = 0  # of the signal
        self.killed = threading.Event()
        monkeypatch.setattr(watchdog.os, "kill", self._kill)

    def report(self, work: WatchedWork, error: PageFailure) -> None:
        self.failures.append((work, error))

    def _kill(self, pid: int, number: int) -> None:
        assert number in (signal.SIGKILL, logs.CANCELLED)
        self.number = number
        self.killed.set()

    def watch(self, blame: Blame, *, limit_s: float = math.inf, limit_mb: int = 1 << 20, ended: bool = False) -> bool:
        """Watch some work for a second at most. Return True if the process was to be killed."""
        dog = Watchdog(limit_s=limit_s, limit_mb=limit_mb, ended=lambda _job_id: ended, on_limit_exceeded=self.report)
        dog.start()
        with dog.watch(JOB_ID, blame):
            return self.killed.wait(1)


@pytest.fixture
def kills(monkeypatch: pytest.MonkeyPatch) -> Kills:
    return Kills(monkeypatch)


@pytest.mark.parametrize(
    ("limits", "error"), [({"limit_s": 0}, PageTimeout), ({"limit_mb": 0}, PageOutOfMemory)], ids=["time", "memory"]
)
def test_past_a_limit_the_failure_is_reported_before_the_kill(
    kills: Kills, limits: dict[str, Any], error: type[PageFailure]
) -> None:
    assert kills.watch(Blame.page(3), **limits)
    work, reported = kills.failures[0]
    assert (work.job_id, work.blame, type(reported)) == (JOB_ID, Blame.page(3), error)


def test_the_process_is_killed_even_if_the_failure_cannot_be_reported(kills: Kills) -> None:
    kills.report = None  # type: ignore[assignment, method-assign]  # calling it raises
    assert kills.watch(Blame.page(3), limit_s=0)


def test_the_reading_of_a_page_is_killed_without_a_failure_if_its_job_has_ended(kills: Kills) -> None:
    assert kills.watch(Blame.page(3), ended=True)
    assert kills.failures == [] and kills.number == logs.CANCELLED


def test_an_image_is_rendered_even_if_its_job_has_ended(kills: Kills) -> None:
    assert not kills.watch(Blame.image_request(IMAGE), ended=True)


def test_work_within_its_limits_is_not_killed(kills: Kills) -> None:
    assert not kills.watch(Blame.page(3))


# --- Which work is watched --------------------------------------------------------------------------------------------


class WatchRecorder:
    """Records of each call whether limits applied to it."""

    def __init__(self) -> None:
        self.is_watching = False
        self.watched: dict[str, set[bool]] = {}

    @contextmanager
    def watch(self, job_id: str, blame: Blame, page_count: int = 1) -> Iterator[None]:
        self.is_watching = True
        yield
        self.is_watching = False

    def record(self, what: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def recorded(*args: Any) -> Any:
            self.watched.setdefault(what, set()).add(self.is_watching)
            return call(*args)

        return recorded


@pytest.mark.parametrize("helpers", [0, 1])
def test_the_limits_apply_while_a_pdf_is_parsed_but_not_while_its_upload_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, helpers: int
) -> None:
    recorder = WatchRecorder()
    monkeypatch.setattr(JobFiles, "source", recorder.record("fetched", JobFiles.source))
    monkeypatch.setattr(pdf_session, "open_pdf", recorder.record("opened", pdf_session.open_pdf))
    monkeypatch.setattr(range_reader, "predict_source", recorder.record("looked at", range_reader.predict_source))
    monkeypatch.setattr(ingest, "predict_source", recorder.record("probed", ingest.predict_source))
    with worker_context(tmp_path, FakeDevice(0, batch_size=2), helpers=helpers) as context:
        read_all(replace(context, watch=recorder.watch), pdfs.numbered(3))
    probed = {"probed": {True}, **({"looked at": {True}} if helpers else {})}
    assert recorder.watched == {"fetched": {False}, "opened": {True}, **probed}
