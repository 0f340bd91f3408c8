"""The layout of a page, made of its lines: blocks in reading order, paragraphs and text."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import median
from typing import NamedTuple

from slimgest_celery.geometry import Box, PageBox, clip, has_middle_in, is_beside, scale, to_fractions, union
from slimgest_celery.layout import hyphenation, open_tables, paragraphs, reading_order, ruled_tables, table_cells
from slimgest_celery.layout.ruled_grids import RuledGrid
from slimgest_celery.layout.structure import footnotes, regions
from slimgest_celery.layout.structure.elements import PageElement
from slimgest_celery.layout.structure.lines import LayoutLine
from slimgest_celery.layout.structure.roles import Line, Role, TypeOf, find_roles, no_type
from slimgest_celery.layout.table_cells import Cell
from slimgest_celery.models.page import Block, BlockSource, Paragraph, Region, RegionKind, TableCell

_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]")
_LETTER = re.compile(r"[^\W\d_]")
# Gaps are in heights of a line. Parts of a row with such a gap are one line, cut at a change of font or a raised sign.
_JOIN_GAP = (-0.3, 0.6)
_SPACE_GAP = 0.15  # a larger gap is a space
_HEIGHT_BY_SIZE = 1.1  # the height of a line by its type size, as in the boxes of OCR engines
# A bullet or the number of an item, alone in a line. It belongs to the text beside it.
_BULLET = re.compile(r"(?:[•◦▪‣●○■□·–—-]|\(?(?:\d{1,3}|[A-Za-z]|[ivxIVX]{2,5})[.)])$")
_BULLET_GAP = 4.0
_TURNED = 4.0  # the height of a turned line, in widths; that of an upright letter is less
_DROP_CAP_HEIGHT = 1.8  # the least height of a drop cap, in heights of a line beside it
_DROP_CAP_GAP = 0.6  # the largest gap between a drop cap and the lines, in heights of the drop cap
_AFTER_PICTURES = 1_000_000  # the numbers of figures follow those of pictures that were read
_MAX_DROP_CAPS = 20  # more single letters are the labels of a drawing


class DetectedLine(NamedTuple):
    """A line from OCR or a text layer, with its box in 0-1 of the upright page."""

    text: str
    confidence: float
    box: PageBox
    size: float = 0.0  # of the type in points; 0 if unknown
    source: BlockSource = BlockSource.TEXT_LAYER
    picture: int = 0  # the number of the picture that contains it; its lines stay together; 0: in no picture
    role: Role | None = None  # from a layout model, or from a figure that contains it
    bold: bool = False  # all of it


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The content of a page in reading order."""

    blocks: list[Block]  # lines and cells, boxes in 0-1 of the page as displayed
    paragraphs: list[Paragraph]
    regions: list[Region]
    text: str
    has_uncertain_table: bool = False  # text reaches over the rules of a table, which is therefore plain rows


def arrange(
    found: Sequence[DetectedLine],
    *,
    width: float,
    height: float,
    to_page: Callable[[PageBox], PageBox] | None = None,
    rules: Sequence[PageBox] = (),
    elements: Sequence[PageElement] = (),
    type_of: TypeOf = no_type,
) -> Layout:
    """Return the layout of a page that has these lines.

    `width` and `height` are those of the upright page: in points if lines have type sizes, else in any unit. `to_page`
    converts a box in 0-1 of the upright page to 0-1 of the page as displayed, if the two differ. `rules` (in 0-1 of the
    upright page) are lines drawn on it, which may be those of tables. `elements` are those of the upright page, and
    `type_of` measures the type of a line, by its index.
    """
    found, figures = _with_roles(found, elements, width / height, type_of)
    scaled = [scale(line.box, width, height) for line in found]  # in a unit that is the same along both axes
    found, scaled = _join_drop_caps(found, scaled)
    right_to_left = reads_right_to_left(found)
    scaled_rules = [scale(rule, width, height) for rule in rules]
    uncertain: list[RuledGrid] = []
    ruled = _find_ruled_tables(found, scaled, scaled_rules, uncertain)
    if right_to_left:
        ruled = [table_cells.mirror(table) for table in ruled]
    lines, tables = _order_lines(found, scaled, ruled, right_to_left)
    lines, more = _find_open_tables(lines, tables, scaled_rules, uncertain, right_to_left)
    tables = sorted([*tables, *more], key=lambda table: min(line for cell in table for line in cell.lines))
    tables = [table_cells.mark_headers(table, lambda index: lines[index][0].text) for table in tables]
    layout_lines = [_layout_line(*line) for line in lines]
    if notes := _find_footnotes(layout_lines, tables, scaled_rules, height):
        lines, tables = _move_footnotes(lines, tables, notes)
        layout_lines = [_layout_line(*line) for line in lines]
    blocks = [
        Block(
            text=line.text,
            confidence=line.confidence,
            box=to_page(line.box) if to_page else line.box,
            source=line.source,
        )
        for line, _ in lines
    ]
    grouped = paragraphs.find(layout_lines, tables)
    figures = [one._replace(box=to_page(one.box) if to_page else one.box) for one in figures]
    parts = regions.from_paragraphs(blocks, grouped, layout_lines, figures)
    return Layout(
        blocks=blocks,
        paragraphs=grouped,
        regions=parts,
        text=_text(layout_lines, grouped),
        has_uncertain_table=bool(uncertain),
    )


def _layout_line(line: DetectedLine, box: Box) -> LayoutLine:
    return LayoutLine(line.text, box, line.size, line.role, line.bold)


def _with_roles(
    found: Sequence[DetectedLine], elements: Sequence[PageElement], width: float, type_of: TypeOf
) -> tuple[Sequence[DetectedLine], Sequence[PageElement]]:
    """Return the lines with their roles, and the figures and tables. `width` is that of a page with the height 1."""
    if not elements:
        return found, ()
    if type_of is no_type:  # a text layer: the elements are its pictures
        return [_in_picture(line, elements) for line in found], elements
    lines = [Line(line.text, scale(line.box, width, 1.0)) for line in found]
    scaled = [one._replace(box=scale(one.box, width, 1.0)) for one in elements]
    roles, graphics = find_roles(lines, scaled, 1.0, type_of)
    with_roles = [
        line._replace(role=role, picture=_AFTER_PICTURES + role.element)
        if role and role.kind == RegionKind.FIGURE
        else line._replace(role=role)
        for line, role in zip(found, roles, strict=True)
    ]
    return with_roles, [one._replace(box=clip(to_fractions(one.box, width, 1.0))) for one in graphics]


def _in_picture(line: DetectedLine, pictures: Sequence[PageElement]) -> DetectedLine:
    """Return a line that was read in a picture with the role of its label; any other line as it is."""
    if not line.picture:
        return line
    places = (number for number, one in enumerate(pictures, 1) if has_middle_in(line.box, one.box))
    number = next(places, 0)
    return line._replace(role=Role(RegionKind.FIGURE, pictures[number - 1].confidence, number)) if number else line


def _order_lines(
    found: Sequence[DetectedLine], scaled: Sequence[Box], ruled: Sequence[Sequence[Cell]], right_to_left: bool
) -> tuple[list[tuple[DetectedLine, Box]], list[list[Cell]]]:
    """Return the lines in reading order, with parts of one line joined, and the cells of the ruled tables."""
    in_tables = [[index for cell in table for index in cell.lines] for table in ruled]
    inside = {index for table in in_tables for index in table}
    pictures = _find_pictures(found, scaled, inside) if any(line.picture for line in found) else []
    inside.update(index for picture in pictures for index in picture)
    # A ruled table is ordered as one box. Its cells follow row by row. The same holds for the lines of a picture.
    single = [index for index in range(len(found)) if index not in inside] if inside else range(len(found))
    around = [union([scaled[index] for index in table]) for table in in_tables]
    around += [union([scaled[index] for index in picture]) for picture in pictures]
    boxes = [*(scaled[index] for index in single), *around] if inside else scaled
    texts = [*(found[index].text for index in single), *[""] * len(around)]
    lines: list[tuple[DetectedLine, Box]] = []
    tables: list[list[Cell]] = []
    after_group = -1  # the index of the line after a table or a picture
    for index in reading_order.order(
        boxes, texts, right_to_left=right_to_left, min_line_height=_min_line_height(found), areas=len(around)
    ):
        if index < len(single):
            _add_line(lines, found[single[index]], scaled[single[index]], may_join=len(lines) != after_group)
            continue
        group = index - len(single)
        if group < len(ruled):
            tables.append(_add_table(lines, found, scaled, ruled[group]))
        else:
            _add_picture(lines, found, scaled, pictures[group - len(ruled)])
        after_group = len(lines)
    return lines, tables


def _find_open_tables(
    lines: list[tuple[DetectedLine, Box]],
    ruled: Sequence[Sequence[Cell]],
    rules: Sequence[Box],
    uncertain: Sequence[RuledGrid],
    right_to_left: bool,
) -> tuple[list[tuple[DetectedLine, Box]], list[list[Cell]]]:
    """Return the lines, with those of each table without vertical rules cell by cell, and the cells of these tables."""
    inside = {line for table in ruled for cell in table for line in cell.lines}
    ordered, tables = list(lines), []
    start = 0
    for end in sorted({*inside, len(lines)}):
        part = lines[start:end]
        for table in open_tables.find_tables([box for _, box in part], [line.text for line, _ in part], rules):
            if any(grid.contains(box) for _, box in part[table.start : table.end] for grid in uncertain):
                continue
            cells = table_cells.mirror(table.cells) if right_to_left else table.cells
            lines_by_cell = [start + line for cell in cells for line in cell.lines]
            first = start + table.start
            ordered[first : start + table.end] = [lines[line] for line in lines_by_cell]
            place = {line - start: first + at for at, line in enumerate(lines_by_cell)}
            tables.append(table_cells.renumber(cells, place.__getitem__))
        start = end + 1
    return ordered, tables


def _find_footnotes(
    lines: Sequence[LayoutLine], tables: Sequence[Sequence[Cell]], rules: Sequence[Box], page_height: float
) -> list[range]:
    inside = {line for table in tables for cell in table for line in cell.lines}
    return footnotes.find_footnotes(lines, inside, rules, page_height)


def _move_footnotes(
    lines: list[tuple[DetectedLine, Box]], tables: list[list[Cell]], notes: Sequence[range]
) -> tuple[list[tuple[DetectedLine, Box]], list[list[Cell]]]:
    """Return the lines, with footnotes after the text, and the cells of the tables."""
    moved = [index for note in notes for index in note]
    bottom = max(lines[index][1][3] for index in moved)
    roles = {index: Role(RegionKind.FOOTNOTE, 1.0, number) for number, note in enumerate(notes, 1) for index in note}
    rest = [index for index in range(len(lines)) if index not in roles]
    end = len(rest)  # of the text: a page number or footer may be below the notes
    while end and lines[rest[end - 1]][1][1] > bottom:
        end -= 1
    order = [*rest[:end], *moved, *rest[end:]]
    place = {index: at for at, index in enumerate(order)}
    ordered = [(lines[n][0]._replace(role=roles.get(n, lines[n][0].role)), lines[n][1]) for n in order]
    return ordered, [table_cells.renumber(table, place.__getitem__) for table in tables]


def _find_pictures(found: Sequence[DetectedLine], scaled: Sequence[Box], inside: set[int]) -> list[list[int]]:
    """Return the lines of each picture that has no other line among them."""
    pictures: defaultdict[int, list[int]] = defaultdict(list)
    for index, line in enumerate(found):
        if line.picture and index not in inside:
            pictures[line.picture].append(index)
    return [own for own in pictures.values() if not _is_among(own, scaled)]


def _is_among(own: Sequence[int], scaled: Sequence[Box]) -> bool:
    """Return True if the middle of another line is inside the box around these lines."""
    left, top, right, bottom = union([scaled[index] for index in own])
    others = (box for index, box in enumerate(scaled) if index not in own)
    return any(left < (box[0] + box[2]) / 2 < right and top < (box[1] + box[3]) / 2 < bottom for box in others)


def _add_picture(
    lines: list[tuple[DetectedLine, Box]], found: Sequence[DetectedLine], scaled: Sequence[Box], picture: Sequence[int]
) -> None:
    """Append the lines of a picture in their own order."""
    first = len(lines)
    texts = [found[index].text for index in picture]
    for at in reading_order.order([scaled[index] for index in picture], texts):
        _add_line(lines, found[picture[at]], scaled[picture[at]], may_join=len(lines) != first)


def _add_line(lines: list[tuple[DetectedLine, Box]], line: DetectedLine, box: Box, may_join: bool) -> None:
    """Append a line, or join it to the line before if both are parts of one line and from the same source."""
    may_join = may_join and bool(lines) and lines[-1][0].source == line.source
    if may_join and (space := _separator(lines[-1][0].text, lines[-1][1], box)) is not None:
        lines[-1] = _join(lines[-1], (line, box), space)
    else:
        lines.append((line, box))


def _add_table(
    lines: list[tuple[DetectedLine, Box]], found: Sequence[DetectedLine], scaled: Sequence[Box], table: Sequence[Cell]
) -> list[Cell]:
    """Append the lines of each cell of a table; return the cells with the indices of these lines."""
    added = []
    for cell in table:
        first = len(lines)
        for at in reading_order.order([scaled[index] for index in cell.lines]) if cell.lines else ():
            index = cell.lines[at]
            _add_line(lines, found[index], scaled[index], may_join=len(lines) != first)
        added.append(cell._replace(lines=range(first, len(lines))))
    return added


def _find_ruled_tables(
    found: Sequence[DetectedLine], scaled: Sequence[Box], rules: Sequence[Box], uncertain: list[RuledGrid]
) -> list[list[Cell]]:
    """Return the cells of the tables between rules: first of grids, then of what is between horizontal rules."""
    if len(rules) < ruled_tables.MIN_RULES or not found:
        return []
    height = max(median(bottom - top for _, top, _, bottom in scaled), _min_line_height(found))
    texts = [line.text for line in found]
    tables = ruled_tables.find_tables(rules, scaled, height, texts, uncertain)
    inside = {line for table in tables for cell in table for line in cell.lines}
    inside.update(n for n, box in enumerate(scaled) if any(grid.contains(box) for grid in uncertain))
    rest = [index for index in range(len(found)) if index not in inside]
    others = open_tables.find_between_rules([scaled[n] for n in rest], [texts[n] for n in rest], rules, height)
    return [*tables, *(table_cells.renumber(table, rest.__getitem__) for table in others)]


def _min_line_height(found: Sequence[DetectedLine]) -> float:
    sizes = [line.size for line in found if line.size]
    return _HEIGHT_BY_SIZE * median(sizes) if sizes else 0.0


def _join_drop_caps(found: Sequence[DetectedLine], scaled: list[Box]) -> tuple[Sequence[DetectedLine], list[Box]]:
    """Join each drop cap (a letter as high as several lines) to the first of the lines beside it."""
    letters = [index for index, line in enumerate(found) if len(line.text) == 1 and line.text.isalpha()]
    joined, drop_caps = list(found), set()
    for letter in letters[:_MAX_DROP_CAPS]:
        beside = [index for index, box in enumerate(scaled) if _is_beside_drop_cap(scaled[letter], box)]
        if len(beside) > 1:
            first = min(beside, key=lambda index: scaled[index][1])
            text, box = found[letter].text + found[first].text, union((found[letter].box, found[first].box))
            joined[first] = found[first]._replace(text=text, box=box)
            drop_caps.add(letter)
    if not drop_caps:
        return found, scaled
    rest = [index for index in range(len(found)) if index not in drop_caps]
    return [joined[index] for index in rest], [scaled[index] for index in rest]


def _is_beside_drop_cap(letter: Box, line: Box) -> bool:
    """Return True if a letter is much higher than a line and close to its left."""
    tall, height = letter[3] - letter[1], line[3] - line[1]
    middle = (line[1] + line[3]) / 2
    near = -0.2 * tall < line[0] - letter[2] < _DROP_CAP_GAP * tall
    return tall > _DROP_CAP_HEIGHT * height and near and letter[1] - 0.5 * height < middle < letter[3]


def _text(lines: Sequence[LayoutLine], found: Sequence[Paragraph]) -> str:
    """Return the text of a page: one row in each line, with tabs between its cells."""
    rows: list[str] = []
    before: LayoutLine | None = None
    for paragraph in found:
        if paragraph.cells is not None:
            rows += _table_text(lines, paragraph.cells)
            before = None
            continue
        for line in lines[paragraph.first : paragraph.last + 1]:
            if before is not None and is_beside(before.box, line.box):
                rows[-1] += f"\t{line.text}"
            else:
                rows.append(line.text)
            before = line
    return "\n".join(rows)


def _table_text(lines: Sequence[LayoutLine], cells: Sequence[TableCell]) -> Iterator[str]:
    """Yield the rows of a table, without empty cells."""
    for _, row in groupby((cell for cell in cells if cell.blocks), key=lambda cell: cell.row):
        yield "\t".join(hyphenation.join_lines([lines[index].text for index in cell.blocks]) for cell in row)


def _is_up_the_page(box: Box) -> bool:
    """Return True if a line is turned or vertical: it is much higher than wide."""
    return box[3] - box[1] > _TURNED * (box[2] - box[0])


def _separator(text: str, before: Box, after: Box) -> str | None:
    """Return the separator between two parts of one line: a space or nothing. Return None for two lines."""
    if after[1] >= before[3] or _is_up_the_page(before) or _is_up_the_page(after):  # usually, the next line is below
        return None
    heights = before[3] - before[1], after[3] - after[1]
    gap = after[0] - before[2]
    widest = _BULLET_GAP * max(heights) if _BULLET.match(text) else _JOIN_GAP[1] * min(heights)
    if not _JOIN_GAP[0] * max(heights) <= gap <= widest:
        return None
    if min(before[3], after[3]) - max(before[1], after[1]) < 0.5 * min(heights):
        return None
    return " " if gap > _SPACE_GAP * min(heights) else ""


def _join(before: tuple[DetectedLine, Box], after: tuple[DetectedLine, Box], space: str) -> tuple[DetectedLine, Box]:
    (one, one_box), (two, two_box) = before, after
    share = len(one.text) / max(1, len(one.text) + len(two.text))
    line = one._replace(
        text=one.text + space + two.text,
        confidence=one.confidence * share + two.confidence * (1 - share),
        box=union((one.box, two.box)),
        size=one.size if len(one.text) > len(two.text) else two.size,
        bold=two.bold and (one.bold or bool(_BULLET.match(one.text))),
    )
    return line, union((one_box, two_box))


def reads_right_to_left(found: Sequence[DetectedLine]) -> bool:
    """Return True if most letters are Hebrew or Arabic."""
    if not any(_RIGHT_TO_LEFT.search(line.text) for line in found if not line.text.isascii()):
        return False
    text = "".join(line.text for line in found)
    return 2 * len(_RIGHT_TO_LEFT.findall(text)) > len(_LETTER.findall(text))
