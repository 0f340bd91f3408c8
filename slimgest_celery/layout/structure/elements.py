"""The elements of a scanned page, as a layout model finds them."""

from __future__ import annotations

from typing import NamedTuple

from slimgest_celery.geometry import PageBox
from slimgest_celery.models.page import RegionKind


class PageElement(NamedTuple):
    """A part of an upright page, as a layout model sees it. Elements may overlap."""

    kind: RegionKind
    confidence: float
    box: PageBox  # in 0-1 of the upright page
