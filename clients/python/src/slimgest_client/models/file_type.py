"""The type of an uploaded file, recognised by its first bytes and never by its name alone."""

from __future__ import annotations

from enum import StrEnum
from pathlib import PurePosixPath

HEAD_BYTES = 4096  # enough for the name of the first large file in a Word document
_PDF_MARK, _PDF_HEAD_BYTES = b"%PDF-", 1024  # the mark may follow other bytes, as in PDF readers


class FileType(StrEnum):
    """The files that slimgest reads. The value is the name that Pillow gives to the format of an image."""

    PDF = "PDF"
    JPEG = "JPEG"
    PNG = "PNG"
    TIFF = "TIFF"
    WEBP = "WEBP"
    BMP = "BMP"
    GIF = "GIF"
    JPEG2000 = "JPEG2000"
    HEIC = "HEIF"

    @property
    def is_image(self) -> bool:
        return self is not FileType.PDF

    @property
    def media_type(self) -> str:
        return _MEDIA_TYPES[self]

    @property
    def suffix(self) -> str:
        """The usual ending of the name of such a file."""
        return _SUFFIXES[self][0]


_MEDIA_TYPES = {
    FileType.PDF: "application/pdf",
    FileType.JPEG: "image/jpeg",
    FileType.PNG: "image/png",
    FileType.TIFF: "image/tiff",
    FileType.WEBP: "image/webp",
    FileType.BMP: "image/bmp",
    FileType.GIF: "image/gif",
    FileType.JPEG2000: "image/jp2",
    FileType.HEIC: "image/heic",
}
_SUFFIXES = {
    FileType.PDF: (".pdf",),
    FileType.JPEG: (".jpg", ".jpeg"),
    FileType.PNG: (".png",),
    FileType.TIFF: (".tif", ".tiff"),
    FileType.WEBP: (".webp",),
    FileType.BMP: (".bmp",),
    FileType.GIF: (".gif",),
    FileType.JPEG2000: (".jp2", ".j2k"),
    FileType.HEIC: (".heic", ".heif"),
}
READABLE_SUFFIXES = frozenset(suffix for suffixes in _SUFFIXES.values() for suffix in suffixes)  # in folders

_STARTS = {
    b"\xff\xd8\xff": FileType.JPEG,
    b"\x89PNG\r\n\x1a\n": FileType.PNG,
    b"II*\0": FileType.TIFF,
    b"MM\0*": FileType.TIFF,
    b"II+\0": FileType.TIFF,  # BigTIFF
    b"MM\0+": FileType.TIFF,
    b"GIF87a": FileType.GIF,
    b"GIF89a": FileType.GIF,
    b"\0\0\0\x0cjP  \r\n\x87\n": FileType.JPEG2000,
    b"\xff\x4f\xff\x51": FileType.JPEG2000,  # without the container
}
_BMP_HEADER_BYTES = (12, 40, 52, 56, 64, 108, 124)
_HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")


def recognise(head: bytes) -> FileType | None:
    """Return the type of the file that begins with these bytes; None for a file that slimgest does not read."""
    if _PDF_MARK in head[:_PDF_HEAD_BYTES]:
        return FileType.PDF
    for start, file_type in _STARTS.items():
        if head.startswith(start):
            return file_type
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return FileType.WEBP
    # Two letters are a weak mark: check the size of the header behind them too.
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADER_BYTES:
        return FileType.BMP
    if head[4:8] == b"ftyp" and head[8:12] in _HEIC_BRANDS and not _is_avif(head):
        return FileType.HEIC
    return None


def _is_avif(head: bytes) -> bool:
    """AVIF uses the container of HEIC, and may name its own brand only among the compatible ones."""
    return any(brand in head[8 : int.from_bytes(head[:4], "big")] for brand in (b"avif", b"avis"))


# --- Other files ------------------------------------------------------------------------------------------------------

_CONVERT, _UNPACK, _NOTHING = "convert it to PDF first", "unpack it and send the files in it", "it contains no pages"
_Kind = tuple[str, str]  # the name of a kind of file with its article, and what to do

_WORD: _Kind = ("a Word document", _CONVERT)
_EXCEL: _Kind = ("an Excel workbook", _CONVERT)
_POWERPOINT: _Kind = ("a PowerPoint presentation", _CONVERT)
_ODT: _Kind = ("an OpenDocument file", _CONVERT)
_ARCHIVE: _Kind = ("an archive", _UNPACK)
_VIDEO: _Kind = ("a video", _NOTHING)

# In a ZIP archive: the folder or the type of its content.
_IN_ZIP: dict[bytes, _Kind] = {
    b"application/vnd.oasis.opendocument": _ODT,
    b"application/epub+zip": ("an EPUB book", _CONVERT),
    b"word/": _WORD,
    b"xl/": _EXCEL,
    b"ppt/": _POWERPOINT,
}
# Old and new Office documents whose first bytes do not show which one it is.
_BY_SUFFIX: dict[str, _Kind] = {
    ".doc": _WORD,
    ".docx": _WORD,
    ".xls": _EXCEL,
    ".xlsx": _EXCEL,
    ".ppt": _POWERPOINT,
    ".pptx": _POWERPOINT,
    ".msg": ("an Outlook message", _CONVERT),
}
_OTHER_STARTS: dict[bytes, _Kind] = {
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": ("an old Office document", _CONVERT),
    b"PK\x03\x04": ("a ZIP archive", _UNPACK),
    b"{\\rtf": ("an RTF document", _CONVERT),
    b"%!PS": ("a PostScript file", _CONVERT),
    b"AT&TFORM": ("a DjVu document", _CONVERT),
    b"8BPS": ("a Photoshop image", "convert it to PNG first"),
    b"\x1f\x8b": _ARCHIVE,
    b"7z\xbc\xaf\x27\x1c": _ARCHIVE,
    b"Rar!": _ARCHIVE,
    b"\x1a\x45\xdf\xa3": _VIDEO,
}
_AVIF: _Kind = ("an AVIF image", "convert it to PNG or JPEG first")
_IN_TEXT: dict[bytes, _Kind] = {  # near the beginning, in lower case
    b"<svg": ("an SVG drawing", _CONVERT),
    b"<!doctype html": ("an HTML page", _CONVERT),
    b"<html": ("an HTML page", _CONVERT),
    b"<?xml": ("an XML file", _CONVERT),
}


def describe_other(head: bytes, filename: str) -> _Kind | None:
    """Return what a file that slimgest does not read is, such as "a Word document", and what to do; None if unknown."""
    kind = next((kind for start, kind in _OTHER_STARTS.items() if head.startswith(start)), None)
    if head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        inner = next((inner for mark, inner in _IN_ZIP.items() if mark in head), None)
        return inner or _BY_SUFFIX.get(PurePosixPath(filename.lower()).suffix) or kind
    if head[4:8] == b"ftyp":
        return _AVIF if _is_avif(head) else _VIDEO
    return kind or _describe_text(head)


def _describe_text(head: bytes) -> _Kind | None:
    """Return the kind of a text file; None if the file is not text."""
    if b"\0" in head:
        return None
    try:
        head[:-3].decode()  # the last character may be incomplete
    except UnicodeDecodeError:
        return None
    start = head[:512].lower()
    return next((kind for mark, kind in _IN_TEXT.items() if mark in start), ("a text file", _CONVERT))
