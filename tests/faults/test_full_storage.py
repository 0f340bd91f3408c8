"""A full storage, and a full temporary folder: requests fail with that reason, and recover when there is space."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from slimgest_celery.storage.base import TEMPORARY_FULL
from tests.support import font_pdfs, images, pdfs
from tests.support.stack import Stack, running, wait_for


@contextmanager
def _small_disk(folder: Path, size_mb: int = 3) -> Iterator[Path]:
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_mb}m", "tmpfs", str(folder)], check=False).returncode:
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
                while (answer := stack.get(path)).status_code == 202:  # a worker has not tried yet
                    time.sleep(0.2)
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


def test_a_full_temporary_folder_of_a_worker_delays_jobs_and_spoils_none(tmp_path: Path) -> None:
    """An image becomes a PDF there, and a PDF whose fonts need a repair is copied there."""
    noise = np.random.default_rng(1).integers(0, 255, (300, 400, 3), np.uint8)
    large_image = images.saved(Image.fromarray(noise), "PNG")
    assert len(large_image) > 300_000
    with _small_disk(tmp_path / "tmp", size_mb=20) as temporary, running(tmp_path, workers=0) as stack:
        stack.env["TMPDIR"] = str(temporary)
        stack.start_worker("cpu0")
        stack.wait_ready(1)
        ballast = _fill(temporary)
        uploads = [(large_image, "ocr"), (font_pdfs.with_glyphs("Office"), "text")]
        job_ids = [stack.submit(data, mode=mode) for data, mode in uploads]
        for job_id in job_ids:
            wait_for(lambda job_id=job_id: _log_names(stack, job_id), what="the reason in the log", logs=tmp_path)  # type: ignore[misc]
        assert {stack.status(job_id)["status"] for job_id in job_ids} <= {"queued", "processing"}
        ballast.unlink()
        assert [stack.wait_end(job_id)["status"] for job_id in job_ids] == ["completed"] * 2
        (repaired,) = stack.document(job_ids[1])["pages"]
        assert (repaired["text"], repaired["attempts"]) == ("Office", 1)


def _log_names(stack: Stack, job_id: str) -> bool:
    """Return True if a task of this job was put off because the temporary folder is full."""
    lines = (stack.folder / "cpu0.log").read_text().splitlines()
    return any(job_id in line for line in lines) and any(TEMPORARY_FULL in line for line in lines)
