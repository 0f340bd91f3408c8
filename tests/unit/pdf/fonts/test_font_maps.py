"""Fonts are judged by their dictionaries: a map to Unicode, a standard encoding, or glyph names with a meaning."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name

from slimgest_celery.pdf.fonts.font_maps import FontMaps, is_valid

CMAP = b"1 begincodespacerange <00> <FF> endcodespacerange\n%s"


def _differences(*names: str) -> Dictionary:
    return Dictionary(Differences=Array([33, *(Name(f"/{name}") for name in names)]))


def _embedded(pdf: pikepdf.Pdf, flags: int = 4, program: bytes = b"") -> Dictionary:
    descriptor = Dictionary(Type=Name.FontDescriptor, Flags=flags)
    if program:
        descriptor.FontFile = pdf.make_stream(program, Length1=len(program))
    return descriptor


def _font(**entries: Any) -> Dictionary:
    return Dictionary(Type=Name.Font, **entries)


def _with_map(pdf: pikepdf.Pdf, entries: bytes) -> Dictionary:
    return _font(Subtype=Name.TrueType, BaseFont=Name("/ABCDEF+Any"), ToUnicode=pdf.make_stream(CMAP % entries))


VALID: dict[str, Callable[[pikepdf.Pdf], Dictionary]] = {
    "standard font": lambda pdf: _font(Subtype=Name.Type1, BaseFont=Name.Courier),
    "standard encoding": lambda pdf: _font(
        Subtype=Name.TrueType, Encoding=Name.WinAnsiEncoding, FontDescriptor=_embedded(pdf, flags=32)
    ),
    "glyph names": lambda pdf: _font(
        Subtype=Name.Type1, Encoding=_differences("A", "seven", "arrowright", "uni0416"), FontDescriptor=_embedded(pdf)
    ),
    "names in the program": lambda pdf: _font(
        Subtype=Name.Type1,
        FontDescriptor=_embedded(pdf, program=b"/Encoding 256 array\ndup 49 /one put\ndup 65 /A put\nreadonly def"),
    ),
    "map": lambda pdf: _with_map(pdf, b"2 beginbfchar <21> <0041> <22> <0042> endbfchar"),
    "map of ranges": lambda pdf: _with_map(pdf, b"1 beginbfrange <21> <3A> <0041> endbfrange"),
    "Japanese collection": lambda pdf: _font(
        Subtype=Name.Type0,
        DescendantFonts=Array([Dictionary(CIDSystemInfo=Dictionary(Ordering=pikepdf.String("Japan1")))]),
    ),
}
INVALID: dict[str, Callable[[pikepdf.Pdf], Dictionary]] = {
    "made-up names": lambda pdf: _font(
        Subtype=Name.Type3, Encoding=_differences("g1", "G02", "cid17", "c0F", "glyph12", "a33")
    ),
    "no encoding": lambda pdf: _font(Subtype=Name.TrueType, FontDescriptor=_embedded(pdf)),
    "private use": lambda pdf: _with_map(pdf, b"2 beginbfchar <21> <E041> <22> <E042> endbfchar"),
    "all codes to one letter": lambda pdf: _with_map(
        pdf, b"5 beginbfchar <21> <0066> <22> <0066> <23> <0066> <24> <0066> <25> <0066> endbfchar"
    ),
    "letters mapped to signs": lambda pdf: _font(
        Subtype=Name.Type1,
        BaseFont=Name("/Times-Roman"),
        Encoding=Name.WinAnsiEncoding,
        ToUnicode=pdf.make_stream(CMAP % b"2 beginbfchar <61> <003F> <62> <0021> endbfchar"),
    ),
    "empty map": lambda pdf: _with_map(pdf, b""),
    "identity without a map": lambda pdf: _font(
        Subtype=Name.Type0,
        DescendantFonts=Array([Dictionary(CIDSystemInfo=Dictionary(Ordering=pikepdf.String("Identity")))]),
    ),
}


@pytest.mark.parametrize("kind", VALID)
def test_a_font_with_a_map_an_encoding_or_names_is_valid(kind: str) -> None:
    with pikepdf.new() as pdf:
        assert is_valid(VALID[kind](pdf))


@pytest.mark.parametrize("kind", INVALID)
def test_a_font_whose_codes_may_mean_anything_is_invalid(kind: str) -> None:
    with pikepdf.new() as pdf:
        assert not is_valid(INVALID[kind](pdf))


def _saved(folder: Path, *, fonts: dict[str, str], in_form: bool = False) -> Path:
    with pikepdf.new() as pdf:
        made = {name: pdf.make_indirect((VALID | INVALID)[kind](pdf)) for name, kind in fonts.items()}
        resources = Dictionary(Font=Dictionary(made))
        for _ in range(2):
            page = pdf.add_blank_page()
            if in_form:
                form = pdf.make_stream(b"", Type=Name.XObject, Subtype=Name.Form, Resources=resources)
                page.obj.Resources = Dictionary(XObject=Dictionary(Fm0=form))
            else:
                page.obj.Resources = resources
        pdf.save(folder / "fonts.pdf")
    return folder / "fonts.pdf"


@pytest.mark.parametrize("in_form", [False, True], ids=["page", "form"])
def test_a_font_has_one_id_on_all_pages_and_in_forms(tmp_path: Path, in_form: bool) -> None:
    path = _saved(tmp_path, fonts={"/F1": "standard font", "/F2": "made-up names"}, in_form=in_form)
    maps = FontMaps(path)
    first, second = maps.of_page(1), maps.of_page(2)
    maps.close()
    assert first is not None and sorted(first.values()) == [False, True]
    assert first == second


def test_what_qpdf_cannot_read_is_not_judged(tmp_path: Path) -> None:
    path = tmp_path / "broken.pdf"
    path.write_bytes(io.BytesIO(b"%PDF-1.4 and nothing else").getvalue())
    assert FontMaps(path).of_page(1) is None
    assert FontMaps(_saved(tmp_path, fonts={"/F1": "map"})).of_page(99) is None
