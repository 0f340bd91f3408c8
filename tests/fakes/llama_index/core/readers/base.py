"""The base of readers: a reader has `load_data`."""

from __future__ import annotations

from typing import Any

from llama_index.core.schema import Document


class BaseReader:
    """The base of readers."""

    def load_data(self, *args: Any, **kwargs: Any) -> list[Document]:
        raise NotImplementedError
