"""The language and the script of a text."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from fontTools.unicodedata import script

from slimgest_celery.languages import script_of, to_tag

_MAX_LENGTH = 160  # characters: enough for the language, in less than 0.1 ms
_MIN_LETTERS = 20  # of Latin letters; fewer do not show the language
_MIN_PROBABILITY = 0.8
_NO_LETTERS = re.compile(r"[\W\d_]+")
_UNUSED = ("Zyyy", "Zinh", "Zzzz")
_JAPANESE = ("Hira", "Kana")


@dataclass(frozen=True, kw_only=True)
class TextLanguage:
    """The language and the script of most of a text; None if the text is too short to decide."""

    tag: str | None = None
    script: str | None = None  # as in ISO 15924


def identify(text: str) -> TextLanguage:
    """Return the language and the script of a text, by its beginning."""
    words = _NO_LETTERS.sub(" ", text[: 2 * _MAX_LENGTH]).strip()[:_MAX_LENGTH]
    if not words:
        return TextLanguage()
    main = "Latn" if words.isascii() else _main_script(words)
    if len(words) < _MIN_LETTERS and main == "Latn":
        return TextLanguage(script=main)
    code, probability = _identifier().classify(words)
    try:
        tag = to_tag(code) if probability >= _MIN_PROBABILITY else None
    except ValueError:  # zxx: no language
        tag = None
    if tag and main in ("Hans", "Jpan", "Kore"):
        main = script_of(tag) if script_of(tag) in ("Hans", "Hant", "Jpan", "Kore") else main
    elif tag and script_of(tag) != main:  # a few foreign words, or signs
        tag = None
    return TextLanguage(tag=tag, script=main)


@lru_cache(4096)
def _script(character: str) -> str:
    return str(script(character))


def _main_script(words: str) -> str | None:
    counts = Counter(map(_script, words))
    for code in _UNUSED:
        counts.pop(code, None)
    if any(counts[code] for code in _JAPANESE):
        counts["Jpan"] = sum(counts.pop(code, 0) for code in (*_JAPANESE, "Hani"))
    for part, whole in (("Hang", "Kore"), ("Hani", "Hans")):
        if part in counts:
            counts[whole] = counts.pop(part)
    return counts.most_common(1)[0][0] if counts else None


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # 80 MB, loaded in 0.7 s

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    # Without dialects, which would share the probability of their languages.
    identifier.set_languages([code for code in identifier.labels if len(code) == 2])
    return identifier


def warm_up() -> None:
    """Load the model, so that the first page is as fast as the next."""
    _identifier()
