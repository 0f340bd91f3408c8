"""The number of printed lines in each block of a page, counted from PDFium's characters.

It shares no code with the building of lines in slimgest: a block is judged by the baselines of the characters in it.
Text in a script without spaces, set from top to bottom, and slanted text are not judged.
"""

from __future__ import annotations

import ctypes
import math
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pypdfium2 as pdfium
import pypdfium2.raw as raw
from numpy.typing import NDArray

from benchmarks.sweep.compare import letters, prepare
from slimgest_celery.models.page import Block

_MIN_LETTERS = 3  # of a line: fewer are an index, a footnote mark or a part of a formula
_MIN_FOUND = 0.9  # share of the letters that must be in the block's text: others belong to the block beside it
_MIN_STEP = 0.6  # type sizes between the baselines of two lines; a superscript is raised by less
_MIN_STEP_HEIGHTS = 1.2  # the same in heights of letters, where the font's size is not that of its letters
_MAX_SLANT = math.radians(1)
_DEVICE = 1 << 20  # pixels along each side, so that whole pixels are exact


@dataclass(frozen=True, kw_only=True)
class Character:
    """A letter or digit, in PDF points: its middle, its origin on the baseline, its height, type size and direction."""

    text: str
    x: float
    y: float
    origin_x: float
    origin_y: float
    height: float
    size: float
    angle: float  # radians, counterclockwise


def count_lines(page: pdfium.PdfPage, blocks: Sequence[Block]) -> list[int]:
    """Return the number of printed lines in each block: 0 for a block that cannot be judged."""
    characters = list(_characters(page))
    middles = np.array([(character.x, character.y) for character in characters]).reshape(-1, 2)
    return [_lines_in(block, _inside(_bounds(page, block), middles), characters) for block in blocks]


def _lines_in(block: Block, inside: NDArray[np.intp], characters: Sequence[Character]) -> int:
    found = [characters[index] for index in inside]
    lines = [line for line in baselines(found) if len(line) >= _MIN_LETTERS]
    printed = sum((letters(prepare(character.text)) for line in lines for character in line), Counter())
    if (printed & letters(prepare(block.text))).total() < _MIN_FOUND * printed.total():
        return 0
    return len(lines)


def baselines(characters: Sequence[Character]) -> list[list[Character]]:
    """Return the characters of each baseline; none for slanted text."""
    if not characters:
        return []
    angle = Counter(round(character.angle, 3) for character in characters).most_common(1)[0][0]
    if abs(angle - round(angle / (math.pi / 2)) * math.pi / 2) > _MAX_SLANT:
        return []
    height, size = (
        float(np.median([getattr(character, name) for character in characters])) for name in ("height", "size")
    )
    plausible = 0.7 * height <= size <= 3 * height
    step = _MIN_STEP * size if plausible else _MIN_STEP_HEIGHTS * height

    def level(character: Character) -> float:
        return character.origin_y * math.cos(angle) - character.origin_x * math.sin(angle)

    found: list[list[Character]] = []
    for character in sorted(characters, key=level):
        if found and level(character) - level(found[-1][-1]) < step:
            found[-1].append(character)
        else:
            found.append([character])
    return found


def _inside(bounds: tuple[float, float, float, float], middles: NDArray[np.float64]) -> NDArray[np.intp]:
    left, bottom, right, top = bounds
    x, y = middles[:, 0], middles[:, 1]
    return np.flatnonzero((x >= left) & (x <= right) & (y >= bottom) & (y <= top))


def _bounds(page: pdfium.PdfPage, block: Block) -> tuple[float, float, float, float]:
    """Return the bounds of a block in PDF points: left, bottom, right, top."""
    x, y = ctypes.c_double(), ctypes.c_double()
    corners = []
    for across, down in (block.box[:2], block.box[2:]):
        raw.FPDF_DeviceToPage(page, 0, 0, _DEVICE, _DEVICE, 0, int(across * _DEVICE), int(down * _DEVICE), x, y)
        corners.append((x.value, y.value))
    (x0, y0), (x1, y1) = corners
    return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)


def _characters(page: pdfium.PdfPage) -> Iterator[Character]:
    textpage = page.get_textpage()
    left, right, bottom, top, x, y = (ctypes.c_double() for _ in range(6))
    matrix = raw.FS_MATRIX()
    try:
        for index in range(max(0, raw.FPDFText_CountChars(textpage))):
            code = raw.FPDFText_GetUnicode(textpage, index)
            if code > sys.maxunicode or not chr(code).isalnum():  # a broken map may give any number
                continue
            raw.FPDFText_GetCharBox(textpage, index, left, right, bottom, top)
            raw.FPDFText_GetCharOrigin(textpage, index, x, y)
            raw.FPDFText_GetMatrix(textpage, index, matrix)
            angle = math.atan2(matrix.b, matrix.a)
            is_upright = abs(math.cos(angle)) > abs(math.sin(angle))
            yield Character(
                text=chr(code),
                x=(left.value + right.value) / 2,
                y=(bottom.value + top.value) / 2,
                origin_x=x.value,
                origin_y=y.value,
                height=top.value - bottom.value if is_upright else right.value - left.value,
                size=raw.FPDFText_GetFontSize(textpage, index) * math.hypot(matrix.c, matrix.d),
                angle=angle,
            )
    finally:
        textpage.close()
