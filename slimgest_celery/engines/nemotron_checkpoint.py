"""A checkpoint of Nemotron OCR on disk, and the check that its files are complete. Loads no model."""

from __future__ import annotations

from pathlib import Path

from slimgest_celery.config import Settings
from slimgest_celery.errors import EngineUnavailable

# The files that nemotron-ocr 2.0.2 needs (its `CHECKPOINT_FILES`). If one is missing, it silently downloads all.
FILES = ("detector.pth", "recognizer.pth", "relational.pth", "charset.txt", "model_config.json")


def missing(settings: Settings) -> str:
    """Return why there is no checkpoint to load, with the names of missing files; an empty string if there is one."""
    if settings.model_dir is None:
        if settings.allow_model_download:
            return ""
        return "neither NEMOTRON_OCR_MODEL_DIR nor SLIMGEST_ALLOW_MODEL_DOWNLOAD=1 is set"
    absent = [name for name in FILES if not (settings.model_dir / name).is_file()]
    return f"NEMOTRON_OCR_MODEL_DIR ({settings.model_dir}) lacks {', '.join(absent)}" if absent else ""


def folder(settings: Settings) -> Path | None:
    """Return the folder to load from, or None if the package may download. Raises `EngineUnavailable`.

    A configured folder that is incomplete is an error, even if downloads are allowed.
    """
    if fault := missing(settings):
        raise EngineUnavailable(f"Nemotron OCR has no checkpoint to load: {fault}.")
    return settings.model_dir
