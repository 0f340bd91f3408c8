"""A checkpoint of Nemotron OCR on disk: whether it is whole. Knows files only; importing it loads no model."""

from __future__ import annotations

from pathlib import Path

from ..config import Settings
from ..errors import EngineUnavailable

# What nemotron-ocr 2.0.2 asks for (its `CHECKPOINT_FILES`); lacking one, it would download all of them without a word.
FILES = ("detector.pth", "recognizer.pth", "relational.pth", "charset.txt", "model_config.json")


def missing(settings: Settings) -> str:
    """Why there is no checkpoint to load, in a sentence that names what is missing; empty where there is one."""
    if settings.model_dir is None:
        if settings.allow_model_download:
            return ""
        return "NEMOTRON_OCR_MODEL_DIR is not set, and SLIMGEST_ALLOW_MODEL_DOWNLOAD=1 is not either"
    absent = [name for name in FILES if not (settings.model_dir / name).is_file()]
    return f"NEMOTRON_OCR_MODEL_DIR ({settings.model_dir}) lacks {', '.join(absent)}" if absent else ""


def folder(settings: Settings) -> Path | None:
    """The folder to load from, or None where the package is to download; raises `EngineUnavailable`.

    A folder that was named and is incomplete is a mistake to be told, whether or not downloads are allowed.
    """
    if fault := missing(settings):
        raise EngineUnavailable(f"Nemotron OCR has no checkpoint to load: {fault}.")
    return settings.model_dir
