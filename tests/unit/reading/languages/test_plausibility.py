"""Lines whose text is much shorter than their box are not sure, and a page of such lines is unread."""

from __future__ import annotations

import pytest

from slimgest_celery.engines.protocol import OcrLine
from slimgest_celery.reading.languages.plausibility import is_unread, with_honest_confidence


def _line(text: str, width: float = 600.0, height: float = 20.0, confidence: float = 0.9) -> OcrLine:
    return OcrLine(text=text, confidence=confidence, box=(0, 0, width, height))


LATIN = _line("a line of sixty letters, which is about right for its length")
FEW_SIGNS = _line(",   .")
UNREAD = _line("", confidence=0.0)


@pytest.mark.parametrize(
    "line",
    [
        LATIN,
        _line("一二三四五六七八九十一二三四五六七八九十一二三四五六七八九十"),  # as wide as high
        _line("S P A C E D  O U T", width=300),
        _line("I", width=50),  # a short line may be one sign
        _line("a vertical line of sixty letters, which is about right", width=20, height=600),
    ],
)
def test_a_plausible_line_keeps_its_confidence(line: OcrLine) -> None:
    assert with_honest_confidence([line]) == [line]


def test_a_line_with_too_little_text_for_its_box_is_not_sure() -> None:
    (line,) = with_honest_confidence([FEW_SIGNS])
    assert line.confidence < 0.2 and line.text == FEW_SIGNS.text


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], False),
        ([LATIN], False),
        ([FEW_SIGNS], True),
        ([UNREAD], True),
        ([LATIN, LATIN, FEW_SIGNS], False),
        ([LATIN, FEW_SIGNS, UNREAD], True),
        ([LATIN, _line("", width=20)], False),  # a small ornament
    ],
)
def test_a_page_is_unread_if_half_of_its_print_has_no_text(lines: list[OcrLine], expected: bool) -> None:
    assert is_unread(lines) == expected
