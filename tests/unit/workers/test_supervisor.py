"""The supervision of real processes: restarts, their delays, and the orderly end."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from pathlib import Path

import pytest

from tests.support.stack import wait_for
from workers.supervisor import Service, Supervisor, backoff_s


def test_the_delay_before_a_restart_doubles_up_to_half_a_minute() -> None:
    assert [backoff_s(n) for n in (1, 2, 3, 7, 99)] == [0.5, 1, 2, 30, 30]


def test_a_killed_process_is_restarted_and_a_process_may_finish_its_work_at_the_end(tmp_path: Path) -> None:
    program = f"""
import signal, sys, time, pathlib
def finish(*_):
    time.sleep(0.3); pathlib.Path(r'{tmp_path}', 'finished').touch(); sys.exit(0)
signal.signal(signal.SIGTERM, finish)
pathlib.Path(r'{tmp_path}', 'started').touch()
time.sleep(60)
"""
    supervisor = Supervisor([Service(name="a", argv=[sys.executable, "-c", program])], stop_timeout_s=10)
    supervisor.start()
    first = supervisor.pids()["a"]
    before = set(Path(tempfile.gettempdir()).glob("slimgest-a-*"))
    wait_for(lambda: (tmp_path / "started").exists(), what="the process")
    os.kill(first, signal.SIGKILL)

    def restarted() -> bool:
        supervisor.check()
        return supervisor.pids()["a"] != first

    (tmp_path / "started").unlink()
    wait_for(restarted, what="a new process")
    wait_for(lambda: (tmp_path / "started").exists(), what="the process")
    assert not before & set(Path(tempfile.gettempdir()).glob("slimgest-a-*")), (
        "the temporary folder of the killed process was not deleted"
    )
    supervisor.stop()
    assert (tmp_path / "finished").exists()
    assert list(Path(tempfile.gettempdir()).glob("slimgest-a-*")) == []


def test_a_process_may_start_later_than_the_others() -> None:
    argv = [sys.executable, "-c", "import time; time.sleep(60)"]
    supervisor = Supervisor([Service(name="a", argv=argv), Service(name="b", argv=argv, delay_s=0.3)], stop_timeout_s=1)
    supervisor.start()
    supervisor.check()
    assert set(supervisor.pids()) == {"a"}
    wait_for(lambda: supervisor.check() or "b" in supervisor.pids(), what="the second process")
    supervisor.stop()


@pytest.mark.alone
def test_a_process_that_does_not_end_in_time_is_killed() -> None:
    program = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('x', flush=True); time.sleep(60)"
    )
    supervisor = Supervisor([Service(name="stubborn", argv=[sys.executable, "-c", program])], stop_timeout_s=0.5)
    supervisor.start()
    time.sleep(0.3)
    started = time.monotonic()
    supervisor.stop()
    assert time.monotonic() - started < 5
