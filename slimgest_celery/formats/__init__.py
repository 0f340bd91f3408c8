"""What a document can be turned into after the fact: one module per format, each a function of page records."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..model import Document
from . import markdown, text


@dataclass(frozen=True, kw_only=True)
class Format:
    """A form of a document."""

    media_type: str
    suffix: str
    write: Callable[[Document], str]


FORMATS = {
    "json": Format(media_type="application/json", suffix=".json", write=lambda document: document.model_dump_json()),
    "md": Format(media_type="text/markdown; charset=utf-8", suffix=".md", write=markdown.write),
    "md-plain": Format(  # without comments where pages begin
        media_type="text/markdown; charset=utf-8",
        suffix=".md",
        write=lambda document: markdown.write(document, page_breaks=False),
    ),
    "txt": Format(media_type="text/plain; charset=utf-8", suffix=".txt", write=text.write),
}
