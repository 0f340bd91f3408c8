"""A full storage, and a full temporary folder: requests fail with that reason, and recover when there is space."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support import pdfs
from tests.support.stack import Stack, running, wait_for


@contextmanager
def _small_disk(folder: Path) -> Iterator[Path]:
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)], check=False).returncode:
        pytest.skip("this user may not mount a small file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def _fill(folder: Path) -> Path:
    ballast = folder / "ballast"
    file = os.open(ballast, os.O_CREAT | os.O_WRONLY)
    with pytest.raises(OSError, match="No space"):
        while True:
            os.write(file, b"\0" * 4096)
    os.close(file)
    return ballast


def _status_of_image(stack: Stack, job_id: str) -> int:
    return stack.get(f"/jobs/{job_id}/pages/1/image").status_code


def _status_of_pdf(stack: Stack, job_id: str) -> int:
    return stack.get(f"/jobs/{job_id}/result?format=pdf").status_code


@pytest.mark.alone
def test_exports_and_images_name_a_full_storage_and_recover(tmp_path: Path) -> None:
    with _small_disk(tmp_path / "disk") as disk:
        storage = {"SLIMGEST_STORAGE_URL": str(disk / "jobs")}
        with running(tmp_path, workers=1, **storage) as stack:
            job_id = stack.submit(pdfs.text_pages(["Some text."] * 3))
            assert stack.wait_end(job_id)["status"] == "completed"
            ballast = _fill(disk)
            for path in (f"/jobs/{job_id}/pages/1/image", f"/jobs/{job_id}/result?format=pdf"):
                answer = stack.get(path)
                if answer.status_code == 202:
                    answer = stack.get(path)
                assert (answer.status_code, answer.json()["code"]) == (503, "storage.unavailable"), path
                assert answer.json()["retryable"]
            ballast.unlink()
            wait_for(lambda: _status_of_image(stack, job_id) == 200, what="the image", within_s=30, logs=tmp_path)
            wait_for(lambda: _status_of_pdf(stack, job_id) == 200, what="the PDF", within_s=30, logs=tmp_path)


def test_a_full_temporary_folder_is_temporary_for_an_upload(tmp_path: Path) -> None:
    with _small_disk(tmp_path / "tmp") as temporary, running(tmp_path, workers=0) as stack:
        url = stack.start_api(TMPDIR=str(temporary))
        stack.apis.insert(0, stack.apis.pop())
        assert stack.url == url
        ballast = _fill(temporary)
        large = pdfs.text_pages(["x"]) + b" " * 1_500_000
        raw = {"Content-Type": "application/pdf"}
        for send, code in (
            (lambda: stack.post("/jobs", large), "storage.low_space"),
            (lambda: stack.request("POST", "/jobs", headers=raw, content=large), "storage.low_space"),
            # Its length is not known before it is received.
            (lambda: stack.request("POST", "/jobs", headers=raw, content=iter([large])), "storage.unavailable"),
        ):
            answer = send()
            assert (answer.status_code, answer.json()["code"]) == (503, code)
            assert answer.json()["retryable"]
        assert "temporary folder" in answer.json()["detail"]
        ballast.unlink()
        assert stack.post("/jobs", large).status_code == 202
