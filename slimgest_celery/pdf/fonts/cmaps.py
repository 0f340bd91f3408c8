"""CMaps, read and written: maps from character codes to characters (ToUnicode) or to CIDs (an embedded encoding)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

MAX_BYTES = 1 << 20
_MAX_ENTRIES = 70_000
_TOUNICODE_SECTIONS = re.compile(rb"beginbf(char|range)(.*?)endbf", re.S)
_COUNTED_SECTIONS = re.compile(rb"(\d+)\s*beginbf(char|range)(.*?)endbf", re.S)
_MAX_CODE = 0xFFFF  # PDFium ignores a section with a longer code
_CID_SECTIONS = re.compile(rb"begincid(char|range)(.*?)endcid", re.S)
_RANGE = re.compile(rb"<([0-9A-Fa-f\s]+)>\s*<([0-9A-Fa-f\s]+)>\s*(?:\[([^\]]*)\]|<([0-9A-Fa-f\s]*)>)")
_CID = re.compile(rb"<([0-9A-Fa-f\s]+)>\s*(?:<([0-9A-Fa-f\s]+)>\s*)?(\d+)")
_HEX = re.compile(rb"<([0-9A-Fa-f\s]*)>")
_CODE_SPACES = re.compile(rb"begincodespacerange(.*?)endcodespacerange", re.S)
_ENTRIES_PER_SECTION = 100  # at most, by Adobe's specification


def read_to_unicode(cmap: bytes) -> dict[int, str]:
    """Return the characters by code of a ToUnicode CMap; of a very large one, only a part."""
    found: dict[int, str] = {}
    for code, character in _entries(cmap[:MAX_BYTES]):
        found[code] = character
        if len(found) >= _MAX_ENTRIES:
            break
    return found


def _entries(cmap: bytes) -> Iterator[tuple[int, str]]:
    for kind, body in _TOUNICODE_SECTIONS.findall(cmap):
        if kind == b"char":
            values = _HEX.findall(body)
            pairs = zip(values[::2], values[1::2], strict=False)
            yield from ((_number(code), _decoded(target)) for code, target in pairs if code.strip())
            continue
        for first, last, targets, target in _RANGE.findall(body):
            start, listed = _number(first), _HEX.findall(targets)
            if listed:
                yield from ((start + offset, _decoded(one)) for offset, one in enumerate(listed))
                continue
            base = _decoded(target)
            for offset in range(min(_number(last) - start + 1, _MAX_ENTRIES)):
                yield start + offset, _following(base, offset)


def _number(digits: bytes) -> int:
    return int(b"".join(digits.split()), 16)


def _decoded(target: bytes) -> str:
    digits = b"".join(target.split())
    return bytes.fromhex(digits.decode("ascii").zfill(len(digits) + -len(digits) % 4)).decode("utf-16-be", "replace")


def _following(text: str, offset: int) -> str:
    """Return a text whose last character is so many characters further."""
    if not offset or not text:
        return text
    last = ord(text[-1]) + offset
    return text[:-1] + (chr(last) if last <= 0x10FFFF else "\ufffd")


def read_cids(cmap: bytes) -> dict[int, int]:
    """Return the CIDs by code of an embedded encoding."""
    found: dict[int, int] = {}
    for _kind, body in _CID_SECTIONS.findall(cmap[:MAX_BYTES]):
        for first, last, cid in _CID.findall(body):
            start, count = _number(first), _number(last or first) - _number(first) + 1
            for offset in range(max(0, min(count, _MAX_ENTRIES - len(found)))):
                found[start + offset] = int(cid) + offset
    return found


def is_usable(cmap: bytes) -> bool:
    """Return False if PDFium ignores sections of a ToUnicode CMap: with a wrong count, or with codes of three bytes."""
    for count, kind, body in _COUNTED_SECTIONS.findall(cmap[:MAX_BYTES]):
        codes = _HEX.findall(body)[::2] if kind == b"char" else [first for first, *_ in _RANGE.findall(body)]
        if int(count) != len(codes) or any(len(code.strip()) > 4 and _number(code) > _MAX_CODE for code in codes):
            return False
    return True


def write_to_unicode(characters: Mapping[int, str], code_bytes: int) -> bytes:
    """Return a ToUnicode CMap for codes of this many bytes."""
    digits = 2 * code_bytes
    lines = [
        f"<{code:0{digits}X}> <{text.encode('utf-16-be', 'replace').hex().upper()}>"
        for code, text in sorted(characters.items())
        if code <= _MAX_CODE
    ]
    sections = [lines[first : first + _ENTRIES_PER_SECTION] for first in range(0, len(lines), _ENTRIES_PER_SECTION)]
    parts = [
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap",
        "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def",
        "/CMapName /Adobe-Identity-UCS def /CMapType 2 def",
        f"1 begincodespacerange <{'00' * code_bytes}> <{'FF' * code_bytes}> endcodespacerange",
        *(f"{len(section)} beginbfchar\n" + "\n".join(section) + "\nendbfchar" for section in sections),
        "endcmap CMapName currentdict /CMap defineresource pop end end",
    ]
    return "\n".join(parts).encode("ascii")
