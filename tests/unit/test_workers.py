"""Back-off, supervision of real processes."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.support.stack import wait_for
from workers.supervisor import Service, Supervisor, backoff_s


def test_the_back_off_doubles_up_to_half_a_minute() -> None:
    assert [backoff_s(n) for n in (1, 2, 3, 7, 99)] == [0.5, 1, 2, 30, 30]


def test_a_process_that_dies_is_started_again_and_one_that_drains_is_waited_for(tmp_path: Path) -> None:
    drains = f"""
import signal, sys, time, pathlib
def drain(*_):
    time.sleep(0.3); pathlib.Path(r'{tmp_path}', 'drained').touch(); sys.exit(0)
signal.signal(signal.SIGTERM, drain)
pathlib.Path(r'{tmp_path}', 'started').touch()
time.sleep(60)
"""
    supervisor = Supervisor([Service(name="a", argv=[sys.executable, "-c", drains])], drain_s=10)
    supervisor.start()
    first = supervisor.pids()["a"]
    before = set(Path(tempfile.gettempdir()).glob("slimgest-a-*"))
    wait_for(lambda: (tmp_path / "started").exists(), what="the process")
    os.kill(first, signal.SIGKILL)

    def restarted() -> bool:
        supervisor.check()
        return supervisor.pids()["a"] != first

    (tmp_path / "started").unlink()
    wait_for(restarted, what="another process")
    wait_for(lambda: (tmp_path / "started").exists(), what="the process")
    assert not before & set(Path(tempfile.gettempdir()).glob("slimgest-a-*")), (
        "the killed one's temporary folder stayed"
    )
    supervisor.stop()
    assert (tmp_path / "drained").exists()
    assert list(Path(tempfile.gettempdir()).glob("slimgest-a-*")) == []


def test_a_process_that_does_not_end_in_time_is_killed() -> None:
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('x', flush=True); time.sleep(60)"
    supervisor = Supervisor([Service(name="deaf", argv=[sys.executable, "-c", deaf])], drain_s=0.5)
    supervisor.start()
    time.sleep(0.3)
    started = time.monotonic()
    supervisor.stop()
    assert time.monotonic() - started < 5
