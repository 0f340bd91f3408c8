"""Builds slimgest-client: the modules of slimgest that a client needs, as a package with a name of its own.

slimgest itself installs 650 MB of engines, PDF libraries and servers. Here are the same files of its client and its
records, with `slimgest_celery` renamed to `slimgest_client`, so that both may be installed in one environment. The
folder `skeleton` has what differs. A source distribution contains the result, in `src`.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from setuptools import build_meta
from setuptools.build_meta import *  # noqa: F403 - all other hooks stay as they are

_HERE = Path(__file__).parent
_SOURCE = _HERE.parents[1] / "slimgest_celery"
_TARGET = _HERE / "src" / "slimgest_client"
_MODULES = ("client", "models", "errors.py", "model.py", "py.typed")


def build_wheel(folder: str, config_settings: Any = None, metadata_folder: str | None = None) -> str:
    """Build the wheel."""
    copy_modules()
    return build_meta.build_wheel(folder, config_settings, metadata_folder)


def build_sdist(folder: str, config_settings: Any = None) -> str:
    """Build the source distribution."""
    copy_modules()
    return build_meta.build_sdist(folder, config_settings)


def build_editable(folder: str, config_settings: Any = None, metadata_folder: str | None = None) -> str:
    """Install the copy. Later changes of slimgest need another installation."""
    copy_modules()
    return build_meta.build_editable(folder, config_settings, metadata_folder)


def copy_modules() -> None:
    """Copy and rename the modules of this checkout. A source distribution has no checkout, but the copy."""
    if not _SOURCE.is_dir():
        return
    shutil.rmtree(_TARGET, ignore_errors=True)
    shutil.copytree(_HERE / "skeleton" / "slimgest_client", _TARGET)
    for name in _MODULES:
        for source in sorted((_SOURCE / name).rglob("*.py")) if (_SOURCE / name).is_dir() else [_SOURCE / name]:
            target = _TARGET / source.relative_to(_SOURCE)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(source.read_text(encoding="utf-8").replace("slimgest_celery", "slimgest_client"))
