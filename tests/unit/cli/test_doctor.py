"""The checks of `slimgest doctor`."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from slimgest_celery.cli import doctor, main
from slimgest_celery.cli.doctor import Finding, _disk_space, _sandbox, check_machine
from slimgest_celery.cli.error_hints import COMMAND_HINTS
from slimgest_celery.config import Settings
from slimgest_celery.errors import StorageUnavailable
from slimgest_celery.sandbox.policy import missing_support


def test_each_problem_has_its_reason_and_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("SLIMGEST_STORAGE_URL", str(tmp_path / "file"))
    monkeypatch.setenv("SLIMGEST_ENGINE", "no.such:Engine")
    advice = {finding.name: finding.advice for finding in check_machine() if not finding.ok}
    assert "File exists" in advice["storage"] and StorageUnavailable.hint in advice["storage"]
    assert "cannot be imported" in advice["OCR engine"]
    assert COMMAND_HINTS["engine.unavailable"] in advice["OCR engine"]


def test_the_advice_is_printed_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    advice = f"tesserocr is not installed. {'Read on. ' * 20}`pip install 'slimgest[tesseract]'`."
    monkeypatch.setattr(doctor, "check_machine", lambda: [Finding(name="OCR engine", ok=False, advice=advice)])
    done = CliRunner().invoke(main.main, ["doctor"])
    assert done.exit_code == 1
    assert advice in done.output


@pytest.mark.parametrize("url", ["s3://bucket/jobs", "memory://jobs"])
def test_the_free_space_is_that_of_the_temporary_folder_if_the_storage_is_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert _disk_space(Settings(SLIMGEST_STORAGE_URL=url)).name.endswith(f" GB free at {tmp_path}")
    named = _disk_space(Settings(SLIMGEST_STORAGE_URL=f"file://{tmp_path}/new/jobs")).name
    assert named.endswith(f" GB free at {tmp_path}")


@pytest.mark.skipif(bool(missing_support()), reason="this system does not support the sandbox")
def test_nemotron_without_the_sandbox_is_reported() -> None:
    def finding(**env: str) -> Finding:
        return _sandbox(Settings.from_env(env))

    found = finding(SLIMGEST_ENGINE="nemotron")
    assert not found.ok and not found.required and "nemotron are in no sandbox" in found.advice
    assert finding(SLIMGEST_ENGINE="nemotron", SLIMGEST_SANDBOX="on").ok
    assert finding(SLIMGEST_ENGINE="rapidocr").ok
