"""A copy of the storage is a backup: another service, with an empty Redis, continues from it."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.support import pdfs
from tests.support.stack import running, wait_for


def test_a_copy_of_the_storage_made_during_a_job_is_restored_with_an_empty_redis(tmp_path: Path) -> None:
    (tmp_path / "first").mkdir()
    with running(tmp_path / "first", workers=1, TEST_ENGINE_SECONDS="0.2") as stack:
        ended = stack.submit(pdfs.numbered(3))
        stack.wait_end(ended)
        job_id = stack.submit(pdfs.numbered(100, 10))
        wait_for(lambda: stack.status(job_id)["pages_done"] > 3, what="some pages")
        restored = tmp_path / "second"
        shutil.copytree(tmp_path / "first" / "jobs", restored / "jobs")
        stored = len(stack.files.pages(job_id))
        stack.request("DELETE", f"/jobs/{job_id}")
    assert 0 < stored < 100
    with running(restored, workers=1, beat=True) as stack:
        assert len(stack.document(ended)["pages"]) == 3
        assert stack.wait_end(job_id, within_s=150)["status"] == "completed"
        assert [page["text"] for page in stack.document(job_id)["pages"]] == [f"page {n}" for n in range(10, 110)]
