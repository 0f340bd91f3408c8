"""OCR engines, one module each, behind one small protocol. Which one reads is chosen by `SLIMGEST_ENGINE`.

A module is imported only when its engine is asked for, so that a process without OCR never pays for it.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass

from ..config import Settings
from ..errors import EngineUnavailable
from . import checkpoint
from .protocol import Engine, Line, OnDevice, OwnModel, normalise

__all__ = ["Choice", "Engine", "Line", "OnDevice", "OwnModel", "choose", "load", "normalise"]

_BUILT_IN = {
    "nemotron": "slimgest_celery.engines.nemotron:Nemotron",
    "rapidocr": "slimgest_celery.engines.rapid:RapidOcr",
    "tesseract": "slimgest_celery.engines.tesseract:Tesseract",
}


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The engine that reads, and why this one."""

    name: str
    reason: str


def load(settings: Settings) -> Engine:
    """The engine that the settings name, with its model in memory; raises `EngineUnavailable`, which says why not."""
    name = choose(settings).name
    module_name, _, class_name = _BUILT_IN.get(name, name).partition(":")
    try:
        make: Callable[[Settings], Engine] = getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError) as error:
        raise EngineUnavailable(f"The OCR engine {name!r} cannot be imported: {error}.") from error
    return make(settings)


def no_cuda() -> str:
    """Why this process cannot use CUDA; empty where it can. Initialises CUDA: not for a process that will fork."""
    import torch

    if torch.cuda.is_available():
        return ""
    return f"torch {torch.__version__} sees no CUDA device in this process"


def choose(settings: Settings, no_device: Callable[[], str] = no_cuda) -> Choice:
    """`auto` turned into the best engine that can work here, and why; any other name as it is.

    `no_device` says why there is no GPU, or nothing; it is asked only where Nemotron has all else that it needs.
    """
    if settings.engine != "auto":
        return Choice(name=settings.engine, reason="SLIMGEST_ENGINE names it")
    missing = _without("torch", "nemotron_ocr") or checkpoint.missing(settings) or no_device()
    if not missing:
        return Choice(name="nemotron", reason="a CUDA device, nemotron-ocr and its checkpoint are here")
    other = "tesseract" if _without("rapidocr", "openvino") else "rapidocr"
    return Choice(name=other, reason=f"not nemotron: {missing}")


def _without(*modules: str) -> str:
    """Which of these modules are not installed, as a sentence; empty where all are. Imports none of them."""
    absent = [name for name in modules if importlib.util.find_spec(name) is None]
    return f"not installed: {', '.join(absent)}" if absent else ""
