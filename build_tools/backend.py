"""Builds slimgest with setuptools, and puts the models into the wheel.

The models are files in the wheels of other packages: 37 MB for OCR and 7 MB for the layout of pages. The dependencies
of these packages (OpenCV, onnxruntime: 300 MB) are not needed. So the packages are needed for building only, and only
where the models are not there yet. The names and hashes of the files are in the modules of `_DESCRIPTIONS`.
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

_PACKAGE = Path(__file__).parents[1] / "slimgest_celery"
# The models are in the folder `models` beside each of these modules.
_DESCRIPTIONS = ("engines/ocr_models.py", "page_elements/layout_model_file.py")


def get_requires_for_build_wheel(config_settings: Any = None) -> list[str]:
    """Return what building needs: the sources of the models that are missing."""
    sources = [_read(name)["SOURCE"] for name in _DESCRIPTIONS if _missing(name)]
    return [*build_meta.get_requires_for_build_wheel(config_settings), *sources]


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
    for description in _DESCRIPTIONS:
        expected = _read(description)
        package, _, rest = expected["SOURCE_FOLDER"].partition("/")
        spec = find_spec(package)
        for name in _missing(description):
            if not spec or not spec.origin:
                raise ValueError(f"{expected['SOURCE']}, the source of {name}, is not installed")
            source, target = Path(spec.origin).parent / rest / name, _models(description) / name
            if hashlib.sha256(source.read_bytes()).hexdigest() != expected["HASHES"][name]:
                raise ValueError(f"{source} is not the expected file")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)


def _missing(description: str) -> list[str]:
    return [name for name in _read(description)["HASHES"] if not (_models(description) / name).is_file()]


def _models(description: str) -> Path:
    return (_PACKAGE / description).parent / "models"


def _read(description: str) -> dict[str, Any]:
    """The constants of a module. Read without importing slimgest, whose dependencies are not there when it is built."""
    constants: dict[str, Any] = {}
    for node in ast.parse((_PACKAGE / description).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            if name in ("SOURCE", "SOURCE_FOLDER", "HASHES"):
                constants[name] = ast.literal_eval(node.value)
    return constants
