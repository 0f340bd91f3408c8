"""The interface of layout models, which find the titles, tables, figures and so on in the image of a page."""

from __future__ import annotations

from typing import Protocol

from slimgest_celery.engines.protocol import Image
from slimgest_celery.layout.structure.elements import PageElement


class LayoutModel(Protocol):
    """A layout model. An instance is used by one thread at a time."""

    name: str

    def find(self, image: Image) -> list[PageElement]:
        """Return the elements of an upright page (height x width x 3, RGB), in any order. They may overlap."""
        ...
