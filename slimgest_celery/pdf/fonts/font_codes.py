"""The character codes of a font: those in use, and what its glyph names and its embedded program say about them.

For limited worker children only: qpdf and fontTools parse parts of the PDF.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, cached_property
from typing import Any, Protocol

import pikepdf
from fontTools.encodings.StandardEncoding import StandardEncoding

from slimgest_celery.pdf.fonts import cmaps
from slimgest_celery.pdf.fonts.font_program import FontProgram, read_program
from slimgest_celery.pdf.fonts.glyph_names import characters_of, plain_character_of
from slimgest_celery.pdf.fonts.shifted_codes import shifted_characters

_SYMBOLIC = 4  # a bit of a font descriptor's /Flags
_MAX_CODES = 1 << 16
_BASE_CODECS = {"/WinAnsiEncoding": "cp1252", "/MacRomanEncoding": "mac_roman"}


class FontCodes(Protocol):
    """The codes of one font."""

    @property
    def used(self) -> frozenset[int]:
        """The codes that text may use: those with a width."""
        ...

    def has_plain_name(self, code: int) -> bool:
        """Return True if PDFium finds the right character of a code without ToUnicode and without the program."""
        ...

    def default(self, code: int) -> str:
        """Return the text that PDFium gives for a code that is not in ToUnicode."""
        ...

    def evidence(self) -> dict[int, str]:
        """Return the characters of the codes by glyph names and by the embedded program."""
        ...


def read_codes(font: Any, declared: Mapping[int, str]) -> FontCodes | None:
    """Return the codes of a font; None if they cannot be known. `declared` is its ToUnicode."""
    if font.get("/Subtype") != "/Type0":
        return _SimpleCodes(font, declared)
    encoding = font.get("/Encoding", None)
    if isinstance(encoding, pikepdf.Stream):
        return _CompositeCodes(font, cmaps.read_cids(encoding.read_bytes()))
    return _CompositeCodes(font, None) if encoding in ("/Identity-H", "/Identity-V") else None


class _SimpleCodes:
    """A font with codes of one byte."""

    def __init__(self, font: Any, declared: Mapping[int, str]) -> None:
        self._font = font
        self._descriptor = font.get("/FontDescriptor", None)
        self._base, self._names, self._has_base = _read_encoding(font)
        first = int(font.get("/FirstChar", 0))
        wide = {first + index for index, width in enumerate(font.get("/Widths", [])) if float(width)}
        self.used = frozenset(wide or set(self._names) | set(declared) | set(self._base))
        flags = int(self._descriptor.get("/Flags", 0)) if self._descriptor is not None else 0
        self._is_symbolic = bool(flags & _SYMBOLIC)
        self._is_type3 = font.get("/Subtype") == "/Type3"

    @cached_property
    def _program(self) -> FontProgram:
        return read_program(self._descriptor)

    @cached_property
    def _is_by_glyph(self) -> bool:
        """True if the program's tables select the glyphs, not the encoding."""
        is_truetype = self._font.get("/Subtype") == "/TrueType"
        return (
            is_truetype and bool(self._program.glyphs) and (self._is_symbolic or not self._has_base) and not self._names
        )

    def has_plain_name(self, code: int) -> bool:
        name = self._names.get(code)
        if name is not None:
            return characters_of(name) == (chr(code) if self._is_type3 else plain_character_of(name)) != ""
        return self._has_base and code in self._base and not self._is_symbolic

    def default(self, code: int) -> str:
        if self._is_by_glyph:
            return self._program.default(code)
        if self._is_type3:  # PDFium ignores the names of its glyphs
            return chr(code)
        return plain_character_of(self._name(code)) or self._base.get(code, "") or chr(code)

    def _name(self, code: int) -> str:
        return self._names.get(code) or ("" if code in self._base else self._program.names.get(code, ""))

    def evidence(self) -> dict[int, str]:
        found = {code: self._character(code) for code in self.used}
        return {code: text for code, text in found.items() if text}

    def _character(self, code: int) -> str:
        if self._is_by_glyph:
            return self._program.characters.get(self._program.glyphs.get(code, 0), "")
        return characters_of(self._name(code)) or self._base.get(code, "")


def _read_encoding(font: Any) -> tuple[dict[int, str], dict[int, str], bool]:
    """Return the characters of a font's base encoding, the names of codes that differ, and True if it has a base."""
    encoding = font.get("/Encoding", None)
    names: dict[int, str] = {}
    if isinstance(encoding, pikepdf.Dictionary):
        code = 0
        for item in encoding.get("/Differences", []):
            if isinstance(item, pikepdf.Name):
                names[code] = str(item)[1:]
                code += 1
            else:
                code = int(item)
        encoding = encoding.get("/BaseEncoding", None)
    base = _base_encoding(str(encoding or ""))
    is_embedded = any(key in font.get("/FontDescriptor", {}) for key in ("/FontFile", "/FontFile2", "/FontFile3"))
    if not base and not is_embedded and font.get("/Subtype") != "/Type3":
        base = _base_encoding("/StandardEncoding")
    return base, names, bool(base)


@cache
def _base_encoding(name: str) -> dict[int, str]:
    if name == "/StandardEncoding":
        return {code: text for code, glyph in enumerate(StandardEncoding) if (text := characters_of(glyph))}
    codec = _BASE_CODECS.get(name)
    decoded = ((code, bytes([code]).decode(codec, "ignore")) for code in range(32, 256)) if codec else ()
    return {code: text for code, text in decoded if text}


class _CompositeCodes:
    """A font with codes of several bytes, which give the CIDs of its descendant font."""

    def __init__(self, font: Any, cids: dict[int, int] | None) -> None:
        """`cids` are those of the codes; None if they are equal."""
        self._descendant = font["/DescendantFonts"][0]
        self._cids = cids
        self._widths = _read_widths(self._descendant)
        codes = self._widths if cids is None else {code for code, cid in cids.items() if cid in self._widths}
        self.used = frozenset(codes)

    def has_plain_name(self, code: int) -> bool:
        return False

    def default(self, code: int) -> str:
        return chr(code) if code < 0x110000 else ""

    def evidence(self) -> dict[int, str]:
        program = read_program(self._descendant.get("/FontDescriptor", None))
        if not program.characters:
            name = str(self._descendant.get("/BaseFont", ""))
            return shifted_characters(self._widths, name) if self._cids is None else {}
        to_glyph = self._descendant.get("/CIDToGIDMap", None)
        table = to_glyph.read_bytes() if isinstance(to_glyph, pikepdf.Stream) else None
        found: dict[int, str] = {}
        for code in self.used or range(_MAX_CODES):
            glyph = _glyph_of(self._cids[code] if self._cids else code, program, table)
            if text := program.characters.get(glyph, ""):
                found[code] = text
        return found


def _glyph_of(cid: int, program: FontProgram, table: bytes | None) -> int:
    if table is not None:
        return int.from_bytes(table[2 * cid : 2 * cid + 2], "big")
    return program.glyphs_of_cids.get(cid, 0) if program.glyphs_of_cids is not None else cid


def _read_widths(descendant: Any) -> dict[int, float]:
    """Return the widths by CID, without those that have the default width."""
    found: dict[int, float] = {}
    items = iter(descendant.get("/W", []))
    for first in items:
        following = next(items, None)
        if isinstance(following, pikepdf.Array):
            found.update(enumerate(map(float, following), int(first)))
        elif following is not None:
            width = float(next(items, 0))
            found.update(dict.fromkeys(range(int(first), min(int(following), _MAX_CODES) + 1), width))
    return found
