"""The language and the script of a text, with the real model."""

from __future__ import annotations

import pytest

from slimgest_celery.reading.languages.identification import TextLanguage, identify


@pytest.mark.parametrize(
    ("text", "tag", "script"),
    [
        ("All human beings are born free and equal in dignity and rights.", "en", "Latn"),
        ("Alle Menschen sind frei und gleich an Würde und Rechten geboren.", "de", "Latn"),
        ("Все люди рождаются свободными и равными в своем достоинстве.", "ru", "Cyrl"),
        ("يولد جميع الناس أحرارا متساوين في الكرامة والحقوق.", "ar", "Arab"),
        ("すべての人間は、生れながらにして自由であり、かつ、尊厳と権利とについて平等である。", "ja", "Jpan"),
        ("모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다.", "ko", "Kore"),
        ("人人生而自由,在尊严和权利上一律平等。他们赋有理性和良心。", "zh-Hans", "Hans"),
        ("Total 3,50 EUR", None, "Latn"),  # too short for a language
        ("12.5 / 7 = 3 §", None, None),
        ("", None, None),
    ],
)
def test_the_language_and_script_of_a_text_are_known_if_it_is_long_enough(
    text: str, tag: str | None, script: str | None
) -> None:
    assert identify(text) == TextLanguage(tag=tag, script=script)


def test_a_few_signs_of_another_script_do_not_make_the_language_of_it() -> None:
    found = identify(
        "α β γ " + "The angles of a triangle add up to two right angles, as everyone learns at school. " * 2
    )
    assert found == TextLanguage(tag="en", script="Latn")
