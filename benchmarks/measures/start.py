"""Measure the time to start.

`slimgest up` until `/health/ready` succeeds (all processes started, engines loaded and warm, an empty home), and
`slimgest process` of one page with a text layer, all included. For comparison, a bare process imports, loads and warms
up the same engine. The three run in turn.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.support.bare import loops
from benchmarks.support.resources import Resources
from benchmarks.support.rows import Row, Target, middle, spread
from slimgest_celery.client import Client
from tests.support import pdfs
from tests.support.stack import ROOT
from workers.redis_server import free_port

TITLE = "Start"
_SLIMGEST = [sys.executable, "-c", "from slimgest_celery.cli.main import main; main()"]
_LIMIT_S = 60.0


def measure(resources: Resources) -> list[Row]:
    """Return a row for each command."""
    page = resources.folder / "letter.pdf"
    page.write_bytes(pdfs.text_pages(["Dear reader,\nthis is a page of text."]))
    up, process, bare, failed = [], [], [], 0
    for number in resources.runs(most=4):
        bare.append(_bare_s())
        up.append(_up_s(resources.folder / f"home{number}"))
        seconds, failures = _process_s(page)
        process.append(seconds)
        failed += failures
    beside = f"a bare process that loads and warms up the engine: {middle(bare):.2f} s"
    return [
        _row("`slimgest up` to ready", up, 5, int(_LIMIT_S in up), beside),
        _row("`slimgest process` of one text page, all included", process, 4, failed, beside),
    ]


def _row(what: str, seconds: list[float], most_s: float, failed: int, beside: str) -> Row:
    return Row(
        measure="start",
        what=what,
        figure=middle(seconds),
        unit="s",
        target=Target(bound=most_s, at_least=False),
        failures=failed,
        runs=len(seconds),
        detail=f"{spread(seconds)}; {beside}",
    )


def _env(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SLIMGEST_")}
    return {**kept, "PYTHONPATH": str(ROOT), **more}


def _bare_s() -> float:
    started_s = time.perf_counter()
    with loops("rapidocr"):
        return time.perf_counter() - started_s


def _up_s(home: Path) -> float:
    """Return the seconds until the service is ready, or the limit if it is not."""
    port = free_port()
    started_s = time.perf_counter()
    process = subprocess.Popen(
        [*_SLIMGEST, "up", "--port", str(port)],
        env=_env(XDG_DATA_HOME=str(home)),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        with Client(f"http://127.0.0.1:{port}") as client:
            while not client.ready():
                if time.perf_counter() - started_s > _LIMIT_S:
                    return _LIMIT_S
                time.sleep(0.02)
        return time.perf_counter() - started_s
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _process_s(page: Path) -> tuple[float, int]:
    started_s = time.perf_counter()
    done = subprocess.run([*_SLIMGEST, "process", str(page)], env=_env(), capture_output=True, text=True)
    return time.perf_counter() - started_s, int("page of text" not in done.stdout)
