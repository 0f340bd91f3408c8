"""Lines that an engine read over two columns are split at the gutter, and lines over the whole width are not."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from slimgest_celery.engines.protocol import OcrLine
from slimgest_celery.reading.joined_lines import split_at_gutters
from tests.support.pdfs import PROSE

LEFT, RIGHT, PITCH = 60, 515, 40
FONT = ImageFont.load_default(26)
COLUMNS = [PROSE[:8], PROSE[4:] + PROSE[:4]]


def _page(*, whole: str = "") -> tuple[Image.Image, list[OcrLine], list[OcrLine]]:
    """Return a page in two columns, the lines of each row, and the rows as one line; `whole` is above the columns."""
    page = Image.new("L", (1000, 500), 255)
    pen = ImageDraw.Draw(page)
    parts, rows = [], []
    if whole:
        parts.append(_draw(pen, whole, LEFT, 40))
        rows.append(parts[-1])
    for row, texts in enumerate(zip(*COLUMNS, strict=True)):
        narrow = [text[:34].rsplit(" ", 1)[0] for text in texts]
        two = [_draw(pen, text, x, 80 + PITCH * row) for text, x in zip(narrow, (LEFT, RIGHT), strict=True)]
        parts += two
        rows.append(OcrLine(text=" ".join(narrow), confidence=0.9, box=(*two[0].box[:2], *two[1].box[2:])))
    return page, parts, rows


def _draw(pen: ImageDraw.ImageDraw, text: str, x: int, y: int) -> OcrLine:
    pen.text((x, y), text, fill=0, font=FONT)
    return OcrLine(text=text, confidence=0.9, box=(x, y, x + pen.textlength(text, FONT), y + 30))


def _pixels(page: Image.Image) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.asarray(page.convert("RGB"))


def test_lines_over_two_columns_are_split_at_the_gutter() -> None:
    page, parts, rows = _page()
    lines = [*parts[:6], *rows[3:5], *parts[10:]]
    assert sorted(line.text for line in split_at_gutters(lines, _pixels(page))) == sorted(line.text for line in parts)


def test_the_parts_of_a_line_end_and_begin_at_the_white_space() -> None:
    page, parts, rows = _page()
    found = split_at_gutters([*parts[:6], rows[3], *parts[8:]], _pixels(page))
    one, other = (next(line for line in found if line.text == part.text) for part in parts[6:8])
    assert abs(one.box[2] - parts[6].box[2]) < 12 and abs(other.box[0] - RIGHT) < 12
    assert one.confidence == other.confidence == 0.9


def test_a_line_over_the_whole_width_is_not_split() -> None:
    """It has letters at the gutter."""
    page, parts, _ = _page(whole=" ".join(PROSE)[:66])
    assert split_at_gutters(parts, _pixels(page)) == parts


def test_lines_side_by_side_and_a_single_column_stay_as_they_are() -> None:
    page, parts, _ = _page()
    assert split_at_gutters(parts, _pixels(page)) == parts
    assert split_at_gutters(parts[::2], _pixels(page)) == parts[::2]
    assert split_at_gutters([], _pixels(page)) == []
