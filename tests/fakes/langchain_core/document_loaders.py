"""The base of document loaders: a loader has `lazy_load`, and callers use `load`."""

from __future__ import annotations

from collections.abc import Iterator

from langchain_core.documents import Document


class BaseLoader:
    """The base of document loaders."""

    def load(self) -> list[Document]:
        return list(self.lazy_load())

    def lazy_load(self) -> Iterator[Document]:
        raise NotImplementedError
