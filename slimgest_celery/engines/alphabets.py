"""The languages that an engine reads, by the characters that its model knows."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from importlib.resources import files
from typing import Any

from slimgest_celery.languages import to_tag

_MIN_COVERAGE = 0.97  # of a language's letters: German without the capital ẞ, but not Greek without accents
_TWO_LETTERS = re.compile(r"[a-z]{2}_\w+\.textproto$")
_LETTERS = re.compile(r"\{(.+?)\}|\S")  # a letter of several characters is in braces


def _languages() -> Iterator[Any]:
    """Yield the languages with a two-letter code that Google Fonts describes.

    `gflanguages.LoadLanguages` reads those with three letters too, 1,700 in all: half a second for each worker.
    """
    import gflanguages

    for file in files("gflanguages.data").joinpath("languages").iterdir():
        if _TWO_LETTERS.match(file.name):
            yield gflanguages.text_format.Parse(file.read_text(encoding="utf-8"), gflanguages.LanguageProto())


def languages_of(characters: Collection[str]) -> frozenset[str]:
    """Return the tags of the languages with a two-letter code whose usual letters are all among these characters."""
    known = {character for text in characters for character in text}
    found = set()
    for language in _languages():
        letters = [match[1] or match[0] for match in _LETTERS.finditer(language.exemplar_chars.base)]
        if not letters:
            continue
        covered = sum(known.issuperset(letter) for letter in letters)
        if covered >= _MIN_COVERAGE * len(letters):
            found.add(to_tag(f"{language.language}-{language.script}"))
    return frozenset(found)
