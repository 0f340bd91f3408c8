"""The choice of the layout model."""

from __future__ import annotations

import logging

from slimgest_celery.config import Settings
from slimgest_celery.errors import EngineUnavailable
from slimgest_celery.page_elements.picodet import PicoDet
from slimgest_celery.page_elements.protocol import LayoutModel

_log = logging.getLogger(__name__)


def load_layout_model(settings: Settings) -> LayoutModel | None:
    """Return the layout model, or None if `SLIMGEST_LAYOUT=off` or its file is missing: pages are read without it."""
    if settings.layout == "off":
        return None
    try:
        return PicoDet()
    except EngineUnavailable as error:
        _log.warning("no layout model: %s", error.message)
        return None
