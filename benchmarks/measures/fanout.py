"""Measure one API process with thousands of clients that follow one job.

5,000 clients open `GET /jobs/{id}/events` of a job that waits for a worker. Then a worker starts and reads 60 pages
almost at once, and every client must receive every event once. A separate process (stream_clients.py) counts events/s,
from the first event that any client received to the last. For comparison, a bare gevent server sends as much to as many
clients.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.support import drawn
from benchmarks.support.resources import Resources
from benchmarks.support.rows import Row, Target
from benchmarks.support.service import SLEEPING, RunningService, peak_memory, raise_file_limit, service
from tests.support.stack import ROOT
from workers.redis_server import free_port

TITLE = "Event fan-out"
_CLIENTS, _PAGES = 5000, 60
_EVENT_BYTES = 230  # the size of a page event with little text


def measure(resources: Resources) -> list[Row]:
    """Measure events per second, and memory."""
    clients = resources.size(_CLIENTS, least=50)
    bare = _bare(clients)
    received, held = _served(resources, clients)
    return [
        Row(
            measure="fanout",
            what=f"Event fan-out to {clients:,} clients of one API process",
            figure=received["events"] / received["seconds"],
            unit="events/s",
            target=Target(bound=10_000),
            failures=received["unended"] + received["lost"] + received["duplicate"],
            runs=1,
            detail=f"{received['events']:,} events in {received['seconds']:.1f} s; lost {received['lost']}, duplicates "
            f"{received['duplicate']}, unended streams {received['unended']}; a bare gevent server: "
            f"{bare['events'] / bare['seconds']:,.0f} events/s",
        ),
        Row(
            measure="fanout",
            what="Memory of the API process for each client",
            figure=held / clients / 1000,
            unit="KB",
            target=Target(bound=100, at_least=False),
            failures=received["unended"],
            runs=1,
            detail=f"{held / 1e6:.0f} MB more at its peak than before the first client",
        ),
    ]


def _served(resources: Resources, clients: int) -> tuple[dict[str, Any], int]:
    """Return what the clients received, and the memory in bytes that the API process needed for them."""
    with service(resources.folder / "service", workers=0, SLIMGEST_ENGINE=SLEEPING) as running:
        job_id = running.submit(drawn.tiny(_PAGES), mode="ocr", dpi="36")
        running.stack.status(job_id)
        port = running.stack.url.rpartition(":")[2]
        with _stream_clients(port, f"/jobs/{job_id}/events", clients) as clients_process:
            before = _api_bytes(running)
            _report(clients_process, "connected")
            with peak_memory(running) as peak:
                running.stack.start_worker("cpu0")
                received = _report(clients_process, "received")
    return received, peak.api - before


def _api_bytes(running: RunningService) -> int:
    return sum(process.memory_info().rss for process in running.processes()["api"])


def _bare(clients: int) -> dict[str, Any]:
    """Return the same from a server that only sends events."""
    port = str(free_port())
    command = [
        sys.executable,
        "-m",
        "benchmarks.support.bare_stream",
        port,
        str(_PAGES + 2),
        str(_EVENT_BYTES),
        str(clients),
    ]
    raise_file_limit()
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout and server.stdout.readline()
        with _stream_clients(port, "/", clients) as clients_process:
            _report(clients_process, "connected")
            return _report(clients_process, "received")
    finally:
        server.kill()
        server.communicate()


@contextmanager
def _stream_clients(port: str, path: str, clients: int) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "benchmarks.support.stream_clients", port, path, str(clients)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _report(process: subprocess.Popen[str], what: str) -> dict[str, Any]:
    """Return the next report of the clients, which must be this one."""
    assert process.stdout
    report: dict[str, Any] = json.loads(process.stdout.readline() or "{}")
    if what not in report:
        raise RuntimeError(f"the clients ended before they were {what}: {process.poll()}")
    found: dict[str, Any] = report[what]
    return found
