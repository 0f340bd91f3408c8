"""A memory limit that leaves no room for pages ends the worker; one with room keeps its child."""

from __future__ import annotations

from pathlib import Path

from tests.support import pdfs
from tests.support.stack import running, wait_for


def test_a_limit_without_room_for_pages_is_refused_and_a_workable_one_is_named(tmp_path: Path) -> None:
    with running(tmp_path, workers=0, SLIMGEST_MAX_WORKER_MB="256", SLIMGEST_ENGINE="rapidocr") as stack:
        worker = stack.start_worker("cpu0")
        wait_for(lambda: worker.poll() is not None, what="the end of the worker", logs=tmp_path)
        said = (tmp_path / "cpu0.log").read_text()
        assert "SLIMGEST_MAX_WORKER_MB=256 leaves no room for pages" in said and "Set it to " in said


def test_a_model_of_more_than_half_the_limit_keeps_its_child(tmp_path: Path) -> None:
    with running(tmp_path, workers=1, SLIMGEST_MAX_WORKER_MB="400") as stack:
        child = stack.child_of("cpu0").pid
        for first in range(1, 40, 10):
            assert stack.wait_end(stack.submit(pdfs.numbered(10, first)))["status"] == "completed"
        assert stack.child_of("cpu0").pid == child
