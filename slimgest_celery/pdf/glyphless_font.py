"""A font of empty glyphs. Text in this font is found, copied and marked in any script, and is never visible.

The font file, `glyphless.ttf`, is the same in every PDF. It is TrueType with one empty glyph, in the six tables that
ISO 32000, 9.9 requires of an embedded font: `glyf` and `loca` (empty), `head` (1000 units per em), `hhea`, `hmtx` and
`maxp`. It was written once with `struct.pack`; its widths and heights are the constants below.
Only the codes of the characters, and the map from codes back to Unicode, differ from PDF to PDF.
"""

from __future__ import annotations

from pathlib import Path

import pikepdf
from pikepdf import Array, Dictionary, Name

# In thousandths of the font's size. PDF viewers compute the box of a word from these.
WIDTH, ASCENT, DESCENT = 500, 800, -200
_FONT_FILE = Path(__file__).with_name("glyphless.ttf")
_NAME = Name("/SlimgestInvisible")
_MAX_CODE = 0xFFFF
_REPLACEMENT = "\ufffd"  # written for characters that come after the last code
_FIXED_AND_SYMBOLIC = 5
_CMAP_SECTION = 100  # entries: a section of a CMap must not have more


class GlyphlessFont:
    """The font in one PDF. Each different character gets a code of its own, so that it can be copied again."""

    def __init__(self, pdf: pikepdf.Pdf) -> None:
        self._pdf = pdf
        self._codes: dict[str, int] = {_REPLACEMENT: 1}
        self.object = pdf.make_indirect(Dictionary(Type=Name.Font, Subtype=Name.Type0, BaseFont=_NAME))

    def encode(self, text: str) -> bytes:
        """Return the text as a string of this font: two bytes for each character."""
        return b"".join(self._code(character).to_bytes(2, "big") for character in text)

    def _code(self, character: str) -> int:
        if character not in self._codes and len(self._codes) < _MAX_CODE:
            self._codes[character] = len(self._codes) + 1
        return self._codes.get(character, self._codes[_REPLACEMENT])

    def finish(self) -> None:
        """Complete the font after all text is written."""
        pdf, font = self._pdf, self.object
        descriptor = Dictionary(
            Type=Name.FontDescriptor,
            FontName=_NAME,
            Flags=_FIXED_AND_SYMBOLIC,
            FontBBox=Array([0, DESCENT, WIDTH, ASCENT]),
            ItalicAngle=0,
            Ascent=ASCENT,
            Descent=DESCENT,
            CapHeight=ASCENT,
            StemV=80,
            FontFile2=pdf.make_stream(_FONT_FILE.read_bytes()),
        )
        descendant = Dictionary(
            Type=Name.Font,
            Subtype=Name.CIDFontType2,
            BaseFont=_NAME,
            CIDSystemInfo=Dictionary(Registry=b"Adobe", Ordering=b"Identity", Supplement=0),
            FontDescriptor=pdf.make_indirect(descriptor),
            DW=WIDTH,
            CIDToGIDMap=pdf.make_stream(bytes(2 * len(self._codes) + 2)),  # every code shows glyph 0
        )
        font.Encoding = Name("/Identity-H")
        font.DescendantFonts = Array([pdf.make_indirect(descendant)])
        font.ToUnicode = pdf.make_stream(self._to_unicode())

    def _to_unicode(self) -> bytes:
        entries = [f"<{code:04x}> <{character.encode('utf-16-be').hex()}>" for character, code in self._codes.items()]
        sections = [entries[start : start + _CMAP_SECTION] for start in range(0, len(entries), _CMAP_SECTION)]
        mapped = "".join(f"{len(s)} beginbfchar\n" + "\n".join(s) + "\nendbfchar\n" for s in sections)
        return (
            "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n"
            "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n"
            "/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n"
            f"1 begincodespacerange\n<0000> <ffff>\nendcodespacerange\n{mapped}"
            "endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n"
        ).encode()
