"""The types of files, recognised by their first bytes."""

from __future__ import annotations

import io
import zipfile

import pytest
from PIL import Image

from slimgest_celery.models.file_type import HEAD_BYTES, READABLE_SUFFIXES, FileType, describe_other, recognise
from tests.support.images import saved

SMALL = Image.new("RGB", (8, 8))


def _zipped(*files: tuple[str, bytes]) -> bytes:
    stored = io.BytesIO()
    with zipfile.ZipFile(stored, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            how = zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED
            archive.writestr(name, content, how)
    return stored.getvalue()


@pytest.mark.parametrize("form", [form for form in FileType if form not in (FileType.PDF, FileType.HEIC)])
def test_an_image_that_pillow_writes_is_recognised(form: FileType) -> None:
    assert recognise(saved(SMALL, form.value)) is form


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"%PDF-1.7\n", FileType.PDF),
        (b"\n" * 1000 + b"%PDF-1.7", FileType.PDF),
        (b"\n" * 1100 + b"%PDF-1.7", None),
        (b"MM\0*\0\0\0\x08", FileType.TIFF),
        (b"II+\0\x08\0\0\0", FileType.TIFF),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", FileType.HEIC),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", FileType.HEIC),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif", None),
        (b"\xff\x4f\xff\x51\0", FileType.JPEG2000),
        (b"BM stands for many things", None),
        (b"RIFF\0\0\0\0AVI LIST", None),
        (b"", None),
    ],
)
def test_a_file_is_recognised_by_its_first_bytes(head: bytes, expected: FileType | None) -> None:
    assert recognise(head) is expected


def test_every_type_has_a_media_type_and_a_suffix() -> None:
    assert len({form.media_type for form in FileType}) == len(FileType)
    assert {form.suffix for form in FileType} <= READABLE_SUFFIXES


@pytest.mark.parametrize(
    ("content", "filename", "expected"),
    [
        (_zipped(("[Content_Types].xml", b"x" * 900), ("word/document.xml", b"y")), "a", "a Word document"),
        (_zipped(("[Content_Types].xml", b"x" * 900), ("xl/workbook.xml", b"y")), "a", "an Excel workbook"),
        (
            _zipped(("[Content_Types].xml", b"x" * 900), ("ppt/presentation.xml", b"y")),
            "a",
            "a PowerPoint presentation",
        ),
        (_zipped(("mimetype", b"application/vnd.oasis.opendocument.text")), "a", "an OpenDocument file"),
        (_zipped(("mimetype", b"application/epub+zip")), "a", "an EPUB book"),
        (_zipped(("scan.pdf", b"%P")), "scans.zip", "a ZIP archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "Letter.DOC", "a Word document"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "letter", "an old Office document"),
        (b"{\\rtf1\\ansi", "a.doc", "an RTF document"),
        (b"%!PS-Adobe-3.0", "a.eps", "a PostScript file"),
        (b"AT&TFORM\0\0\0\0DJVU", "a", "a DjVu document"),
        (b"\0\0\0\x1cftypavif\0\0\0\0", "a", "an AVIF image"),
        (b"\0\0\0\x18ftypisom\0\0\0\0", "a", "a video"),
        (b"\x1f\x8b\x08\0", "a.tgz", "an archive"),
        (b'<?xml version="1.0"?>\n<svg xmlns="x">', "a", "an SVG drawing"),
        (b"<!DOCTYPE HTML><html>", "a", "an HTML page"),
        ("Sehr geehrte Frau Müller".encode(), "a", "a text file"),
    ],
)
def test_another_file_is_named_with_what_to_do(content: bytes, filename: str, expected: str) -> None:
    assert recognise(content[:HEAD_BYTES]) is None
    kind = describe_other(content[:HEAD_BYTES], filename)
    assert kind and kind[0] == expected and kind[1]


@pytest.mark.parametrize("content", [b"\0\1\2\3", b"\x8f\x90\xff\xfe"])
def test_a_file_of_unknown_type_has_no_name(content: bytes) -> None:
    assert describe_other(content, "a.docx") is None
