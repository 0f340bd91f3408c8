"""PDFs of one page, drawn for a test with fonts whose maps to Unicode are wrong or missing."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import pikepdf
import reportlab
from fontTools.ttLib import TTFont
from pikepdf import Array, Dictionary, Name

VERA = Path(reportlab.__file__).parent / "fonts" / "Vera.ttf"


def to_unicode(characters: Mapping[int, str], code_bytes: int = 1, count: int | None = None) -> bytes:
    """A ToUnicode CMap; `count`: the number of entries that it states, if it is wrong."""
    digits = 2 * code_bytes
    entries = "".join(f"<{code:0{digits}x}> <{text.encode('utf-16-be').hex()}>\n" for code, text in characters.items())
    return (
        f"begincmap 1 begincodespacerange <{'00' * code_bytes}> <{'ff' * code_bytes}> endcodespacerange\n"
        f"{len(characters) if count is None else count} beginbfchar\n{entries}endbfchar endcmap"
    ).encode()


def with_names(codes: bytes, names: Mapping[int, str], characters: Mapping[int, str] | None = None) -> bytes:
    """A line of these codes in Helvetica, whose encoding differs by glyph names; `characters`: its ToUnicode."""
    with pikepdf.new() as pdf:
        differences = Array([item for code, name in names.items() for item in (code, Name(f"/{name}"))])
        encoding = Dictionary(BaseEncoding=Name.WinAnsiEncoding, Differences=differences)
        font = Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica, Encoding=encoding)
        if characters:
            font.ToUnicode = pdf.make_stream(to_unicode(characters))
            font.FirstChar, font.Widths = min(characters), Array([500] * (max(characters) - min(characters) + 1))
        return _saved(pdf, font, codes)


def with_glyphs(
    text: str, to_unicode_of: bytes | None = None, *, has_cmap: bool = True, codes: Sequence[int] | None = None
) -> bytes:
    """A line in an embedded TrueType font; its codes are `codes`, by default the numbers of its glyphs.

    Without a cmap, the program does not say which characters its glyphs are.
    """
    with pikepdf.new() as pdf:
        glyphs = glyphs_of(text)
        glyph_of = dict(zip(codes or glyphs, glyphs, strict=True))
        table = b"".join(glyph_of.get(code, 0).to_bytes(2, "big") for code in range(max(glyph_of) + 1))
        data, widths = _program(has_cmap)
        program = pdf.make_stream(data)
        descriptor = Dictionary(
            Type=Name.FontDescriptor,
            FontName=Name("/ABCDEF+Vera"),
            Flags=4,
            FontBBox=Array([-183, -236, 1287, 928]),
            ItalicAngle=0,
            Ascent=928,
            Descent=-236,
            CapHeight=730,
            StemV=80,
            FontFile2=program,
        )
        descendant = Dictionary(
            Type=Name.Font,
            Subtype=Name.CIDFontType2,
            BaseFont=Name("/ABCDEF+Vera"),
            CIDSystemInfo=Dictionary(
                Registry=pikepdf.String("Adobe"), Ordering=pikepdf.String("Identity"), Supplement=0
            ),
            FontDescriptor=descriptor,
            W=Array([item for code in sorted(glyph_of) for item in (code, Array([widths[glyph_of[code]]]))]),
            CIDToGIDMap=pdf.make_stream(table),
        )
        font = Dictionary(
            Type=Name.Font,
            Subtype=Name.Type0,
            BaseFont=Name("/ABCDEF+Vera"),
            Encoding=Name("/Identity-H"),
            DescendantFonts=Array([pdf.make_indirect(descendant)]),
        )
        if to_unicode_of is not None:
            font.ToUnicode = pdf.make_stream(to_unicode_of)
        return _saved(pdf, font, b"".join(code.to_bytes(2, "big") for code in codes or glyphs))


def _program(has_cmap: bool) -> tuple[bytes, list[int]]:
    """The font's program, and the widths of its glyphs."""
    stored = io.BytesIO()
    with TTFont(VERA) as font:
        widths = [round(font["hmtx"][name][0] * 1000 / font["head"].unitsPerEm) for name in font.getGlyphOrder()]
        if not has_cmap:
            del font["cmap"]
            font["post"].formatType = 3.0
        font.save(stored)
    return stored.getvalue(), widths


def glyphs_of(text: str) -> list[int]:
    """The numbers of the glyphs of a text in the font of `with_glyphs`."""
    with TTFont(VERA) as font:
        return [font.getGlyphID(font.getBestCmap()[ord(character)]) for character in text]


def glyph_widths() -> dict[str, int]:
    """The widths of the characters in the font of `with_glyphs`, in thousandths of its size."""
    with TTFont(VERA) as font:
        scale = 1000 / font["head"].unitsPerEm
        return {chr(code): round(font["hmtx"][name][0] * scale) for code, name in font.getBestCmap().items()}


def _saved(pdf: pikepdf.Pdf, font: Dictionary, codes: bytes) -> bytes:
    page = pdf.add_blank_page(page_size=(max(420, 10 * len(codes)), 200))
    page.obj.Resources = Dictionary(Font=Dictionary(F1=pdf.make_indirect(font)))
    page.obj.Contents = pdf.make_stream(b"BT /F1 16 Tf 20 100 Td <%s> Tj ET" % codes.hex().encode())
    stored = io.BytesIO()
    pdf.save(stored)
    return stored.getvalue()
