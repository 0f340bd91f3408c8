"""Embedded font programs: the glyphs of codes, and the characters that the program itself gives its glyphs.

For limited worker children only: fontTools parses the program.
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fontTools.cffLib import CFFFontSet
from fontTools.encodings.StandardEncoding import StandardEncoding
from fontTools.ttLib import TTFont, TTLibError

from slimgest_celery.pdf.fonts.glyph_names import characters_of

FONT_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    NotImplementedError,
    RecursionError,
    TTLibError,
    TypeError,
    ValueError,
    struct.error,
)
_MAX_BYTES = 16 << 20
_MAX_GLYPHS = 1 << 16
_SYMBOL_BLOCK = 0xF000  # symbolic fonts have their codes here, in a table (3, 0)
_PRIVATE = range(0xE000, 0xF900)
_UNICODE_TABLES = ((3, 10), (3, 1), (0, 4), (0, 3), (0, 6), (0, 2), (0, 1), (0, 0))
_ENCODED_GLYPH = re.compile(rb"dup\s+(\d+)\s*/([^\s/]+)\s+put")
_CID_NAME = re.compile(r"cid(\d+)")


@dataclass(frozen=True, kw_only=True)
class FontProgram:
    """The glyphs, names and characters of an embedded font program."""

    names: Mapping[int, str] = field(default_factory=dict)  # by code: its own encoding (Type 1 and CFF)
    glyphs: Mapping[int, int] = field(default_factory=dict)  # by code: the tables (1, 0) and (3, 0) of TrueType
    glyphs_of_cids: Mapping[int, int] | None = None  # of CFF with CIDs; None: a CID is the number of its glyph
    characters: Mapping[int, str] = field(default_factory=dict)  # by number of the glyph
    has_mac_table: bool = False

    def default(self, code: int) -> str:
        """Return the text that PDFium gives for a code of a TrueType font without an encoding."""
        return bytes([code & 0xFF]).decode("mac_roman") if self.has_mac_table else chr(code)


def read_program(descriptor: Any) -> FontProgram:
    """Read the program of a font descriptor; an empty one if there is none, or it cannot be read."""
    for key, read in (("/FontFile2", _read_sfnt), ("/FontFile3", _read_font_file_3), ("/FontFile", _read_type1)):
        if descriptor is not None and key in descriptor:
            data = bytes(descriptor[key].read_bytes())
            try:
                return read(data) if len(data) <= _MAX_BYTES else FontProgram()
            except FONT_ERRORS:
                return FontProgram()
    return FontProgram()


def _read_font_file_3(data: bytes) -> FontProgram:
    return _read_sfnt(data) if data[:4] in (b"OTTO", b"\0\1\0\0", b"true", b"ttcf") else _read_cff(data)


def _read_type1(data: bytes) -> FontProgram:
    clear_text = data.split(b"eexec", 1)[0]
    if b"StandardEncoding def" in clear_text:
        return FontProgram(names=_standard_names())
    return FontProgram(names={int(code): name.decode("latin-1") for code, name in _ENCODED_GLYPH.findall(clear_text)})


def _standard_names() -> dict[int, str]:
    return {code: name for code, name in enumerate(StandardEncoding) if name != ".notdef"}


def _read_cff(data: bytes) -> FontProgram:
    fonts = CFFFontSet()
    fonts.decompile(io.BytesIO(data), None)
    top = fonts[0]
    if hasattr(top, "ROS"):
        cids = {int(match[1]): glyph for glyph, name in enumerate(top.charset) if (match := _CID_NAME.fullmatch(name))}
        return FontProgram(glyphs_of_cids=cids)
    encoding = top.Encoding
    names = (
        _standard_names()
        if encoding == "StandardEncoding"
        else {code: name for code, name in enumerate(encoding) if name != ".notdef"}
        if isinstance(encoding, list)
        else {}
    )
    return FontProgram(names=names, characters=_by_name(top.charset))


def _by_name(names: list[str]) -> dict[int, str]:
    return {glyph: text for glyph, name in enumerate(names) if (text := characters_of(name))}


def _read_sfnt(data: bytes) -> FontProgram:
    font = TTFont(io.BytesIO(data), lazy=True, fontNumber=0)
    if "CFF " in font and "cmap" not in font:
        return _read_cff(font.reader["CFF "])
    # Without this, fontTools would read the names of the glyphs first, which are often damaged in a subset.
    font.setGlyphOrder([str(glyph) for glyph in range(_MAX_GLYPHS)])
    tables = {
        (table.platformID, table.platEncID): {code: int(glyph) for code, glyph in table.cmap.items()}
        for table in (font["cmap"].tables if "cmap" in font else ())
    }
    glyphs: dict[int, int] = {}
    for kind in ((1, 0), (3, 0)):
        glyphs |= {
            code & 0xFF if code >= _SYMBOL_BLOCK else code: glyph for code, glyph in tables.get(kind, {}).items()
        }
    by_character: dict[str, int] = {}
    for kind in _UNICODE_TABLES:
        by_character = {chr(code): glyph for code, glyph in tables.get(kind, {}).items()} | by_character
    characters = _by_name(_post_names(font))
    own_names = dict(characters)
    for character, glyph in sorted(by_character.items(), reverse=True):
        # Several characters may have one glyph: then the glyph's name decides, or the first of them.
        if by_character.get(own_names.get(glyph, "")) != glyph and ord(character) not in _PRIVATE:
            characters[glyph] = character
    return FontProgram(glyphs=glyphs, characters=characters, has_mac_table=(1, 0) in tables)


def _post_names(font: TTFont) -> list[str]:
    """Return the names of the glyphs, if the program has them."""
    try:
        post = font["post"]
        return list(post.getGlyphOrder()) if post.formatType == 2.0 else []
    except FONT_ERRORS:
        return []
