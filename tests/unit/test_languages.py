"""Names of languages and scripts become tags, and tags are matched with what an engine reads."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from slimgest_celery.languages import data_package, matching, parse_tags, script_name, script_of, to_tag, unread
from slimgest_celery.models.job import Options


@pytest.mark.parametrize(
    ("name", "tag", "script"),
    [
        ("de", "de", "Latn"),
        ("deu", "de", "Latn"),
        ("ger", "de", "Latn"),
        ("pt_BR", "pt", "Latn"),
        ("chi_sim", "zh-Hans", "Hans"),
        ("zh", "zh-Hans", "Hans"),
        ("zh-TW", "zh-Hant", "Hant"),
        ("sr", "sr", "Cyrl"),
        ("srp_latn", "sr-Latn", "Latn"),
        ("jpn", "ja", "Jpan"),
        ("Cyrillic", "Cyrl", "Cyrl"),
        ("latn", "Latn", "Latn"),
        ("Hangul", "Kore", "Kore"),
        ("HanT", "Hant", "Hant"),
    ],
)
def test_a_name_becomes_a_tag_with_a_script(name: str, tag: str, script: str) -> None:
    assert (to_tag(name), script_of(tag)) == (tag, script)


@pytest.mark.parametrize("name", ["english", "xx", "", "und", "zxx", "osd", "a b", "1", "de;ru", "d" * 200])
def test_an_unknown_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no language or script"):
        to_tag(name)


def test_a_list_is_parsed_once_each_and_auto_is_empty() -> None:
    assert parse_tags("de, deu,Cyrillic") == ("de", "Cyrl")
    assert parse_tags("Auto") == ()


@pytest.mark.parametrize(
    ("given", "stored"), [(None, None), ("auto", "auto"), ("deu, rus", "de,ru"), ("chi_sim", "zh-Hans")]
)
def test_the_languages_of_options_are_stored_as_tags(given: str | None, stored: str | None) -> None:
    assert Options(languages=given).languages == stored


@pytest.mark.parametrize("given", ["", ",", "auto,de", "klingon", "de," * 100])
def test_invalid_languages_are_refused(given: str) -> None:
    with pytest.raises(ValidationError):
        Options(languages=given)


@pytest.mark.parametrize(
    ("available", "wanted", "expected"),
    [
        ({"de", "ru"}, "ru", ["ru"]),
        ({"de", "ru"}, "uk", []),
        ({"Cyrl", "de"}, "uk", ["Cyrl"]),  # a model of the whole script
        ({"ru", "uk", "de"}, "Cyrl", ["ru", "uk"]),
        ({"ru", "Cyrl"}, "Cyrl", ["Cyrl"]),
        ({"ru"}, "Grek", []),
    ],
)
def test_a_wanted_tag_is_read_by_its_language_or_its_script(
    available: set[str], wanted: str, expected: list[str]
) -> None:
    assert matching(available, wanted) == expected
    assert unread(available, [wanted]) == ([] if expected else [wanted])


@pytest.mark.parametrize(
    ("tag", "package"),
    [("ru", "tesseract-ocr-rus"), ("zh-Hant", "tesseract-ocr-chi-tra"), ("Kore", "tesseract-ocr-script-hang"),
     ("Cyrl", "tesseract-ocr-script-cyrl")],
)  # fmt: skip
def test_the_package_to_install_is_named(tag: str, package: str) -> None:
    assert data_package(tag) == package


def test_scripts_have_names() -> None:
    assert [script_name(code) for code in ("Cyrl", "Jpan", "Hans")] == ["Cyrillic", "Japanese", "Chinese (simplified)"]
