"""Names of languages and scripts: what a user writes, and the tag used for it here.

A tag is a language as in BCP 47, with its script only where the language is printed in more than one (`de`, `ru`,
`zh-Hans`), or a script as in ISO 15924 (`Cyrl`). `Cyrl` as a wish is any language in that script; in the list of what
an engine reads, it is a model of the whole script.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import lru_cache

from fontTools import unicodedata as scripts
from langcodes import Language
from langcodes.tag_parser import LanguageTagError

AUTO = "auto"
_ALIASES = {"chi_sim": "zh-Hans", "chi_tra": "zh-Hant", "zh": "zh-Hans", "chi": "zh-Hans", "zho": "zh-Hans"}
# Scripts that are mixtures or variants of those in Unicode.
_MIXED = {
    "japanese": "Jpan", "korean": "Kore", "hangul": "Kore", "hang": "Kore", "han": "Hans", "hani": "Hans",
    "hans": "Hans", "hant": "Hant", "jpan": "Jpan", "kore": "Kore", "simplified": "Hans", "traditional": "Hant",
}  # fmt: skip
_MIXED_NAMES = {"Jpan": "Japanese", "Kore": "Korean", "Hans": "Chinese (simplified)", "Hant": "Chinese (traditional)"}


def parse_tags(text: str) -> tuple[str, ...]:
    """Return the tags of a list such as `de,rus,Cyrillic`, without duplicates; empty for `auto`.

    Raises `ValueError` for an unknown name.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise ValueError("must be `auto`, or languages such as `de`, `deu` or `chi_sim`, separated by commas")
    if [name.lower() for name in names] == [AUTO]:
        return ()
    return tuple(dict.fromkeys(map(to_tag, names)))


@lru_cache(1000)
def to_tag(name: str) -> str:
    """Return the tag of a language (`de`, `deu`, `chi_sim`, `zh-Hans`) or a script (`Cyrillic`, `Cyrl`).

    Raises `ValueError` if there is no such language or script.
    """
    if tag := _ALIASES.get(name.lower()) or _script_tag(name):
        return tag
    try:
        language = Language.get(name.replace("_", "-"))
    except LanguageTagError:
        language = Language.make()
    if not language.is_valid() or not language.language or name.lower() in ("und", "mul", "zxx"):
        raise ValueError(f"{name!r} is no language or script; write, for example, `de`, `deu`, `chi_sim` or `Cyrillic`")
    if language.language == "zh":
        return "zh-Hant" if language.maximize().script == "Hant" else "zh-Hans"
    usual = Language.get(language.language).maximize().script
    return f"{language.language}-{language.script}" if language.script not in (None, usual) else language.language


def _script_tag(name: str) -> str | None:
    if tag := _MIXED.get(name.lower()):
        return tag
    if len(name) == 4 and scripts.script_name(name.title(), None):
        return name.title()
    code: str | None = scripts.script_code(name, None)
    return code


def is_script(tag: str) -> bool:
    return len(tag) == 4 and tag.istitle()


@lru_cache(1000)
def script_of(tag: str) -> str:
    """Return the script of a tag, as in ISO 15924."""
    return tag if is_script(tag) else (Language.get(tag).maximize().script or "Zyyy")


def script_name(script: str) -> str:
    """Return the English name of a script."""
    return _MIXED_NAMES.get(script) or str(scripts.script_name(script, script)).replace("_", " ")


def matching(available: Collection[str], wanted: str) -> list[str]:
    """Return what to read with, of the tags that an engine has, for a wanted tag; empty if it cannot read that.

    That is the language itself, or the model of its script; for a script its model, or all languages in it.
    """
    for tag in (wanted, script_of(wanted)):
        if tag in available:
            return [tag]
    return sorted(tag for tag in available if script_of(tag) == wanted) if is_script(wanted) else []


def unread(available: Collection[str], wanted: Iterable[str]) -> list[str]:
    """Return those of the wanted tags that cannot be read."""
    return [tag for tag in wanted if not matching(available, tag)]


def data_package(tag: str) -> str:
    """Return the Debian package of Tesseract's data for a tag."""
    if is_script(tag):
        return f"tesseract-ocr-script-{'hang' if tag == 'Kore' else tag.lower()}"
    if tag.startswith("zh"):
        return "tesseract-ocr-chi-tra" if tag == "zh-Hant" else "tesseract-ocr-chi-sim"
    return f"tesseract-ocr-{Language.get(tag).to_alpha3(variant='T')}"
