"""Codes that are lower than their characters by a constant are recognised by the widths of their glyphs."""

from __future__ import annotations

import random

import pytest

from slimgest_celery.pdf.fonts.shifted_codes import shifted_characters
from tests.support.font_pdfs import glyph_widths

ASCII = {character: glyph_widths()[chr(character)] for character in range(32, 127)}


@pytest.mark.parametrize("shift", [28, 29, 31])
def test_the_shift_is_found(shift: int) -> None:
    found = shifted_characters({character - shift: width for character, width in ASCII.items()})
    assert {code + shift: text for code, text in found.items() if code + shift in ASCII} == {
        character: chr(character) for character in ASCII
    }


def test_accents_are_found_if_letters_with_them_are_as_wide_as_without() -> None:
    widths = {character - 29: width for character, width in ASCII.items()}
    right = widths | {112: ASCII[ord("e")], 121: ASCII[ord("o")]}
    assert shifted_characters(right)[112] == "é"
    assert 112 not in shifted_characters(widths | {112: ASCII[ord("i")], 121: ASCII[ord("m")]})


def test_cyrillic_letters_of_the_core_fonts_of_windows_are_found() -> None:
    widths = {character - 29: width for character, width in ASCII.items()}
    assert shifted_characters(widths, "/ABCDEF+ArialMT")[570 + 32] == "а"


@pytest.mark.parametrize("seed", range(5))
def test_glyphs_in_any_other_order_have_no_shift(seed: int) -> None:
    shuffled = list(ASCII.values())
    random.Random(seed).shuffle(shuffled)
    assert shifted_characters(dict(enumerate(shuffled, 3))) == {}


def test_a_monospaced_font_and_a_few_letters_are_no_evidence() -> None:
    assert shifted_characters({character - 29: 600.0 for character in ASCII}) == {}
    assert shifted_characters({character - 29: ASCII[character] for character in range(65, 72)}) == {}
