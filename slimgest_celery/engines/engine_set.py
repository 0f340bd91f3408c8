"""The engines of a worker: its own, and Tesseract for languages that its own does not read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

from slimgest_celery.engines.protocol import Image, OcrEngine, ReadsLanguages, SelectsLanguages
from slimgest_celery.languages import matching, unread

_MAX_AT_ONCE = 4  # languages: with more, Tesseract becomes slow and less accurate


def no_helper() -> None:
    """Load no helper."""


class EngineSet:
    """The engines that a worker can use. The helper is loaded when it is first needed."""

    def __init__(self, default: OcrEngine, load_helper: Callable[[], SelectsLanguages | None] = no_helper) -> None:
        self.default = default
        self._load_helper = load_helper

    @cached_property
    def helper(self) -> SelectsLanguages | None:
        """The engine for other languages, or None if it is not installed."""
        return self.default if isinstance(self.default, SelectsLanguages) else self._load_helper()

    @cached_property
    def languages(self) -> frozenset[str]:
        """The tags of all languages and scripts that this worker reads; empty if its engine does not say."""
        own = self.default.languages if isinstance(self.default, ReadsLanguages) else frozenset()
        return own | (self.helper.languages if self.helper else frozenset())

    def reads_by_default(self, tag: str) -> bool:
        """Return True if the default engine reads this language, or does not say what it reads."""
        return not isinstance(self.default, ReadsLanguages) or bool(matching(self.default.languages, tag))

    def select(self, tags: Sequence[str]) -> OcrEngine:
        """Return the engine for these languages: the default one if it reads all of them, or if the helper reads none.

        An engine that reads many languages at once is used as it is.
        """
        needs_no_choice = not isinstance(self.default, SelectsLanguages) and all(map(self.reads_by_default, tags))
        if not tags or needs_no_choice:
            return self.default
        return self.helper_for(tags) or self.default

    def helper_for(self, tags: Sequence[str]) -> OcrEngine | None:
        """Return the helper for those of these languages that it reads, or None."""
        if not self.helper:
            return None
        found = [match for tag in tags for match in matching(self.helper.languages, tag)]
        return self.helper.for_languages(list(dict.fromkeys(found))[:_MAX_AT_ONCE]) if found else None

    def helper_languages(self, script: str) -> list[str]:
        """Return what the helper reads in a script: its model of the script, or the languages in it."""
        return matching(self.helper.languages, script) if self.helper else []

    def detect_script(self, image: Image) -> str | None:
        """Return the script of the text in an image, or None if nothing here can detect it."""
        return self.helper.detect_script(image) if self.helper else None

    def unreadable(self, tags: Sequence[str]) -> list[str]:
        """Return those of these languages that no engine here reads; none if the default engine does not say."""
        return unread(self.languages, tags) if isinstance(self.default, ReadsLanguages) else []

    @property
    def key(self) -> str:
        """The name, version and model of the helper, for the key of the page cache; empty without a helper."""
        return f"{self.helper.name} {self.helper.version} {self.helper.model}" if self.helper else ""
