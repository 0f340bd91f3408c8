"""The languages that an engine reads, by the characters that its model knows."""

from __future__ import annotations

import re
from collections.abc import Collection

from slimgest_celery.languages import to_tag

_MIN_COVERAGE = 0.97  # of a language's letters: German without the capital ẞ, but not Greek without accents
_LETTERS = re.compile(r"\{(.+?)\}|\S")  # a letter of several characters is in braces


def languages_of(characters: Collection[str]) -> frozenset[str]:
    """Return the tags of the languages with a two-letter code whose usual letters are all among these characters."""
    import gflanguages  # 0.5 s: the letters of 1,700 languages

    known = {character for text in characters for character in text}
    found = set()
    for language in gflanguages.LoadLanguages().values():
        letters = [match[1] or match[0] for match in _LETTERS.finditer(language.exemplar_chars.base)]
        if len(language.language) != 2 or not letters:
            continue
        covered = sum(known.issuperset(letter) for letter in letters)
        if covered >= _MIN_COVERAGE * len(letters):
            found.add(to_tag(f"{language.language}-{language.script}"))
    return frozenset(found)
