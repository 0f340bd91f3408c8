"""Workers are killed while they read; jobs complete anyway."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.support import pdfs
from tests.support.engines import ALLOCATE, HANG, KILL, KILL_ONCE, ONCE_FOLDER, READ_LOG, WHOLE_WORKER
from tests.support.stack import Stack, running, wait_for


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("faults")
    limits = {"SLIMGEST_PAGE_TIMEOUT": "3", "SLIMGEST_MAX_WORKER_MB": "512"}
    with running(folder, beat=True, TEST_ENGINE_SECONDS="0.3", TEST_ENGINE_ONCE=str(folder), **limits) as started:
        yield started


def _check_whole(stack: Stack, job_id: str, pages: int, failed: dict[int, str]) -> None:
    """Check for one end event, every page once, and text on every page that is not in `failed`."""
    document = stack.document(job_id)
    assert [page["page_number"] for page in document["pages"]] == list(range(1, pages + 1))
    codes = {page["page_number"]: page["error"]["code"] for page in document["pages"] if page["error"]}
    assert codes == failed
    texts = {page["page_number"]: page["text"] for page in document["pages"] if not page["error"]}
    assert texts == {number: f"page {number}" for number in range(1, pages + 1) if number not in failed}
    events = list(stack.events(job_id))
    assert [event.type for event in events if event.last] == ["complete"]
    assert sorted(e.data["page_number"] for e in events if e.type == "page") == list(range(1, pages + 1))


def test_a_child_killed_in_the_middle_of_a_page_loses_nothing(stack: Stack) -> None:
    job_id = stack.submit(pdfs.numbered(12))
    next(event for event in stack.events(job_id) if event.type == "page")
    os.kill(stack.child_of("cpu0").pid, signal.SIGKILL)
    assert stack.wait_end(job_id)["status"] == "completed"
    _check_whole(stack, job_id, 12, {})


def test_the_page_of_a_killed_worker_is_soon_read_by_another(stack: Stack) -> None:
    job_id = stack.submit(pdfs.numbered(12))
    next(event for event in stack.events(job_id) if event.type == "page")
    victim = stack.workers["cpu0"]
    child = stack.child_of("cpu0")
    victim.kill()
    victim.wait()
    # No other worker is started: the registration expires, and the periodic task requeues the message.
    assert stack.wait_end(job_id, within_s=40)["status"] == "completed"
    _check_whole(stack, job_id, 12, {})
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, "the child outlived its worker"
    stack.start_worker("cpu0")
    stack.wait_ready(2)


def test_a_restarted_worker_requeues_the_messages_of_the_killed_one(stack: Stack) -> None:
    job_id = stack.submit(pdfs.numbered(12))
    next(event for event in stack.events(job_id) if event.type == "page")
    for name in ("cpu0", "cpu1"):
        stack.workers[name].kill()
        stack.workers[name].wait()
        stack.start_worker(name)
    assert stack.wait_end(job_id, within_s=40)["status"] == "completed"
    _check_whole(stack, job_id, 12, {})


def test_a_worker_completes_its_page_after_sigterm(stack: Stack) -> None:
    job_id = stack.submit(pdfs.numbered(12))
    next(event for event in stack.events(job_id) if event.type == "page")
    worker = stack.workers["cpu1"]
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(20) == 0
    assert not stack.redis.exists(f"slimgest:unacked:cpu1@{os.uname().nodename}"), "it left an unacknowledged message"
    assert stack.wait_end(job_id)["status"] == "completed"
    _check_whole(stack, job_id, 12, {})
    stack.start_worker("cpu1")
    stack.wait_ready(2)


def test_a_page_that_kills_its_worker_once_is_read_the_second_time(stack: Stack) -> None:
    job_id = stack.submit(pdfs.coloured([(0, 1, 0), KILL_ONCE, (0, 3, 0)]))
    assert stack.wait_end(job_id)["status"] == "completed"
    page = stack.document(job_id)["pages"][1]
    assert (page["text"], page["attempts"]) == ("page 128", 2)


@pytest.mark.alone
@pytest.mark.parametrize(
    ("colour", "code", "attempts"),
    [(KILL, "page.worker_lost", 3), (HANG, "page.timeout", 1), (ALLOCATE, "page.out_of_memory", 1)],
)
def test_a_page_that_ends_its_worker_every_time_fails_alone(stack: Stack, colour, code: str, attempts: int) -> None:  # type: ignore[no-untyped-def]
    job_id = stack.submit(pdfs.coloured([(0, 1, 0), (0, 2, 0), colour, (0, 4, 0)]))
    assert stack.wait_end(job_id)["status"] == "partial"
    _check_whole(stack, job_id, 4, {3: code})
    assert stack.document(job_id)["pages"][2]["attempts"] == attempts
    wait_for(lambda: len(stack.ready_workers()) == 2, what="both workers again")


def test_cancel_ends_the_page_that_a_worker_is_reading(stack: Stack) -> None:
    job_id = stack.submit(pdfs.coloured([HANG]))
    wait_for(lambda: any(w["job_id"] == job_id for w in stack.ready_workers()), what="a worker that reads the page")
    assert httpx.delete(f"{stack.url}/jobs/{job_id}").json()["status"] == "cancelled"
    wait_for(lambda: not any(w["job_id"] == job_id for w in stack.ready_workers()), what="a free worker")
    letter = stack.submit(pdfs.numbered(2))
    assert stack.wait_end(letter)["status"] == "completed"
    assert stack.status(job_id)["status"] == "cancelled"


def test_of_a_batch_of_pages_only_the_page_that_kills_fails(tmp_path: Path) -> None:
    with running(tmp_path, workers=1, SLIMGEST_ENGINE="tests.support.engines:Batching") as stack:
        job_id = stack.submit(pdfs.coloured([(0, 1, 0), (0, 2, 0), KILL, (0, 4, 0), (0, 5, 0)]))
        assert stack.wait_end(job_id)["status"] == "partial"
        _check_whole(stack, job_id, 5, {3: "page.worker_lost"})


@pytest.mark.parametrize("whole", ["", "1"], ids=["the child", "all of it"])
def test_a_worker_that_dies_while_it_yields_loses_nothing(tmp_path: Path, whole: str) -> None:
    read = tmp_path / "read"
    env = {"TEST_ENGINE_SECONDS": "0.05", READ_LOG: str(read), ONCE_FOLDER: str(tmp_path), WHOLE_WORKER: whole}
    with running(tmp_path, SLIMGEST_ENGINE="tests.support.engines:DiesWhileYielding", **env) as stack:
        book = stack.submit_book(120)  # 30 pages per task
        letter = stack.submit(pdfs.numbered(2, first=201))
        wait_for((tmp_path / "yielded").exists, what="a worker that yields")
        if whole:
            (lost,) = wait_for(lambda: [name for name in stack.workers if stack.workers[name].poll()], what="its death")
            stack.start_worker(lost)  # it requeues the messages of the dead worker
        assert stack.wait_end(book)["status"] == stack.wait_end(letter)["status"] == "completed"
        _check_whole(stack, book, 120, {})
        logs = "".join((tmp_path / f"{name}.log").read_text() for name in stack.workers)
    assert logs.count(f"Task slimgest.finish[{book}] received") == 1, "the chord ends once"
    times = Counter(read.read_text().split())
    assert set(times) == {str(number) for number in (*range(1, 121), 201, 202)} and max(times.values()) <= 2


def test_a_worker_whose_engine_cannot_load_ends_and_gives_the_reason(tmp_path: Path) -> None:
    with running(tmp_path, workers=0, SLIMGEST_ENGINE="tests.support.engines:CannotLoad") as stack:
        worker = stack.start_worker("cpu0")
        worker.wait(60)
        (status,) = stack.get("/").json()["workers"]
        assert (status["state"], status["detail"]) == ("failed", "RuntimeError: its model is missing")
        assert "its model is missing" in (tmp_path / "cpu0.log").read_text()
        assert stack.get("/health/ready").status_code == 503
