"""A worker child that runs foreign code can read and write nothing outside, start nothing, and reach nothing else."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from slimgest_celery.sandbox.policy import missing_support
from tests.support import pdfs
from tests.support.intruder import ATTEMPTS, OUTSIDE, PORT, SECRET
from tests.support.stack import running

NAMES = [attempt.__name__.strip("_") for attempt in ATTEMPTS]
COLOURS = [(0, 7, 0), *((1, number, 0) for number in range(len(ATTEMPTS))), (0, 8, 0)]


@pytest.fixture
def outside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that is neither the storage nor the temporary folder of the workers."""
    folder = tmp_path_factory.mktemp("outside")
    (folder / "secret").write_text("a secret of another user")
    return folder


@pytest.mark.skipif(bool(missing_support()), reason="this kernel does not support the whole sandbox")
def test_each_attempt_to_break_out_is_refused_and_only_its_page_fails(tmp_path: Path, outside: Path) -> None:
    (tmp_path / "tmp").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        env = {SECRET: str(outside / "secret"), OUTSIDE: str(outside / "new"), PORT: str(elsewhere.getsockname()[1])}
        engine = {"SLIMGEST_ENGINE": "tests.support.intruder:Intruder", "SLIMGEST_SANDBOX": "on"}
        with running(tmp_path, workers=1, TMPDIR=str(tmp_path / "tmp"), **engine, **env) as stack:
            child = stack.child_of("cpu0").pid
            job_id = stack.submit(pdfs.coloured(COLOURS))
            assert stack.wait_end(job_id)["status"] == "partial"
            pages = stack.document(job_id)["pages"]
            assert stack.child_of("cpu0").pid == child, "the child lives on"
            log = (tmp_path / "cpu0.log").read_text()
        elsewhere.settimeout(0)
        with pytest.raises(BlockingIOError):
            elsewhere.accept()
    assert [pages[0]["text"], pages[-1]["text"]] == ["page 7", "page 8"]
    broken_out = {name: page["text"] for name, page in zip(NAMES, pages[1:-1], strict=True) if page["status"] == "ok"}
    assert broken_out == {}
    assert {page["error"]["code"] for page in pages[1:-1]} == {"page.engine_failed"}
    assert sorted(path.name for path in outside.iterdir()) == ["secret"]
    assert log.count("PermissionError") >= len(ATTEMPTS), "each was refused by the kernel"
    assert "sandbox: files, TCP, programs" in log


def test_without_the_sandbox_each_attempt_succeeds(tmp_path: Path, outside: Path) -> None:
    """Otherwise the test above would prove nothing."""
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        env = {SECRET: str(outside / "secret"), OUTSIDE: str(outside / "new"), PORT: str(elsewhere.getsockname()[1])}
        engine = {"SLIMGEST_ENGINE": "tests.support.intruder:Intruder", "SLIMGEST_SANDBOX": "off"}
        with running(tmp_path, workers=1, **engine, **env) as stack:
            job_id = stack.submit(pdfs.coloured(COLOURS))
            stack.wait_end(job_id)
            pages = stack.document(job_id)["pages"]
    assert {name: page["error"] for name, page in zip(NAMES, pages[1:-1], strict=True) if page["error"]} == {}
    assert sorted(path.name for path in outside.iterdir()) == ["new"]


@pytest.mark.skipif(bool(missing_support()), reason="this kernel does not support the whole sandbox")
@pytest.mark.parametrize("engine", ["rapidocr", "tesseract"])
def test_the_engines_of_slimgest_read_inside_the_sandbox(tmp_path: Path, engine: str) -> None:
    with running(tmp_path, workers=1, SLIMGEST_ENGINE=engine, SLIMGEST_SANDBOX="on") as stack:
        job_id = stack.submit(pdfs.text_pages(["Hello brave new world"]), mode="ocr")
        assert stack.wait_end(job_id)["status"] == "completed"
        assert "brave new" in stack.document(job_id)["pages"][0]["text"]
        assert stack.get(f"/jobs/{job_id}/pages/1/image").status_code == 200
        assert "ermission" not in (tmp_path / "cpu0.log").read_text()
