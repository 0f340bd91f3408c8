"""OCR engines, one module each, behind one small protocol. Which one reads is chosen by `SLIMGEST_ENGINE`.

A module is imported only when its engine is asked for, so that a process without OCR never pays for it.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable

from ..config import Settings
from ..errors import EngineUnavailable
from .protocol import Engine, Line, normalise

__all__ = ["Engine", "Line", "choose", "load", "normalise"]

_BUILT_IN = {
    "rapidocr": "slimgest_celery.engines.rapid:RapidOcr",
    "tesseract": "slimgest_celery.engines.tesseract:Tesseract",
}


def load(settings: Settings) -> Engine:
    """The engine that the settings name, with its model in memory; raises `EngineUnavailable`, which says why not."""
    name = choose(settings.engine)
    module_name, _, class_name = _BUILT_IN.get(name, name).partition(":")
    try:
        make: Callable[[Settings], Engine] = getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError) as error:
        raise EngineUnavailable(f"The OCR engine {name!r} cannot be imported: {error}.") from error
    return make(settings)


def choose(name: str) -> str:
    """`auto` turned into the best engine that is installed; any other name as it is."""
    if name != "auto":
        return name
    if importlib.util.find_spec("rapidocr") and importlib.util.find_spec("openvino"):
        return "rapidocr"
    return "tesseract"
