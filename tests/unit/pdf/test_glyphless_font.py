"""The invisible font: its file, and the text that is read back from it."""

from __future__ import annotations

import struct
from importlib.resources import files
from pathlib import Path

import pikepdf
import pypdfium2 as pdfium
from pikepdf import Dictionary
from PIL import ImageFont

from slimgest_celery.pdf.glyphless_font import ASCENT, DESCENT, WIDTH, GlyphlessFont

FONT = files("slimgest_celery.pdf") / "glyphless.ttf"


def _tables(font: bytes) -> dict[bytes, bytes]:
    count = struct.unpack(">H", font[4:6])[0]
    entries = (struct.unpack(">4s3I", font[12 + 16 * n : 28 + 16 * n]) for n in range(count))
    return {tag: font[start : start + length] for tag, _, start, length in entries}


def test_the_font_file_has_the_widths_and_heights_that_the_pdf_says() -> None:
    tables = _tables(FONT.read_bytes())
    assert set(tables) == {b"glyf", b"head", b"hhea", b"hmtx", b"loca", b"maxp"}
    assert struct.unpack(">2h", tables[b"hhea"][4:8]) == (ASCENT, DESCENT)
    assert struct.unpack(">H", tables[b"hmtx"][:2]) == (WIDTH,)
    assert struct.unpack(">H", tables[b"maxp"][4:6]) == (1,), "one glyph"


def test_freetype_loads_the_font_file_and_draws_nothing() -> None:
    with FONT.open("rb") as file:
        font = ImageFont.truetype(file, 100)
    assert font.getmetrics() == (ASCENT / 10, -DESCENT / 10)
    assert font.getmask("A").getbbox() is None


def test_more_characters_than_a_section_of_the_map_holds_are_read_back(tmp_path: Path) -> None:
    text = "".join(map(chr, range(0x4E00, 0x4E00 + 250))) + "a€😀"
    with pikepdf.new() as pdf:
        page = pdf.add_blank_page(page_size=(6000, 100))
        font = GlyphlessFont(pdf)
        page.obj.Resources = Dictionary(Font=Dictionary(F=font.object))
        page.obj.Contents = pdf.make_stream(b"BT /F 20 Tf 10 10 Td <" + font.encode(text).hex().encode() + b"> Tj ET")
        font.finish()
        pdf.save(tmp_path / "made.pdf")
    with pdfium.PdfDocument(tmp_path / "made.pdf") as document:
        assert document[0].get_textpage().get_text_range() == text


def test_characters_after_the_last_code_are_replaced() -> None:
    with pikepdf.new() as pdf:
        font = GlyphlessFont(pdf)
        codes = font.encode("".join(map(chr, range(0x10000, 0x20000))))
    assert codes[-2:] == b"\x00\x01" and codes[:2] == b"\x00\x02"
