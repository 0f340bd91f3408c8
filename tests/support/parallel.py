"""Several tests at a time, by pytest-xdist: which tests one process must run, and which run while no other test does.

`conftest.py` has the hooks that call this. The processes that run tests write the groups to a file for the process that
schedules them, as pytest-xdist passes nothing but the names of tests. (Its own groups, `--dist loadgroup`, have no
effect with pytest 9.2: https://github.com/pytest-dev/pytest-xdist/issues/1386)
"""

from __future__ import annotations

import fcntl
import json
import os
from functools import cache
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

ALONE = "alone"


def group(item: pytest.Item) -> str:
    """Return the name of the group of a test; one process runs all of a group."""
    if is_alone(item):
        return ALONE
    if "rapid" in getattr(item, "fixturenames", ()):
        return "rapidocr"  # so that its models are loaded once
    if item.path.name == "test_matrix.py":
        return item.nodeid  # each of these tests has a stack of its own
    return str(item.path)  # they share a stack


def is_alone(item: pytest.Item) -> bool:
    return item.get_closest_marker(ALONE) is not None


def write_groups(folder: Path, items: list[pytest.Item]) -> None:
    """Write the group of every test for `GroupScheduling`. Each process writes the same."""
    groups = {item.nodeid: group(item) for item in items}
    assert len(groups) == len(items), "several tests have one name: pytest-xdist would run only one of them"
    written = folder / f"groups-{os.getpid()}.json"
    written.write_text(json.dumps(groups))
    written.rename(folder / "groups.json")


class GroupScheduling(LoadScopeScheduling):
    """Gives each process one group after another, in the order in which their tests were collected."""

    def __init__(self, config: pytest.Config, log: Producer, folder: Path) -> None:
        super().__init__(config, log)
        self._groups = cache(lambda: json.loads((folder / "groups.json").read_text()))
        config.option.loadscopereorder = False  # the group with the most tests is not the one that takes longest

    def _split_scope(self, nodeid: str) -> str:
        name: str = self._groups()[nodeid]
        return name


class RunLock:
    """A lock between the processes that run tests: shared by tests, exclusive for a test marked `alone`."""

    def __init__(self, folder: Path) -> None:
        self._entry = (folder / "entry.lock").open("w")  # held while waiting, so that an exclusive test does not starve
        self._running = (folder / "running.lock").open("w")
        self._exclusive = False

    def acquire(self, item: pytest.Item) -> None:
        """Wait until this test may run."""
        if self._exclusive:
            return  # kept for this test by `release`
        self._exclusive = is_alone(item)
        fcntl.flock(self._entry, fcntl.LOCK_EX)
        fcntl.flock(self._running, fcntl.LOCK_EX if self._exclusive else fcntl.LOCK_SH)
        fcntl.flock(self._entry, fcntl.LOCK_UN)

    def release(self, following: pytest.Item | None) -> None:
        """Let other tests run, unless the next test of this process is marked `alone` as well."""
        if self._exclusive and following is not None and is_alone(following):
            return
        self._exclusive = False
        fcntl.flock(self._running, fcntl.LOCK_UN)
