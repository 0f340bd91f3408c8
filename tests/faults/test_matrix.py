"""The fault matrix: one job of forty pages, two workers, and a fault in the middle of the job.

After every fault: one end state, one end event, every page exactly once, no text lost. `make faults` runs
all faults and writes the table to docs/faults.md; `make test` skips the slow ones.
"""

from __future__ import annotations

import io
import json
import os
import platform
import signal
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from celery import Celery

from slimgest_celery.models.events import Event
from slimgest_celery.models.job import Job, Options
from slimgest_celery.models.record import now
from slimgest_celery.state.job_state import JobState
from tests.support import pdfs
from tests.support.engines import ALLOCATE, GARBAGE, HANG, KILL, RAISE
from tests.support.redis import RedisServer
from tests.support.stack import ROOT, Stack, running, wait_for

PAGES = 40
SECONDS_PER_PAGE = 0.15
MAX_DELAY_S = 60.0  # from the fault (or its end) to the end of the job, beyond the time without a fault
ROWS: list[dict[str, object]] = []


@dataclass
class Scene:
    """The processes and data that a fault may change."""

    stack: Stack
    redis: RedisServer
    job_id: str
    storage: Path
    events: list[Event] = field(default_factory=list)
    celery: Celery | None = None
    ended_s: float = 0.0
    afterwards: Callable[[], None] = lambda: None


Fault = Callable[[Scene], None]


# --- Processes --------------------------------------------------------------------------------------------------------


def nothing(scene: Scene) -> None:
    """no fault (for comparison)"""


def child_killed(scene: Scene) -> None:
    """SIGKILL of a pool child"""
    os.kill(scene.stack.child_of("cpu0").pid, signal.SIGKILL)


def worker_killed(scene: Scene) -> None:
    """SIGKILL of a whole worker, parent and child, which is not restarted"""
    child = scene.stack.child_of("cpu0")
    scene.stack.workers["cpu0"].kill()
    if child.is_running():
        child.kill()
    scene.stack.workers["cpu0"].wait()


def worker_terminated(scene: Scene) -> None:
    """SIGTERM of a worker (it finishes its page)"""
    scene.stack.workers["cpu0"].terminate()
    assert scene.stack.workers["cpu0"].wait(20) == 0


def worker_stopped(scene: Scene) -> None:
    """SIGSTOP of a worker and its child for a minute"""
    stopped = [scene.stack.child_of("cpu0").pid, scene.stack.workers["cpu0"].pid]
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)

    def go_on() -> None:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)

    wakes = threading.Timer(60, go_on)
    wakes.start()
    scene.afterwards = wakes.join  # the fault includes what the worker then does with its old page


def all_workers_killed(scene: Scene) -> None:
    """SIGKILL of every worker, then new workers"""
    for name in ("cpu0", "cpu1"):
        scene.stack.workers[name].kill()
        scene.stack.workers[name].wait()
    for name in ("cpu0", "cpu1"):
        scene.stack.start_worker(name)


def api_killed(scene: Scene) -> None:
    """SIGKILL of the API while a client streams (the client resumes at another API process)"""
    _, process = scene.stack.apis.pop(0)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


# --- Redis ------------------------------------------------------------------------------------------------------------


def redis_restarted(scene: Scene) -> None:
    """Redis killed and restarted with its AOF"""
    scene.redis.kill()
    scene.redis.start()


def redis_emptied(scene: Scene) -> None:
    """Redis killed and restarted empty"""
    scene.redis.kill()
    scene.redis.start(empty=True)


def redis_away(scene: Scene) -> None:
    """Redis unreachable for 30 s"""
    scene.redis.kill()
    time.sleep(30)
    scene.redis.start()


def redis_frozen(scene: Scene) -> None:
    """Redis frozen for 10 s: connections stay open without answers"""
    os.kill(scene.redis.process.pid, signal.SIGSTOP)
    time.sleep(10)
    os.kill(scene.redis.process.pid, signal.SIGCONT)


def workers_deaf(scene: Scene) -> None:
    """both workers alive but no longer fetching tasks"""
    assert scene.celery is not None
    for queue in ("ingest", "pages"):
        scene.celery.control.cancel_consumer(queue)
    _restart_ended_workers(scene)


def _restart_ended_workers(scene: Scene) -> None:
    """Restart each worker when it has ended itself, as its supervisor would."""

    def watch() -> None:
        for name in ("cpu0", "cpu1"):
            scene.stack.workers[name].wait(90)
            scene.stack.start_worker(name)

    threading.Thread(target=watch, daemon=True).start()


# --- Storage ----------------------------------------------------------------------------------------------------------


def storage_full(scene: Scene) -> None:
    """storage full (ENOSPC) for 5 s"""
    ballast = scene.storage / "ballast"
    file = os.open(ballast, os.O_CREAT | os.O_WRONLY)
    with pytest.raises(OSError, match="No space"):
        while True:
            os.write(file, b"\0" * 4096)
    os.close(file)
    time.sleep(5)
    ballast.unlink()


def storage_read_only(scene: Scene) -> None:
    """storage read-only for 5 s"""
    wait_for(lambda: _remounted(scene.storage, "ro"), what="a moment without a file being written", within_s=20)
    time.sleep(5)
    assert _remounted(scene.storage, "rw")


def _remounted(folder: Path, how: str) -> bool:
    return subprocess.run(["mount", "-o", f"remount,{how}", str(folder)], capture_output=True).returncode == 0


# --- Messages delivered twice, or lost --------------------------------------------------------------------------------


def finish_twice(scene: Scene) -> None:
    """finish delivered twice, once too early"""
    assert scene.celery is not None
    wait_for(lambda: scene.stack.status(scene.job_id)["status"] == "completed", what="the end")
    for _ in range(2):
        scene.celery.send_task("slimgest.finish", args=(scene.job_id,), queue="ingest")
    wait_for(lambda: scene.stack.redis.llen("ingest") == 0, what="both")


def ingest_twice(scene: Scene) -> None:
    """ingest delivered twice"""
    assert scene.celery is not None
    scene.celery.send_task("slimgest.ingest", args=(scene.job_id,), task_id=scene.job_id, queue="ingest")


def beat_twice(scene: Scene) -> None:
    """beat running twice, each sending its periodic tasks"""
    scene.stack.start_beat("second-beat")


def queues_lost(scene: Scene) -> None:
    """every queued message lost (the chord can never complete)"""
    for key in scene.stack.redis.keys("pages*"):
        scene.stack.redis.delete(key)


# In `make test`, test_workers_die.py kills workers; here only `make faults` does.
QUICK: list[Fault] = [api_killed, redis_emptied, storage_full, queues_lost]
SLOW: list[Fault] = [
    nothing,
    worker_killed,
    redis_restarted,
    child_killed,
    worker_terminated,
    all_workers_killed,
    worker_stopped,
    redis_away,
    redis_frozen,
    workers_deaf,
    storage_read_only,
    finish_twice,
    ingest_twice,
    beat_twice,
]
ON_SMALL_DISK = (storage_full, storage_read_only)


@pytest.mark.parametrize(
    "fault",
    [*QUICK, *(pytest.param(fault, marks=pytest.mark.slow) for fault in SLOW)],
    ids=lambda fault: fault.__name__,
)
def test_a_job_ends_once_with_every_page_after_any_fault(tmp_path: Path, fault: Fault) -> None:
    with _scene(tmp_path, small_disk=fault in ON_SMALL_DISK) as scene:
        follower = threading.Thread(target=_follow, args=(scene,))
        follower.start()
        wait_for(lambda: len(scene.events) > 4, what="the first pages", logs=tmp_path)
        began_s, seen = time.monotonic(), len(scene.events)
        fault(scene)
        over_s = time.monotonic()
        follower.join(120)
        assert not follower.is_alive(), _logs(tmp_path)
        scene.afterwards()
        status = scene.stack.wait_end(scene.job_id, within_s=30)
        after_s = scene.ended_s - began_s
        undisturbed_s = (PAGES - seen) * SECONDS_PER_PAGE / 2
        late_s = max(0.0, scene.ended_s - over_s - undisturbed_s)
        assert status["status"] == "completed", _logs(tmp_path)
        _check(scene, expected_failures={})
        assert late_s < MAX_DELAY_S
        _row(fault.__doc__ or "", status["status"], PAGES, after_s, max(0.0, after_s - undisturbed_s))


@pytest.mark.slow  # test_workers_die.py tests the same on smaller jobs
@pytest.mark.parametrize(
    ("colour", "engine", "code"),
    [
        (KILL, "ByColour", "page.worker_lost"),
        (KILL, "Batching", "page.worker_lost"),
        (HANG, "ByColour", "page.timeout"),
        (ALLOCATE, "ByColour", "page.out_of_memory"),
        (RAISE, "Batching", "page.engine_failed"),
        (GARBAGE, "ByColour", None),
    ],
    ids=[
        "kills-its-worker",
        "kills-its-worker-in-a-page-range",
        "hangs",
        "allocates",
        "raises-in-a-page-range",
        "garbage",
    ],
)
def test_a_bad_page_fails_alone(tmp_path: Path, request: pytest.FixtureRequest, colour, engine: str, code) -> None:  # type: ignore[no-untyped-def]
    colours = [(0, number, 0) for number in range(1, PAGES + 1)]
    colours[16] = colour
    began_s = time.monotonic()
    with _scene(tmp_path, colours, SLIMGEST_ENGINE=f"tests.support.engines:{engine}") as scene:
        _follow(scene)
        status = scene.stack.wait_end(scene.job_id)
        assert status["status"] == ("partial" if code else "completed")
        _check(scene, {17: code} if code else {}, odd_pages={17})
        wait_for(lambda: len(scene.stack.ready_workers()) == 2, what="both workers again")
    what = f"a page that {request.node.callspec.id.replace('-', ' ')}"
    end = f"{status['status']} ({code})" if code else "completed"
    _row(what.replace("garbage", "makes the engine return garbage"), end, PAGES, time.monotonic() - began_s)


def test_a_job_stored_but_never_sent_is_found_and_read(tmp_path: Path) -> None:
    """the API killed between storing a job and sending it"""
    with _scene(tmp_path) as scene:
        _follow(scene)
        left = Job(job_id=str(uuid.uuid4()), filename="left.pdf", options=Options(), created_at=now())
        assert JobState(scene.stack.redis, 60).admit([left.job_id], 100, left.created_at.timestamp())
        scene.stack.files.create(left, io.BytesIO(pdfs.numbered(2)), None)
        began_s = time.monotonic()
        wait_for(lambda: scene.stack.files.end(left.job_id), what="its end", within_s=40, logs=tmp_path)
        assert [page.text for page in scene.stack.files.pages(left.job_id).values()] == ["page 1", "page 2"]
        taken_s = time.monotonic() - began_s
        _row("the API killed between storing a job and sending it", "completed", 2, taken_s, taken_s)


# --- The scene and its checks -----------------------------------------------------------------------------------------


@contextmanager
def _scene(
    folder: Path, colours: list[tuple[int, int, int]] | None = None, small_disk: bool = False, **env: str
) -> Iterator[Scene]:
    storage = folder / "storage"
    storage.mkdir()
    if small_disk and subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(storage)]).returncode:
        pytest.skip("this user may not mount a small file system")
    redis = RedisServer(folder / "redis-data")
    limits = {
        "SLIMGEST_PAGE_TIMEOUT": "3",
        "SLIMGEST_MAX_WORKER_MB": "512",
        "TEST_ENGINE_SECONDS": str(SECONDS_PER_PAGE),
    }
    where = {"SLIMGEST_STORAGE_URL": str(storage / "jobs")}
    try:
        with running(folder, apis=2, beat=True, redis_url=redis.url, **{**limits, **where, **env}) as stack:
            job_id = stack.submit(pdfs.coloured(colours) if colours else pdfs.numbered(PAGES), mode="ocr")
            with Celery(broker=redis.url, backend=redis.url) as celery:
                celery.config_from_object("celeryconfig")
                celery.conf.update(broker_url=redis.url, result_backend=redis.url, imports=())
                yield Scene(stack=stack, redis=redis, job_id=job_id, storage=storage, celery=celery)
    finally:
        redis.kill()
        if small_disk:
            subprocess.run(["umount", "-l", str(storage)], check=True)


def _follow(scene: Scene) -> None:
    """Stream the events of the job, and resume at any API process that is alive."""
    after = None
    deadline_s = time.monotonic() + 110
    while time.monotonic() < deadline_s:
        try:
            for event in scene.stack.events(scene.job_id, after):
                scene.events.append(event)
                after = event.id
                if event.last:
                    scene.ended_s = time.monotonic()
                    return
        except Exception:  # any effect of the fault: connect again
            time.sleep(0.2)
        time.sleep(0.05)


def _check(scene: Scene, expected_failures: dict[int, str], odd_pages: set[int] | None = None) -> None:
    document = scene.stack.document(scene.job_id)
    assert [page["page_number"] for page in document["pages"]] == list(range(1, PAGES + 1))
    assert {p["page_number"]: p["error"]["code"] for p in document["pages"] if p["error"]} == expected_failures
    for page in document["pages"]:
        if page["page_number"] not in (odd_pages or set()):
            assert page["text"] == f"page {page['page_number']}"
    assert [event.type for event in scene.events if event.last] == ["complete"]
    published = [event.data["page_number"] for event in scene.events if event.type == "page"]
    assert sorted(set(published)) == list(range(1, PAGES + 1))
    # Only after Redis was restarted empty may a page be published again.
    assert len(published) == len(set(published)) or scene.redis.emptied, published
    assert len(list(scene.stack.folder.rglob(f"{scene.job_id}/end.json"))) == 1


def _row(what: str, end: str, pages: int, after_s: float, recovery_s: float | None = None) -> None:
    ROWS.append({"what": what, "end": end, "pages": pages, "after_s": after_s, "recovery_s": recovery_s})


def _logs(folder: Path) -> str:
    return "\n".join(f"--- {log.name}\n{log.read_text()[-2500:]}" for log in sorted(folder.glob("*.log")))


@pytest.fixture(scope="module", autouse=True)
def table() -> Iterator[None]:
    """Write the table of all rows to the file FAULTS_TABLE."""
    yield
    target = os.environ.get("FAULTS_TABLE")
    if not target:
        return
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    made = f"{datetime.now(UTC):%Y-%m-%d}, {machine}"
    lines = [
        "# Faults, and their effect on a job",
        "",
        f"Written by `make faults` ({made}).",
        f"One job of {PAGES} pages at {SECONDS_PER_PAGE} s each, two workers, real processes. In every row,",
        "the job had exactly one end state and one end event, and every page came exactly once with its text (except",
        "bad pages). *To the end* is the time from the fault to the end of the job; for bad pages, from the start.",
        "*Cost* is the part of it that a job without a fault does not need. Both include the duration of the fault.",
        "",
        "| fault in the middle of the job | end state | pages | to the end | cost |",
        "|---|---|---|---|---|",
    ]
    for row in ROWS:
        cost = "–" if row["recovery_s"] is None else f"{row['recovery_s']:.1f} s"
        lines.append(f"| {row['what']} | {row['end']} | {row['pages']} | {row['after_s']:.1f} s | {cost} |")
    (ROOT / target).parent.mkdir(exist_ok=True)
    (ROOT / target).write_text("\n".join(lines) + "\n")
    print(json.dumps(ROWS))
