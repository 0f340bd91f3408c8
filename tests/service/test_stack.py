"""The stack of the tests leaves no process running, however its tests end."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil

from tests.support.stack import ROOT

_PROGRAM = """
import sys, time
from pathlib import Path
from tests.support.stack import running

with running(Path(sys.argv[1]), workers=0, beat=True, SLIMGEST_NUM_WORKERS="1") as stack:
    stack.start_worker("plain")
    stack.start_supervised()
    stack.wait_ready(2)
    print("ready", flush=True)
    time.sleep(600)
"""


def test_all_processes_of_a_stack_end_when_its_tests_are_killed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", _PROGRAM, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE) as tests:
        try:
            assert tests.stdout is not None
            said = tests.stdout.readline()
        finally:
            started = psutil.Process(tests.pid).children(recursive=True)
            commands = "\n".join(" ".join(process.cmdline()) for process in started)
            tests.kill()
    try:
        assert said == b"ready\n"
        for part in ("-server ", "gunicorn", "beat", "-n plain@", "-m workers worker", "-n cpu0@"):
            assert part in commands
        _, alive = psutil.wait_procs(started, timeout=60)
        assert not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]
    finally:
        for process in started:
            with suppress(psutil.NoSuchProcess):
                process.kill()
