"""A font of empty glyphs: what is written in it is found, copied and marked, and never seen, in any script."""

from __future__ import annotations

import struct

import pikepdf
from pikepdf import Array, Dictionary, Name

# In thousandths of the font's size. Readers make the box of a word of these.
WIDTH, ASCENT, DESCENT = 500, 800, -200
_NAME = Name("/SlimgestInvisible")
_MOST = 0xFFFF
_UNKNOWN = "\ufffd"
_FIXED_AND_SYMBOLIC = 5


class GlyphlessFont:
    """The font in one PDF. Each character that is written gets a code of its own, so that any can be read back."""

    def __init__(self, pdf: pikepdf.Pdf) -> None:
        self._pdf = pdf
        self._codes: dict[str, int] = {_UNKNOWN: 1}
        self.object = pdf.make_indirect(Dictionary(Type=Name.Font, Subtype=Name.Type0, BaseFont=_NAME))

    def encode(self, text: str) -> bytes:
        """Text as a string of this font: two bytes a character."""
        return b"".join(self._code(letter).to_bytes(2, "big") for letter in text)

    def _code(self, letter: str) -> int:
        if letter not in self._codes and len(self._codes) < _MOST:
            self._codes[letter] = len(self._codes) + 1
        return self._codes.get(letter, self._codes[_UNKNOWN])

    def finish(self) -> None:
        """Completes the font when all is written."""
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
            FontFile2=pdf.make_stream(_true_type()),
        )
        descendant = Dictionary(
            Type=Name.Font,
            Subtype=Name.CIDFontType2,
            BaseFont=_NAME,
            CIDSystemInfo=Dictionary(Registry=b"Adobe", Ordering=b"Identity", Supplement=0),
            FontDescriptor=pdf.make_indirect(descriptor),
            DW=WIDTH,
            CIDToGIDMap=pdf.make_stream(bytes(2 * len(self._codes) + 2)),  # all are the one glyph
        )
        font.Encoding = Name("/Identity-H")
        font.DescendantFonts = Array([pdf.make_indirect(descendant)])
        font.ToUnicode = pdf.make_stream(self._to_unicode())

    def _to_unicode(self) -> bytes:
        entries = [f"<{code:04x}> <{letter.encode('utf-16-be').hex()}>" for letter, code in self._codes.items()]
        sections = [entries[start : start + 100] for start in range(0, len(entries), 100)]  # more a CMap may not hold
        mapped = "".join(f"{len(s)} beginbfchar\n" + "\n".join(s) + "\nendbfchar\n" for s in sections)
        return (
            "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n"
            "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n"
            "/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n"
            f"1 begincodespacerange\n<0000> <ffff>\nendcodespacerange\n{mapped}"
            "endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n"
        ).encode()


def _true_type() -> bytes:
    """A TrueType font of one empty glyph: the tables that ISO 32000, 9.9 asks of an embedded one."""
    tables = {
        b"glyf": bytes(4),
        b"head": struct.pack(
            ">4I2H4I4h2H3h",
            0x10000,
            0x10000,
            0,
            0x5F0F3CF5,
            0,
            1000,
            0,
            0,
            0,
            0,
            0,
            DESCENT,
            WIDTH,
            ASCENT,
            0,
            8,
            2,
            0,
            0,
        ),
        b"hhea": struct.pack(">I3hH11hH", 0x10000, ASCENT, DESCENT, 0, WIDTH, 0, 0, WIDTH, 1, *[0] * 7, 1),
        b"hmtx": struct.pack(">Hh", WIDTH, 0),
        b"loca": struct.pack(">2H", 0, 0),
        b"maxp": struct.pack(">I14H", 0x10000, 1, *[0] * 13),
    }
    start = 12 + 16 * len(tables)
    directory, content = struct.pack(">I4H", 0x10000, len(tables), 64, 2, 16 * len(tables) - 64), b""
    for tag, data in tables.items():
        padded = data + bytes(-len(data) % 4)
        checksum = sum(struct.unpack(f">{len(padded) // 4}I", padded)) & 0xFFFFFFFF
        directory += struct.pack(">4s3I", tag, checksum, start + len(content), len(data))
        content += padded
    return directory + content
