"""The fonts of a PDF, and whether their dictionaries map character codes to the right characters.

Text that looks unlike any language is usually correct in manuals: code, formulas, tables of numbers. Whether it can be
trusted is a property of its fonts (PDF 32000-1:2008, 9.10.2): a map to Unicode, a standard encoding, or glyph names
that mean something. A font without any of these may show anything under its codes.

For limited worker children only: qpdf parses the PDF.
"""

from __future__ import annotations

import hashlib
import re
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pikepdf

from slimgest_celery.pdf.fingerprint import QPDF_ERRORS
from slimgest_celery.pdf.fonts import cmaps
from slimgest_celery.pdf.fonts.font_program import read_program
from slimgest_celery.pdf.fonts.repair import find_repair
from slimgest_celery.process_limits import is_out_of_space

_STANDARD_ENCODINGS = ("/WinAnsiEncoding", "/MacRomanEncoding", "/StandardEncoding", "/MacExpertEncoding")
_STANDARD_FONTS = re.compile(r"/(Helvetica|Arial|Times|TimesNewRoman|Courier|CourierNew|Symbol|ZapfDingbats)\b")
_CJK_COLLECTIONS = ("Japan1", "GB1", "CNS1", "Korea1", "KR")
_SYMBOLIC = 4  # a bit of a font descriptor's /Flags
# Names that programs make up for the glyphs of a subset: they say nothing about the character.
_MADE_UP_NAME = re.compile(r"/(?:[A-Za-z]{0,2}|cid|glyph|index|char|gid|sub)[_.-]?(?=\D*\d)[0-9A-Fa-f]+|/\.notdef")
_UNICODE_NAME = re.compile(r"/(?:uni(?:[0-9A-F]{4})+|u[0-9A-F]{4,6})(?:\..*)?")
_ENCODED_GLYPH = re.compile(rb"dup\s+\d+\s*(/[^\s/]+)\s+put")
_IMPLAUSIBLE = re.compile("[\ufffd\ue000-\uf8ff\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_IMPLAUSIBLE_SHARE = 0.05  # of the entries of a map
_SAME_CHARACTER_SHARE = 0.2
_OTHER_LETTERS_SHARE = 0.2  # of the letters of a standard encoding
_MAX_PAGES_TO_REPAIR = 300  # whose fonts are repaired in the first copy
_MAX_NESTING = 4  # of forms within forms


class FontMaps:
    """The fonts of one PDF. The PDF is opened when a font is first needed, and each font is judged once."""

    def __init__(self, path: Path, password: str | None = None) -> None:
        self._path = path
        self._password = password
        self._pdf: pikepdf.Pdf | None = None
        self._is_valid: dict[str, bool] = {}
        self._examined: set[tuple[str, bool]] = set()  # the fonts that are repaired if they can be; True: also gaps
        self._is_unsaved = False  # fonts are repaired, and there was no space for the copy

    def of_page(self, page_number: int) -> dict[str, bool] | None:
        """Return the ids of the page's fonts, and for each if its map is valid; None if qpdf cannot read the page.

        An id is stable within the PDF: the number of the font's object, or a hash of a font without a number.
        """
        try:
            fonts = self._fonts_of(page_number)
            for font_id, font in fonts.items():
                if font_id not in self._is_valid:
                    self._is_valid[font_id] = is_valid(font)
        except QPDF_ERRORS:
            return None
        return {font_id: self._is_valid[font_id] for font_id in fonts}

    def save_repaired(self, page_number: int, path: Path, *, has_gaps: bool) -> bool:
        """Save a copy of the PDF with repaired fonts; False if the fonts of this page have nothing more to repair.

        The copy is not encrypted. `has_gaps`: characters of the page have no map.
        """
        try:
            if not self._repair(page_number, has_gaps) and not self._is_unsaved:
                return False
            pdf = self._opened()
            for number in range(1, min(len(pdf.pages), _MAX_PAGES_TO_REPAIR) + 1):  # one copy is enough for most PDFs
                self._repair(number, has_gaps)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about damaged forms
                pdf.save(path, compress_streams=False, stream_decode_level=pikepdf.StreamDecodeLevel.none)
        except QPDF_ERRORS as error:
            self._is_unsaved = is_out_of_space(error)
            if self._is_unsaved:  # the PDF is not to blame: its letters would silently stay wrong
                raise
            return False
        self._is_unsaved = False
        return True

    def _repair(self, page_number: int, has_gaps: bool) -> bool:
        """Repair the fonts of a page in the opened PDF; return True if a font has changed."""
        changed = False
        for font_id, font in self._fonts_of(page_number).items():
            if {(font_id, has_gaps), (font_id, True)} & self._examined:
                continue
            self._examined.add((font_id, has_gaps))
            if characters := _find_repair(font, has_gaps):
                code_bytes = 2 if font.get("/Subtype") == "/Type0" else 1
                font.ToUnicode = self._opened().make_stream(cmaps.write_to_unicode(characters, code_bytes))
                self._is_valid.pop(font_id, None)
                changed = True
        return changed

    def _fonts_of(self, page_number: int) -> dict[str, Any]:
        resources = self._opened().pages[page_number - 1].obj.get("/Resources", None)
        return dict(_fonts(resources, 0)) if resources is not None else {}

    def _opened(self) -> pikepdf.Pdf:
        if self._pdf is None:
            self._pdf = pikepdf.open(self._path, password=self._password or "", suppress_warnings=True)
        return self._pdf

    def close(self) -> None:
        if self._pdf is not None:
            self._pdf.close()
            self._pdf = None


def _find_repair(font: Any, has_gaps: bool) -> dict[int, str] | None:
    try:
        return find_repair(font, has_gaps=has_gaps)
    except QPDF_ERRORS:  # a damaged font; the others may be repaired
        return None


def is_valid(font: Any) -> bool:
    """Return True if a font's dictionary maps its codes to characters in a plausible way."""
    if "/ToUnicode" in font:
        return _is_plausible_map(font["/ToUnicode"]) and not _contradicts_encoding(font)
    if font.get("/Subtype") == "/Type0":
        return _is_known_collection(font)
    return _has_meaningful_encoding(font)


def _fonts(resources: Any, depth: int) -> Iterator[tuple[str, Any]]:
    """Yield the ids and dictionaries of all fonts, those of forms included."""
    for font in dict(resources.get("/Font", {})).values():
        number, generation = font.objgen
        yield (f"{number}.{generation}" if number else hashlib.sha256(font.unparse()).hexdigest()[:16]), font
    if depth >= _MAX_NESTING:
        return
    for form in dict(resources.get("/XObject", {})).values():
        if form.get("/Subtype") == "/Form" and "/Resources" in form:
            yield from _fonts(form["/Resources"], depth + 1)


def _is_plausible_map(to_unicode: Any) -> bool:
    if not isinstance(to_unicode, pikepdf.Stream):
        return to_unicode in ("/Identity-H", "/Identity-V")
    entries = cmaps.read_to_unicode(to_unicode.read_bytes()).items()
    # Some programs map the control codes that they do not use to themselves, or to 0.
    characters = [
        character for code, character in entries if character != "\0" and (code >= 32 or character != chr(code))
    ]
    if not characters:
        return False
    implausible = sum(not character or bool(_IMPLAUSIBLE.search(character)) for character in characters)
    if implausible > _IMPLAUSIBLE_SHARE * len(characters):
        return False
    most_common, count = Counter(characters).most_common(1)[0]
    return count < 4 or count < _SAME_CHARACTER_SHARE * len(characters) or most_common.isspace()


def _contradicts_encoding(font: Any) -> bool:
    """Return True if a simple font has a standard encoding, and its map gives other characters for the letters."""
    is_standard = str(font.get("/Encoding", "")) in _STANDARD_ENCODINGS or _is_standard_font(font)
    if not is_standard or not isinstance(font["/ToUnicode"], pikepdf.Stream):
        return False
    entries = cmaps.read_to_unicode(font["/ToUnicode"].read_bytes())
    letters = [(chr(code), character) for code, character in entries.items() if code < 128 and chr(code).isalpha()]
    others = sum(letter != character for letter, character in letters)
    return others > _OTHER_LETTERS_SHARE * len(letters)


def _is_standard_font(font: Any) -> bool:
    return "/FontDescriptor" not in font and bool(_STANDARD_FONTS.match(str(font.get("/BaseFont", ""))))


def _is_known_collection(font: Any) -> bool:
    """Return True if a composite font without a map uses a character collection that PDFium can map."""
    descendant = font["/DescendantFonts"][0]
    ordering = str(descendant.get("/CIDSystemInfo", {}).get("/Ordering", ""))
    return ordering in _CJK_COLLECTIONS


def _has_meaningful_encoding(font: Any) -> bool:
    encoding = font.get("/Encoding", None)
    descriptor = font.get("/FontDescriptor", None)
    if isinstance(encoding, pikepdf.Dictionary) and "/Differences" in encoding:
        return _are_meaningful([str(item) for item in encoding["/Differences"] if isinstance(item, pikepdf.Name)])
    if descriptor is None:
        return _is_standard_font(font)
    is_symbolic = bool(int(descriptor.get("/Flags", 0)) & _SYMBOLIC)
    if str(encoding) in _STANDARD_ENCODINGS:
        return not is_symbolic or font.get("/Subtype") == "/Type1"
    if "/FontFile" in descriptor:  # Type 1: the encoding is in the program's clear text
        program = descriptor["/FontFile"].read_bytes()[: int(descriptor["/FontFile"].get("/Length1", 0))]
        if b"StandardEncoding def" in program:
            return True
        return _are_meaningful([glyph.decode("latin-1") for glyph in _ENCODED_GLYPH.findall(program)])
    if "/FontFile3" in descriptor:
        return _are_meaningful([f"/{name}" for name in read_program(descriptor).names.values()])
    return False


def _are_meaningful(names: list[str]) -> bool:
    """Return True if most glyph names mean known characters, and were not made up."""
    made_up = sum(bool(_MADE_UP_NAME.fullmatch(name)) and not _UNICODE_NAME.fullmatch(name) for name in names)
    single = sum(len(name) == 2 for name in names)  # `/A`, `/7`
    return bool(names) and made_up - single <= 0.1 * len(names)
