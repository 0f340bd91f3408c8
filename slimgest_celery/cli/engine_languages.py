"""The languages that the engines of this machine read, and what is missing to read more."""

from __future__ import annotations

from slimgest_celery.config import Settings
from slimgest_celery.engines.engine_set import EngineSet
from slimgest_celery.engines.registry import load_engine, load_helper
from slimgest_celery.errors import SlimgestError
from slimgest_celery.languages import data_package, parse_tags


def list_languages(settings: Settings) -> tuple[str, str, bool]:
    """Return the languages as text, what to install, and True if the languages of the settings need it."""
    try:
        engines = EngineSet(load_engine(settings), lambda: load_helper(settings))
    except SlimgestError:
        return "unknown", "The OCR engine cannot be loaded.", False
    names = ", ".join(sorted(engines.languages)) or "the engine does not say"
    if missing := engines.unreadable(parse_tags(settings.languages)):
        packages = " ".join(map(data_package, missing))
        return names, f"For SLIMGEST_LANGUAGES: `apt-get install {packages}`.", True
    return names, "", False
