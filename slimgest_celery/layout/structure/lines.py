"""A line of text as paragraphs and regions are made of it."""

from __future__ import annotations

from typing import NamedTuple

from slimgest_celery.geometry import Box
from slimgest_celery.layout.structure.roles import Role


class LayoutLine(NamedTuple):
    """A line of the upright page."""

    text: str
    box: Box
    size: float = 0.0  # of the type in points; 0 if unknown
    role: Role | None = None
    bold: bool = False  # all of it
