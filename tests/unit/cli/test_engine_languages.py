"""The languages in `slimgest doctor`."""

from __future__ import annotations

from pathlib import Path

import pytest

from slimgest_celery.cli.doctor import check_machine


def test_the_languages_and_what_is_missing_for_those_of_the_service_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLIMGEST_STORAGE_URL", str(tmp_path))
    monkeypatch.setenv("SLIMGEST_ENGINE", "rapidocr")
    monkeypatch.setenv("SLIMGEST_TESSDATA", str(tmp_path))  # no data
    machine = check_machine()
    (found,) = [finding for finding in machine if finding.name.startswith("languages")]
    assert ", de, " in found.name and found.ok, "these languages are there"
    (second,) = [finding for finding in machine if finding.name.startswith("Tesseract")]
    assert not second.ok and not second.required and "SLIMGEST_ENGINE" not in second.advice
    monkeypatch.setenv("SLIMGEST_LANGUAGES", "rus,deu")
    (found,) = [finding for finding in check_machine() if finding.name.startswith("languages")]
    assert found.required and "apt-get install tesseract-ocr-rus`" in found.advice
