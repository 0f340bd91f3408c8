"""Thousands of clients that follow one job, on one API process.

5,000 clients open `GET /jobs/{id}/events` of a job that waits for a worker; then the worker comes, reads 60 pages in no
time, and every client is to hear every event once. Counted in a process of its own (audience.py): events/s from the
first that any client heard to the last. Beside it: a bare gevent server that sends as much to as many clients.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks import drawn
from benchmarks.plan import Plan
from benchmarks.rows import Row, Target
from benchmarks.service import SLEEPING, Service, more_files, service, watched
from tests.support.stack import ROOT
from workers.redis_server import free_port

TITLE = "Event fan-out"
_CLIENTS, _PAGES = 5000, 60
_EVENT_BYTES = 230  # of a page's event with little text


def measure(plan: Plan) -> list[Row]:
    """Events per second, and memory."""
    clients = plan.size(_CLIENTS, least=50)
    bare = _bare(clients)
    heard, held = _served(plan, clients)
    return [
        Row(
            measure="fanout",
            what=f"Event fan-out to {clients:,} clients of one API process",
            figure=heard["events"] / heard["seconds"],
            unit="events/s",
            target=Target(bound=10_000),
            failures=heard["unended"] + heard["lost"] + heard["twice"],
            runs=1,
            detail=f"{heard['events']:,} events in {heard['seconds']:.1f} s; lost {heard['lost']}, twice "
            f"{heard['twice']}, clients without an end {heard['unended']}; a bare gevent server: "
            f"{bare['events'] / bare['seconds']:,.0f} events/s",
        ),
        Row(
            measure="fanout",
            what="Memory of the API process for each client",
            figure=held / clients / 1000,
            unit="KB",
            target=Target(bound=100, at_least=False),
            failures=heard["unended"],
            runs=1,
            detail=f"{held / 1e6:.0f} MB more at the most than before the first client",
        ),
    ]


def _served(plan: Plan, clients: int) -> tuple[dict[str, Any], int]:
    """What the clients heard, and the bytes that the API process took for them."""
    with service(plan.folder / "service", workers=0, SLIMGEST_ENGINE=SLEEPING) as running:
        job_id = running.submit(drawn.tiny(_PAGES), mode="ocr", dpi="36")
        running.stack.status(job_id)
        port = running.stack.url.rpartition(":")[2]
        with _audience(port, f"/jobs/{job_id}/events", clients) as audience:
            before = _api_bytes(running)
            _until(audience, "connected")
            with watched(running) as watch:
                running.stack.start_worker("cpu0")
                heard = _until(audience, "heard")
    return heard, watch.api - before


def _api_bytes(running: Service) -> int:
    return sum(process.memory_info().rss for process in running.processes()["api"])


def _bare(clients: int) -> dict[str, Any]:
    """The same from a server that does nothing else."""
    port = str(free_port())
    command = [sys.executable, "-m", "benchmarks.bare_stream", port, str(_PAGES + 2), str(_EVENT_BYTES), str(clients)]
    more_files()
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout and server.stdout.readline()
        with _audience(port, "/", clients) as audience:
            _until(audience, "connected")
            return _until(audience, "heard")
    finally:
        server.kill()
        server.communicate()


@contextmanager
def _audience(port: str, path: str, clients: int) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "benchmarks.audience", port, path, str(clients)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _until(audience: subprocess.Popen[str], what: str) -> dict[str, Any]:
    """The next thing that the audience says, which is to be this."""
    assert audience.stdout
    told: dict[str, Any] = json.loads(audience.stdout.readline() or "{}")
    if what not in told:
        raise RuntimeError(f"the audience ended before it was {what}: {audience.poll()}")
    found: dict[str, Any] = told[what]
    return found
