"""Files of models: found in slimgest or in an installed source, and checked."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from slimgest_celery.errors import EngineUnavailable
from slimgest_celery.model_files import ModelFiles


def _files(folder: Path, source_folder: str = "no_such_package/models") -> ModelFiles:
    hashes = {"a.onnx": hashlib.sha256(b"model").hexdigest()}
    return ModelFiles(source="some-models==1.0", folder=folder, source_folder=source_folder, hashes=hashes)


def test_a_file_beside_the_code_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_bytes(b"model")
    assert _files(tmp_path).find("a.onnx") == tmp_path / "a.onnx"


def test_a_file_of_an_installed_source_is_found_without_importing_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = tmp_path / "some_models" / "models"
    models.mkdir(parents=True)
    (tmp_path / "some_models" / "__init__.py").write_text("raise ImportError")
    (models / "a.onnx").write_bytes(b"model")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert _files(tmp_path / "absent", "some_models/models").find("a.onnx") == models / "a.onnx"


def test_a_missing_file_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable, match=r"pip install --no-deps some-models==1\.0"):
        _files(tmp_path).find("a.onnx")


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_bytes(b"another model")
    with pytest.raises(EngineUnavailable, match=r"is not the file of some-models==1\.0"):
        _files(tmp_path).find("a.onnx")
