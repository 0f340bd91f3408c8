"""Headings of drawn documents in ten styles, from their text layers and, as scans, by OCR and the layout model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from slimgest_celery.config import Settings
from slimgest_celery.engines.registry import load_engine
from slimgest_celery.models.job import Mode
from slimgest_celery.models.page import Page, RegionKind
from tests.support.drawn_styles import STYLES, Heading, Style, draw
from tests.support.reading import read_document

_MIN_F1, _MIN_LEVELS = 0.9, 0.9
_NO_LETTERS = re.compile(r"[\W_]+")


class _NoEngine:
    """Replace the engine where nothing is read by OCR."""

    name, version, batch_size = "none", "", 1

    def read(self, images: Sequence[object]) -> list[list[object]]:
        raise AssertionError("a text layer needs no OCR")


def _headings(pages: Sequence[Page]) -> list[Heading]:
    return [
        (paragraph.level, " ".join(block.text for block in page.blocks[paragraph.first : paragraph.last + 1]))
        for page in pages
        for paragraph in page.paragraphs
        if paragraph.kind == "heading"
    ]


def _score(found: Sequence[Heading], drawn: Sequence[Heading]) -> tuple[float, float]:
    """F1 of the headings by their text, and the share of those found that have the right level."""
    levels = {_NO_LETTERS.sub("", text.lower()): level for level, text in drawn}
    right = [(level, levels[key]) for level, text in found if (key := _NO_LETTERS.sub("", text.lower())) in levels]
    f1 = 2 * len(right) / (len(found) + len(drawn))
    return f1, sum(level == expected for level, expected in right) / max(1, len(right))


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.name)
def test_headings_of_text_layers(style: Style, tmp_path: Path) -> None:
    data, drawn = draw(style)
    (tmp_path / "drawn.pdf").write_bytes(data)
    found = _headings(read_document(tmp_path / "drawn.pdf", _NoEngine(), Mode.TEXT))  # type: ignore[arg-type]
    f1, levels = _score(found, drawn)
    assert f1 >= _MIN_F1 and levels >= _MIN_LEVELS, (f1, levels, found, drawn)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_headings_of_scans(tmp_path: Path) -> None:
    engine = load_engine(Settings(SLIMGEST_ENGINE="rapidocr"))
    scores = {}
    for style in STYLES:
        data, drawn = draw(style)
        (tmp_path / "drawn.pdf").write_bytes(data)
        scores[style.name] = _score(_headings(read_document(tmp_path / "drawn.pdf", engine, Mode.OCR)), drawn)
    f1, levels = (sum(score[part] for score in scores.values()) / len(scores) for part in (0, 1))
    assert f1 >= _MIN_F1 and levels >= _MIN_LEVELS, scores


def test_running_lines_and_items_of_text_layers(tmp_path: Path) -> None:
    data, _ = draw(next(style for style in STYLES if style.has_running_lines))
    (tmp_path / "drawn.pdf").write_bytes(data)
    pages = read_document(tmp_path / "drawn.pdf", _NoEngine(), Mode.TEXT)  # type: ignore[arg-type]
    for page in pages:
        first, last = page.regions[0], page.regions[-1]
        assert first.kind == RegionKind.HEADER and page.blocks[0].text == "Owls of the North: a survey"
        assert last.kind == RegionKind.FOOTER and page.blocks[-1].text == str(page.page_number)

    data, drawn = draw(next(style for style in STYLES if style.has_items))
    (tmp_path / "drawn.pdf").write_bytes(data)
    pages = read_document(tmp_path / "drawn.pdf", _NoEngine(), Mode.TEXT)  # type: ignore[arg-type]
    assert sum(region.kind == RegionKind.LIST for page in pages for region in page.regions) >= len(drawn)
