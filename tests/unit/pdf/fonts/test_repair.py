"""Text in fonts with wrong or missing maps is repaired from glyph names and embedded fonts, without OCR."""

from __future__ import annotations

import errno
from contextlib import closing
from pathlib import Path

import pikepdf
import pytest

from slimgest_celery.pdf.document import open_pdf
from slimgest_celery.pdf.fonts.font_maps import FontMaps
from tests.support.font_pdfs import glyphs_of, to_unicode, with_glyphs, with_names

LETTERS = {code: chr(code) for code in range(97, 123)}
WORDS = "Shifted letters"


def _identity(text: str) -> dict[int, str]:
    return dict(zip(glyphs_of(text), text, strict=True))


CASES = {
    "ligatures at control codes": (with_names(b"e\x1ecient \x1fgure", {30: "f_f_i", 31: "f_i"}), "efficient figure"),
    "variants of letters": (with_names(b"a\x01\x02", {1: "Bsmall", 2: "threeoldstyle"}), "aB3"),
    "names of AFP": (
        with_names(b"\x81\x82\x83\xf1", {129: "LW010000", 130: "LW020000", 131: "LE110000", 241: "ND010000"}),
        "wWé1",
    ),
    "ligatures mapped to one letter": (
        with_names(b"a \x1fnal line in o\x1ece", {30: "fl", 31: "fi"}, LETTERS | {30: "l", 31: "i", 32: " "}),
        "a final line in oflce",
    ),
    "private use": (
        with_names(b"abc\x01\x02", {1: "d", 2: "e"}, LETTERS | {1: "\uf764", 2: "\uf765"}),
        "abcde",
    ),
    "many codes mapped to one letter": (
        with_names(b"\x01\x02\x03\x04\x05\x04\x01\x02", dict(enumerate("words", 1)), dict.fromkeys(range(1, 6), "f")),
        "wordsdwo",
    ),
    "glyphs without a map": (with_glyphs(WORDS), WORDS),
    "glyphs in the order of ASCII, without a map and names": (
        with_glyphs("Quick brown foxes jump où été", has_cmap=False),
        "Quick brown foxes jump où été",
    ),
    "a map with gaps": (with_glyphs(WORDS, to_unicode({**_identity("Shfed")}, 2)), WORDS),
    "a map with a wrong count, which PDFium ignores": (
        with_glyphs(WORDS, to_unicode(_identity(WORDS), 2, count=3)),
        WORDS,
    ),
}


def _read(folder: Path, pdf: bytes) -> str:
    path = folder / "fonts.pdf"
    path.write_bytes(pdf)
    opened = open_pdf(path)
    with opened.page(1) as page:
        text = " ".join(line.text for line in page.text_lines())
    opened.close()
    return text


@pytest.mark.parametrize("kind", CASES)
def test_a_font_with_errors_is_repaired(tmp_path: Path, kind: str) -> None:
    pdf, text = CASES[kind]
    assert _read(tmp_path, pdf) == text


def test_fonts_are_repaired_once_there_is_space_for_the_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The PDF stays open between tasks, so the task that is tried again finds its fonts repaired, but not the copy."""
    path = tmp_path / "fonts.pdf"
    path.write_bytes(with_glyphs(WORDS))

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with closing(open_pdf(path)) as opened:
        with monkeypatch.context() as patched, opened.page(1) as page:
            patched.setattr(pikepdf.Pdf, "save", full)
            for _ in range(2):
                with pytest.raises(OSError, match="No space"):
                    page.text_lines()
        with opened.page(1) as page:
            assert [line.text for line in page.text_lines()] == [WORDS]


def test_a_map_without_errors_is_kept_even_if_the_font_has_other_characters(tmp_path: Path) -> None:
    meaning = dict(zip(glyphs_of(WORDS), "XYZXYZXYZXYZXYZ", strict=True))
    assert _read(tmp_path, with_glyphs(WORDS, to_unicode(meaning, 2))) == "".join(
        meaning[glyph] for glyph in glyphs_of(WORDS)
    )


@pytest.mark.parametrize("has_gaps", [False, True])
def test_codes_without_a_map_are_repaired_only_if_they_are_used(tmp_path: Path, has_gaps: bool) -> None:
    path = tmp_path / "fonts.pdf"
    path.write_bytes(CASES["a map with gaps"][0])
    maps = FontMaps(path)
    assert maps.save_repaired(1, tmp_path / "repaired.pdf", has_gaps=has_gaps) == has_gaps
    maps.close()
