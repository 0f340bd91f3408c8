"""A document: a text with metadata."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field


class Document(BaseModel):
    """A text with metadata."""

    text: str
    metadata: dict[str, Any] = Field(default_factory=dict)
