"""The roles of lines on a scan, from the elements of a layout model and the thickness of strokes."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from slimgest_celery.layout.structure.elements import PageElement
from slimgest_celery.layout.structure.roles import Line, PageRoles, find_roles, usual_height
from slimgest_celery.models.page import RegionKind

_PROSE = "This is a sentence of running text, which goes on and on, and then ends."


def _line(text: str, top: float, left: float = 0.1, right: float = 0.9, height: float = 0.015) -> Line:
    return Line(text, (left, top, right, top + height))


def _roles(lines: Sequence[Line], elements: Sequence[PageElement] = (), **strokes: float) -> PageRoles:
    """Roles on a page of the height 1. `strokes` are by text, with underscores for spaces; 2 pixels for all others."""

    def type_of(index: int) -> tuple[float, float]:
        return strokes.get(lines[index].text.replace(" ", "_"), 2.0), 12.0

    return find_roles(lines, elements, 1.0, type_of)


def _kinds(roles: PageRoles) -> list[str]:
    return [role.kind.value if role else "" for role in roles.lines]


def _prose(top: float, count: int = 3) -> list[Line]:
    return [_line(_PROSE, top + 0.02 * n) for n in range(count)]


def test_bold_lines_are_titles_even_if_the_model_does_not_see_them() -> None:
    lines = [_line("Results", 0.1, right=0.2), *_prose(0.13)]
    roles = _roles(lines, Results=2.8)
    assert _kinds(roles) == ["title", "", "", ""]
    assert roles.lines[0] and roles.lines[0].size == 12.0


def test_a_title_that_the_model_is_sure_of_needs_no_bold_type() -> None:
    lines = [_line("Results", 0.1, right=0.2), *_prose(0.13)]
    title = PageElement(RegionKind.TITLE, 0.9, (0.1, 0.1, 0.21, 0.115))
    assert _kinds(_roles(lines, [title])) == ["title", "", "", ""]
    assert _kinds(_roles(lines, [title._replace(confidence=0.45)])) == ["", "", "", ""]
    assert _kinds(_roles(lines, [title._replace(confidence=0.45)], Results=2.4)) == ["title", "", "", ""]


@pytest.mark.parametrize("text", ["12.5", "A sentence in bold type."])
def test_numbers_and_sentences_in_bold_type_are_no_titles(text: str) -> None:
    lines = [_line(text, 0.1, right=0.4), *_prose(0.13)]
    assert _kinds(_roles(lines, **{text.replace(" ", "_"): 3.0})) == ["", "", "", ""]


def test_a_bold_label_beside_its_value_is_no_title() -> None:
    lines = [_line("Name", 0.1, right=0.2), _line("Ada Lovelace", 0.1, left=0.4), *_prose(0.2)]
    assert _kinds(_roles(lines, Name=3.0))[0] == ""


def test_labels_of_a_chart_are_in_the_figure_and_so_is_its_centred_title() -> None:
    lines = [
        *_prose(0.1),
        _line("Gadgets", 0.29, 0.4, 0.6),
        _line("100", 0.35, 0.12, 0.16),
        _line("50", 0.45, 0.12, 0.16),
        _line("Hammer", 0.55, 0.3, 0.4),
        *_prose(0.7),
    ]
    roles = _roles(lines, [PageElement(RegionKind.FIGURE, 0.9, (0.1, 0.3, 0.9, 0.6))])
    assert _kinds(roles) == ["", "", "", "figure", "figure", "figure", "figure", "", "", ""]
    assert [graphic.kind for graphic in roles.graphics] == [RegionKind.FIGURE]


def test_prose_and_lists_that_the_model_takes_for_figures_are_text() -> None:
    prose = [_line(_PROSE if n % 2 else _PROSE[:-1].lower() + " so", 0.3 + 0.02 * n) for n in range(5)]
    items = [_line(f"{n}. {_PROSE[:30]}", 0.5 + 0.02 * n, right=0.5) for n in range(1, 5)]
    elements = [
        PageElement(RegionKind.FIGURE, 0.6, (0.1, 0.29, 0.9, 0.41)),
        PageElement(RegionKind.TABLE, 0.5, (0.1, 0.5, 0.9, 0.61)),
    ]
    roles = _roles([*prose, *items], elements)
    assert set(_kinds(roles)) == {""}
    assert roles.graphics == []


def test_a_figure_whose_lines_are_cells_is_a_table() -> None:
    cells = [
        _line(f"cell {row} {column}", 0.3 + 0.03 * row, 0.1 + 0.3 * column, 0.22 + 0.3 * column)
        for row in range(4)
        for column in range(3)
    ]
    roles = _roles([*_prose(0.1), *cells], [PageElement(RegionKind.FIGURE, 0.8, (0.08, 0.29, 0.9, 0.43))])
    assert [graphic.kind for graphic in roles.graphics] == [RegionKind.TABLE]
    assert _kinds(roles)[3:] == ["table"] * 12


def test_of_two_overlapping_elements_the_more_confident_one_counts() -> None:
    elements = [
        PageElement(RegionKind.TABLE, 0.5, (0.1, 0.3, 0.9, 0.6)),
        PageElement(RegionKind.FIGURE, 0.9, (0.1, 0.3, 0.9, 0.6)),
    ]
    lines = [*_prose(0.1), _line("100", 0.35, 0.12, 0.16)]
    assert [graphic.kind for graphic in _roles(lines, elements).graphics] == [RegionKind.FIGURE]


def test_headers_and_footers_are_at_the_edges_only() -> None:
    header = PageElement(RegionKind.HEADER, 0.8, (0.1, 0.02, 0.9, 0.05))
    inner = header._replace(box=(0.1, 0.3, 0.9, 0.33))
    lines = [_line("Annual report", 0.03, right=0.3), *_prose(0.2), _line("Annual report", 0.31, right=0.3)]
    assert _kinds(_roles(lines, [header, inner])) == ["header", "", "", "", ""]


def test_the_usual_height_is_that_of_most_text() -> None:
    lines = [_line("Title", 0.1, height=0.03), *_prose(0.2), _line("note", 0.9, height=0.01)]
    assert usual_height(lines) == pytest.approx(0.015)
    assert usual_height([]) == 0.0
