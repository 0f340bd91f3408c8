"""Readiness, a start beside another service, the log, and the shutdown, as an operator sees them."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx
import pytest
from redis import Redis

from tests.support import pdfs
from tests.support.engines import HANG, HANGS, READ_LOG
from tests.support.stack import ROOT, Stack, running, wait_for


@pytest.fixture(scope="module")
def operated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("operated")
    env = {"TEST_ENGINE_SECONDS": "0.05", READ_LOG: str(folder / "read")}
    with running(folder, workers=1, beat=True, **env) as started:
        yield started


@pytest.fixture(scope="module")
def idle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A service without workers, whose Redis a test may spoil."""
    with running(tmp_path_factory.mktemp("idle"), workers=0) as started:
        yield started


def _fill(redis: Redis) -> Callable[[], object]:
    redis.config_set("maxmemory", "1")
    return lambda: redis.config_set("maxmemory", "0")


def _make_read_only(redis: Redis) -> Callable[[], object]:
    redis.replicaof("127.0.0.1", 1)
    return lambda: redis.replicaof("NO", "ONE")


@pytest.mark.parametrize(
    ("spoil", "error"), [(_fill, "OutOfMemoryError"), (_make_read_only, "ReadOnlyError")], ids=["full", "read-only"]
)
def test_a_redis_that_accepts_no_writes_is_not_ready(
    idle: Stack, spoil: Callable[[Redis], Callable[[], object]], error: str
) -> None:
    restore = spoil(idle.redis)
    try:
        answer = idle.get("/health/ready")
    finally:
        restore()
    assert answer.status_code == 503 and error in answer.json()["checks"]["redis"]
    assert idle.get("/health/ready").json()["checks"]["redis"] == "ok"


def _up(folder: Path, *options: str, **env: str) -> str:
    """Run `slimgest up`, which must end at once; return its error output."""
    done = subprocess.run(
        [sys.executable, "-m", "workers", "up", *options],
        env={**os.environ, "PYTHONPATH": str(ROOT), "XDG_DATA_HOME": str(folder), **env},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    return done.stderr.decode()


def test_up_says_that_its_port_is_taken_and_ends(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        said = _up(tmp_path, "--port", str(other.getsockname()[1]), SLIMGEST_MAX_UPLOAD="1")
    assert "Address already in use" in said and "--port" in said and "Traceback" not in said
    assert "SLIMGEST_MAX_UPLOAD is no setting of slimgest" in said and "SLIMGEST_MAX_UPLOAD_MB?" in said


def test_a_second_up_names_the_folder_in_use_and_how_to_choose_another(tmp_path: Path) -> None:
    folder = tmp_path / "slimgest"
    folder.mkdir()
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        said = _up(tmp_path)
    assert str(folder) in said and "XDG_DATA_HOME" in said and "--port" in said


def test_a_cancelled_page_is_no_error_and_periodic_tasks_are_not_logged(operated: Stack) -> None:
    log = operated.folder / "cpu0.log"
    job_id = operated.submit(pdfs.coloured([HANG]))
    read = operated.folder / "read"
    wait_for(lambda: read.exists() and HANGS in read.read_text(), what="the page", logs=operated.folder)
    before = operated.child_of("cpu0").pid
    operated.request("DELETE", f"/jobs/{job_id}")
    wait_for(
        lambda: [child.pid for child in [operated.child_of("cpu0")] if child.pid != before],
        what="another child",
        logs=operated.folder,
    )
    assert operated.wait_end(operated.submit(pdfs.numbered(1)))["status"] == "completed"
    said = log.read_text()
    assert "the job has ended" in said
    assert " ERROR" not in said and "Traceback" not in said
    assert not [name for name in ("slimgest.rescue", "slimgest.reconcile", "slimgest.sweep") if f"Task {name}[" in said]
    assert "Task slimgest.ingest[" in said


def test_the_shutdown_of_the_api_prints_no_traceback(operated: Stack) -> None:
    url, process = operated.start_api(), operated.apis[-1][1]
    job_id = operated.submit(pdfs.numbered(300))
    stop = threading.Event()

    def ask() -> None:
        with suppress(httpx.TransportError), httpx.Client() as client:
            while not stop.is_set():
                client.get(f"{url}/jobs/{job_id}")
                client.get(f"{url}/jobs")

    threads = [threading.Thread(target=ask) for _ in range(8)]
    with ExitStack() as exits:
        for _ in range(20):
            stream = exits.enter_context(httpx.stream("GET", f"{url}/jobs/{job_id}/events", timeout=30))
            next(stream.iter_raw())
        for thread in threads:
            thread.start()
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        stop.set()
    for thread in threads:
        thread.join()
    operated.apis.pop()
    operated.request("DELETE", f"/jobs/{job_id}")
    said = (operated.folder / "api.log").read_text()
    assert "Traceback" not in said and "finalized" not in said, said[-3000:]
