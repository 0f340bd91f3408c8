"""The OCR engines by name: which one `SLIMGEST_ENGINE` selects, and how it is loaded.

An engine's module is imported only when the engine is loaded, so that a process without OCR does not pay for it.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
from collections.abc import Callable
from dataclasses import dataclass

from slimgest_celery.config import Settings
from slimgest_celery.engines import nemotron_checkpoint
from slimgest_celery.engines.protocol import OcrEngine, SelectsLanguages
from slimgest_celery.errors import EngineUnavailable

_log = logging.getLogger(__name__)
_BUILT_IN = {
    "nemotron": "slimgest_celery.engines.nemotron:Nemotron",
    "rapidocr": "slimgest_celery.engines.rapidocr:RapidOcr",
    "tesseract": "slimgest_celery.engines.tesseract:Tesseract",
}


@dataclass(frozen=True, kw_only=True)
class EngineChoice:
    """The selected engine and the reason."""

    name: str
    reason: str


def load_engine(settings: Settings) -> OcrEngine:
    """Load the engine that the settings select, with its model. Raises `EngineUnavailable` with the reason."""
    name = choose_engine(settings).name
    module_name, _, class_name = _BUILT_IN.get(name, name).partition(":")
    try:
        engine_class: Callable[[Settings], OcrEngine] = getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError) as error:
        raise EngineUnavailable(f"The OCR engine {name!r} cannot be imported: {error}.") from error
    return engine_class(settings)


def load_helper(settings: Settings) -> SelectsLanguages | None:
    """Load the engine for languages that the selected one does not read, or return None if it is not installed."""
    from slimgest_celery.engines.tesseract import Tesseract

    try:
        return Tesseract(settings)
    except EngineUnavailable as error:
        _log.info("no engine for other languages: %s", error.message)
        return None


def no_cuda_reason() -> str:
    """Return why this process cannot use CUDA, or an empty string if it can.

    Initialises CUDA: never call this in a process that will fork.
    """
    import torch

    if torch.cuda.is_available():
        return ""
    return f"torch {torch.__version__} sees no CUDA device in this process"


def choose_engine(settings: Settings, no_device_reason: Callable[[], str] = no_cuda_reason) -> EngineChoice:
    """Return the engine to load. `auto` becomes the best engine that can work here; other names stay as they are.

    `no_device_reason` returns why there is no GPU, or an empty string. It is called only if all other requirements of
    Nemotron are met.
    """
    if settings.engine != "auto":
        return EngineChoice(name=settings.engine, reason="SLIMGEST_ENGINE names it")
    missing = _missing_modules("torch", "nemotron_ocr") or nemotron_checkpoint.missing(settings) or no_device_reason()
    if not missing:
        return EngineChoice(name="nemotron", reason="a CUDA device, nemotron-ocr and its checkpoint are here")
    other = "tesseract" if _missing_modules("openvino") else "rapidocr"
    return EngineChoice(name=other, reason=f"not nemotron: {missing}")


def _missing_modules(*modules: str) -> str:
    """Return which of these modules are not installed, as a sentence, or an empty string. Imports none of them."""
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    return f"not installed: {', '.join(missing)}" if missing else ""
