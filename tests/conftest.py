"""The fixtures that all tests share, and the order of tests under pytest-xdist."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.workermanage import WorkerController

from tests.support.parallel import GroupScheduling, RunLock, is_alone, write_groups
from tests.support.stack import ROOT, Stack, running

CORPUS = ROOT.parent / "shared" / "corpus"
FOLDER = pytest.StashKey[tempfile.TemporaryDirectory[str]]()
RUN_LOCK = pytest.StashKey[RunLock]()


def pytest_configure_node(node: WorkerController) -> None:
    """Pass the folder that all processes of pytest-xdist share to each of them."""
    node.workerinput["folder"] = str(_folder(node.config))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> GroupScheduling:
    return GroupScheduling(config, log, _folder(config))


def _folder(config: pytest.Config) -> Path:
    if FOLDER not in config.stash:
        folder = config.stash[FOLDER] = tempfile.TemporaryDirectory(prefix="slimgest-tests-")
        config.add_cleanup(folder.cleanup)
    return Path(config.stash[FOLDER].name)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In a process of pytest-xdist: put the tests marked `alone` first, and write the groups for the scheduler."""
    if worker := getattr(config, "workerinput", None):
        items.sort(key=lambda item: not is_alone(item))
        write_groups(Path(worker["folder"]), items)
        config.stash[RUN_LOCK] = RunLock(Path(worker["folder"]))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """Run a test marked `alone` while no other process runs a test."""
    lock = item.config.stash.get(RUN_LOCK, None)
    if lock is None:  # one process runs all tests
        return (yield)
    lock.acquire(item)
    try:
        return (yield)
    finally:
        lock.release(nextitem)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Let the tests of other processes run, too, if this one ends before a next test marked `alone` (`pytest -x`)."""
    if lock := session.config.stash.get(RUN_LOCK, None):
        lock.release(None)


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of real PDFs next to the checkout."""
    if not CORPUS.is_dir():
        pytest.skip(f"the real PDFs are not here ({CORPUS})")
    return CORPUS


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Two workers with an engine that reads colours, two API processes. Shared: a test leaves no jobs running."""
    folder = tmp_path_factory.mktemp("stack")
    limits = {"SLIMGEST_MAX_PENDING_JOBS": "20", "SLIMGEST_MAX_UPLOAD_MB": "2", "SLIMGEST_MAX_PAGES": "300"}
    limits["SLIMGEST_OWNER_UPLOADS"] = "40"  # a test sends as many at once
    with running(folder, apis=2, TEST_ENGINE_SECONDS="0.05", **limits) as started:
        yield started


@pytest.fixture(scope="session")
def rapid(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Two workers with RapidOCR, the default engine. Shared as well."""
    with running(tmp_path_factory.mktemp("rapid"), SLIMGEST_ENGINE="rapidocr", SLIMGEST_LAYOUT="auto") as started:
        yield started
