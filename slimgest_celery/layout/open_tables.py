"""Tables without vertical rules, found by the alignment of their cells. Pure arithmetic on boxes; in doubt, no table.

The caller gives lines in reading order, so that the columns of a page are already apart.

1. A candidate is a run of rows, most of which have several lines side by side.
2. Its columns are between the white strips that nearly all of its rows leave free. A line over such a strip is a merged
   cell, such as the heading of two columns.
3. Its rows are what is between two rules, or between wider gaps. A row whose first cells are empty may be a further
   line of the row above.
4. It is a table if its cells are flush left, flush right or centred, few are missing, and no text runs on from one row
   to the next, as that of a page in columns does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from slimgest_celery.geometry import Box, is_beside
from slimgest_celery.layout import table_cells
from slimgest_celery.layout.running_text import continues, is_amount
from slimgest_celery.layout.table_cells import Cell

# In heights of a line.
_CORE = 0.6  # the part of a line's height by which it is in a row: the boxes of lines in tight type overlap
_MAX_ROW_GAP = 3.0  # between two rows of a candidate
_MIN_COLUMN_GAP = 0.35  # between columns, left free by all rows
_FLUSH_TOLERANCE = 0.6
_MAX_CELL_WIDTH = 25.0  # text set in columns has longer lines
_MAX_THICKNESS = 0.5  # of a rule
_MIN_RULE = 8.0  # the length of a rule over the table
_RULE_TOLERANCE = 1.5  # the ends of a table's rules differ by less
_SAME_LEVEL = 0.4  # pieces of one rule
_CENTRED = 1.0  # the middle of a heading, and that of its columns
_MAX_JUMP = 8.0  # up, from one line to the next: more is the start of the next column of the page
_WORDY = 4  # words in a cell: two columns of such cells are text
_MIN_COLUMNS = 4  # of a table in two columns of the page
# Numbers of rows.
_MIN_ROWS = 3  # with fewer, alignment is no evidence
_MIN_ROWS_OF_TWO = 4  # of two columns; fewer may also be two blocks of lines, such as sender and date
_MIN_RULES = 3  # above and below the table, and one between
_MAX_SINGLE = 10  # consecutive rows of one line each in a table: the lines of a wrapped cell
_MAX_HEADER_ROWS = 7  # of lines at different heights: cells of three and of two lines, centred, make five
_MIN_BANDS = 4  # rows between rules, of a table with rules between all its rows
# Shares.
_MAX_MERGED = 0.25  # of the rows: merged cells
_MIN_FILLED = 0.6  # of the places
_MIN_FLUSH = 0.75  # of the cells of a column; the headings of columns often are not
_MAX_RUNNING = 0.2  # of the cells below others: those that continue the text of the row above
_MAX_BLANK = 0.6  # of a column's cells
_TIGHT = 1.25  # the distance of two lines of a cell, in the smallest distance of two lines
_APART = 1.15  # the distance of two rows without a rule between them, in the distance of two lines of a cell
_WIDE = 0.65  # of the column: the width of a line that is followed by another line of the same cell


class _Line(NamedTuple):
    number: int
    box: Box
    text: str

    @property
    def middle(self) -> float:
        return (self.box[1] + self.box[3]) / 2


_Row = list[_Line]  # lines at one height, from left to right
_Columns = list[tuple[float, float]]  # the left and right edge of each


class _Level(NamedTuple):
    """A rule at one height, and the columns that it is over."""

    at: float
    columns: set[int]


class FoundTable(NamedTuple):
    """A table: the first of its lines, the line after its last, and its cells with the indices of these lines."""

    start: int
    end: int
    cells: list[Cell]


def find_between_rules(
    boxes: Sequence[Box], texts: Sequence[str], rules: Sequence[Box], height: float
) -> list[list[Cell]]:
    """Return the cells of the tables that are between at least three horizontal rules of one width, in any order."""
    tables = []
    for left, right, levels in _stacks(_level_rules(rules, height), height):
        inside = [
            _Line(index, box, text)
            for index, (box, text) in enumerate(zip(boxes, texts, strict=True))
            if left < (box[0] + box[2]) / 2 < right and levels[0] < (box[1] + box[3]) / 2 < levels[-1]
        ]
        for lines in _split_at_long_lines(inside, levels, height):
            table = _read_table(_to_rows(lines), rules, height)
            if table is not None:
                tables.append(table)
    return tables


def find_tables(boxes: Sequence[Box], texts: Sequence[str], rules: Sequence[Box] = ()) -> list[FoundTable]:
    """Return the tables in lines that are in reading order. `rules` are the rules of the page.

    Few pages have a table, so the first look is cheap: are there enough lines beside the line before them?
    """
    lines = [_Line(index, box, text) for index, (box, text) in enumerate(zip(boxes, texts, strict=True))]
    if _count_beside(lines) < _MIN_ROWS:
        return []
    height = median(bottom - top for _, top, _, bottom in boxes)
    found: list[FoundTable] = []
    parts = list(_split_at_columns(lines, height))
    may_be_table = [_count_beside(part) >= 2 for part in parts]
    for number, part in enumerate(parts):
        if not may_be_table[number]:
            continue
        # The reading order may have taken the columns of a table for those of the page.
        after = parts[number + 1] if may_be_table[number + 1 : number + 2] == [True] else []
        both = [*part, *after] if after else []
        wide = [table for table in _tables_in(both, rules, height) if _is_in_both(table, after)]
        for table in wide or _tables_in(part, rules, height):
            if not found or table.start >= found[-1].end:
                found.append(table)
    return found


def _count_beside(lines: Sequence[_Line]) -> int:
    """Return the number of lines that are beside the line before them."""
    return sum(is_beside(before.box, after.box) for before, after in pairwise(lines))


def _is_in_both(table: FoundTable, after: Sequence[_Line]) -> bool:
    """Return True if a table has several columns and is in two parts of the page, of which the second is given."""
    return table.start < after[0].number < table.end and max(cell.end_column for cell in table.cells) >= _MIN_COLUMNS


def _tables_in(lines: Sequence[_Line], rules: Sequence[Box], height: float) -> Iterator[FoundTable]:
    """Yield the tables in these lines of the page, in reading order."""
    for rows in _candidates(_to_rows(lines), height):
        cells = _read_table(rows, rules, height)
        inside = sorted(line for cell in cells or () for line in cell.lines)
        # Otherwise, other lines are among them in reading order.
        if cells and inside == list(range(inside[0], inside[-1] + 1)):
            yield FoundTable(inside[0], inside[-1] + 1, cells)


def _level_rules(rules: Sequence[Box], height: float) -> list[Box]:
    """Return the horizontal rules from top to bottom, with the pieces of each joined."""
    joined: list[Box] = []
    flat = [rule for rule in rules if rule[3] - rule[1] <= _MAX_THICKNESS * height and rule[2] - rule[0] > height]
    for rule in sorted(flat, key=lambda rule: (round((rule[1] + rule[3]) / (_SAME_LEVEL * height)), rule[0])):
        before = joined[-1] if joined else rule
        same = abs(before[1] + before[3] - rule[1] - rule[3]) / 2 < _SAME_LEVEL * height
        if joined and same and rule[0] <= before[2] + height:
            joined[-1] = (before[0], before[1], max(before[2], rule[2]), before[3])
        else:
            joined.append(rule)
    return joined


def _stacks(rules: Sequence[Box], height: float) -> Iterator[tuple[float, float, list[float]]]:
    """Yield the left and right end of rules of one width that are below one another, and their heights."""
    stacks: list[list[Box]] = []
    reach = _RULE_TOLERANCE * height
    for rule in rules:
        if rule[2] - rule[0] < _MIN_RULE * height:
            continue
        for stack in stacks:
            if abs(stack[-1][0] - rule[0]) < reach and abs(stack[-1][2] - rule[2]) < reach:
                stack.append(rule)
                break
        else:
            stacks.append([rule])
    for stack in stacks:
        if len(stack) >= _MIN_RULES:
            yield stack[0][0], stack[0][2], sorted((rule[1] + rule[3]) / 2 for rule in stack)


def _split_at_long_lines(lines: Sequence[_Line], levels: Sequence[float], height: float) -> Iterator[list[_Line]]:
    """Yield the lines between rules, without those between two rules that have a long line of text between them."""
    part: list[_Line] = []
    bands = 0
    for top, bottom in pairwise(levels):
        band = [line for line in lines if top < line.middle < bottom]
        if any(line.box[2] - line.box[0] > _MAX_CELL_WIDTH * height for line in band):
            if bands >= _MIN_RULES - 1:
                yield part
            part, bands = [], 0
        elif band:
            part, bands = [*part, *band], bands + 1
    if bands >= _MIN_RULES - 1:
        yield part


def _split_at_columns(lines: Sequence[_Line], height: float) -> Iterator[list[_Line]]:
    """Yield the lines of each column of the page."""
    part: list[_Line] = []
    for line in lines:
        if part and line.box[1] < part[-1].box[1] - _MAX_JUMP * height:
            yield part
            part = []
        part.append(line)
    yield part


def _to_rows(lines: Sequence[_Line]) -> list[_Row]:
    """Return the lines by rows. Lines of one cell beside a line at half of their heights are in one row with it."""
    rows: list[_Row] = []
    lowest = 0.0
    for line in sorted(lines, key=lambda line: line.middle):
        reach = _CORE / 2 * (line.box[3] - line.box[1])
        if rows and line.middle - reach < lowest:
            rows[-1].append(line)
            lowest = max(lowest, line.middle + reach)
        else:
            rows.append([line])
            lowest = line.middle + reach
    return [sorted(row, key=lambda line: line.box[0]) for row in rows]


def _candidates(rows: Sequence[_Row], height: float) -> Iterator[list[_Row]]:
    """Yield runs of rows without a large gap, a long line or many single lines."""
    run: list[_Row] = []
    single = 0  # rows of one line at the end of the run
    for row in [*rows, []]:
        apart = (
            run
            and row
            and min(line.box[1] for line in row) - max(line.box[3] for line in run[-1]) > (_MAX_ROW_GAP * height)
        )
        long = len(row) == 1 and row[0].box[2] - row[0].box[0] > _MAX_CELL_WIDTH * height
        single = single + 1 if len(row) == 1 else 0
        if run and (apart or long or not row or single > _MAX_SINGLE):
            yield run
            run, single = [], 0
        if row and not long:
            run.append(row)


def _read_table(rows: list[_Row], rules: Sequence[Box], height: float) -> list[Cell] | None:
    """Return the cells of the table that these rows are, or None. Single lines at its ends may not be part of it."""
    if sum(len(row) > 1 for row in rows) < 2:
        return None
    columns = _find_columns(rows, height)
    if len(columns) < 2 or any(right - left > _MAX_CELL_WIDTH * height for left, right in columns):
        return None
    levels = _find_levels(rows, columns, rules, height)
    rows = _trim(rows, levels, height)
    header = _count_header_rows(rows, columns, levels, height)
    bands = _bands(rows[header:], levels)
    groups = [*([rows[:header]] if header else []), *_grouped(bands, columns, len(levels))]
    cells = _place(groups, columns)
    if cells is None or not _is_table(cells, rows, columns, len(levels) >= _MIN_RULES, height):
        return None
    cells = _merge_down(_widen_headings(cells, groups[0], columns, height), groups, levels)
    return table_cells.merge_down(cells)


def _trim(rows: list[_Row], levels: Sequence[_Level], height: float) -> list[_Row]:
    """Return the rows without single lines at the ends that are not part of the table.

    Those at the top are its heading, if a rule is above them. Those at the end continue a cell of the last row, or have
    a rule below them.
    """
    several = [number for number, row in enumerate(rows) if len(row) > 1]
    start = several[0]
    while start and levels and levels[0].at < rows[start - 1][0].middle:
        start -= 1
    end = several[-1] + 1
    pitch = _TIGHT * _min_pitch(rows[start:])
    while end < len(rows) and (
        (levels and rows[end][0].middle < levels[-1].at) or _continues_cell(rows[end - 1], rows[end][0], pitch, height)
    ):
        end += 1
    return rows[start:end]


def _continues_cell(row: _Row, line: _Line, pitch: float, height: float) -> bool:
    """Return True if a line below the last row is a further line of one of its cells."""
    above = [other for other in row if abs(other.box[0] - line.box[0]) < height]
    if not above or line.middle - above[0].middle > pitch:
        return False
    return len(row) == 1 or above[0] is not row[0] or continues(above[0].text, line.text)


def _min_pitch(rows: Sequence[_Row]) -> float:
    """Return the smallest distance between two lines below one another."""
    return min((_pitch(above, below) for above, below in pairwise(rows)), default=0.0)


def _pitch(above: _Row, below: _Row) -> float:
    """Return the distance of two rows: of lines of one column, if there are any."""
    distances = [
        lower.middle - upper.middle
        for upper in above
        for lower in below
        if upper.box[0] < lower.box[2] and lower.box[0] < upper.box[2]
    ]
    return min(distances, default=_top(below) - _top(above))


def _top(row: _Row) -> float:
    return min(line.middle for line in row)


def _find_columns(rows: Sequence[_Row], height: float) -> _Columns:
    """Return the left and right edge of each column: the parts of the width that the rows cover.

    Rows with merged cells may hide columns: the first row, and titles in between.
    """
    several = [row for row in rows if len(row) > 1]
    choices = [rows, rows[1:], several, several[1:]]
    found = [_covered_by_all(choice, height) for choice in choices if len(choice) > 1]
    return max(found, key=lambda columns: _count_used(columns, rows))


def _count_used(columns: _Columns, rows: Sequence[_Row]) -> int:
    """Return the number of columns that have text in several rows, less those that have not."""
    several = 0
    for left, right in columns:
        several += sum(any(line.box[0] < right and left < line.box[2] for line in row) for row in rows) > 1
    return 2 * several - len(columns)


def _covered_by_all(rows: Sequence[_Row], height: float) -> _Columns:
    columns: _Columns = []
    for left, _, right, _ in sorted(line.box for row in rows for line in row):
        if columns and left < columns[-1][1] + _MIN_COLUMN_GAP * height:
            columns[-1] = (columns[-1][0], max(columns[-1][1], right))
        else:
            columns.append((left, right))
    return columns


def _find_levels(rows: Sequence[_Row], columns: _Columns, rules: Sequence[Box], height: float) -> list[_Level]:
    """Return the heights of the rules over at least half of the columns, with the ones above and below the rows."""
    reach = _RULE_TOLERANCE * height
    top, bottom = min(line.box[1] for line in rows[0]) - reach, max(line.box[3] for line in rows[-1]) + reach
    levels: list[tuple[float, list[Box]]] = []  # the pieces of a rule at one height
    for rule in sorted(rules, key=lambda rule: rule[1] + rule[3]):
        at = (rule[1] + rule[3]) / 2
        if not top <= at <= bottom:
            continue
        if levels and at - levels[-1][0] < _SAME_LEVEL * height:
            levels[-1][1].append(rule)
        else:
            levels.append((at, [rule]))
    found = []
    for at, pieces in levels:
        middles = [(left + right) / 2 for left, right in columns]
        over = {n for n, x in enumerate(middles) if any(piece[0] <= x <= piece[2] for piece in pieces)}
        if 2 * len(over) >= len(columns):
            found.append(_Level(at, over))
    return found


def _bands(rows: Sequence[_Row], levels: Sequence[_Level]) -> list[list[_Row]]:
    """Return the rows between rules."""
    bands: list[list[_Row]] = [[] for _ in range(len(levels) + 1)]
    for row in rows:
        middle = sum(line.middle for line in row) / len(row)
        bands[sum(level.at < middle for level in levels)].append(row)
    return [band for band in bands if band]


def _count_header_rows(rows: list[_Row], columns: _Columns, levels: Sequence[_Level], height: float) -> int:
    """Return the number of rows of lines that are the first row of the table: names of columns of several lines each.

    A rule or a wider gap is below them, and amounts, of which they have none, are below that. Return 0 in doubt.
    """
    for count in range(2, min(_MAX_HEADER_ROWS, len(rows) - 2) + 1):
        header, body = rows[:count], rows[count:]
        if any(is_amount(line.text) for line in header[-1]):
            return 0
        bottom, top = max(line.middle for row in header for line in row), _top(body[0])
        is_ruled = any(bottom < level.at < top for level in levels)
        inner = _header_pitch(header, columns, height)
        is_apart = inner > 0 and min(top - bottom, _min_pitch(body)) > _APART * inner
        if inner and (is_ruled or is_apart) and _has_amounts(body, columns):
            return count
    return 0


def _header_pitch(rows: Sequence[_Row], columns: _Columns, height: float) -> float:
    """Return the largest distance of two lines of a cell if these rows of lines are one row of cells; 0 if not."""
    inside: dict[tuple[int, int], list[_Line]] = {}
    for row in rows:
        for line in row:
            inside.setdefault(_columns_of(line, columns), []).append(line)
    several = [lines for lines in inside.values() if len(lines) > 1]
    distances = [below.middle - above.middle for lines in several for above, below in pairwise(lines)]
    if len(several) < 2 or any(first != last for first, last in inside) or max(distances) > _TIGHT * min(distances):
        return 0.0
    return max(distances) if all(_is_aligned(lines, height) for lines in several) else 0.0


def _is_aligned(lines: Sequence[_Line], height: float) -> bool:
    """Return True if all lines of a cell have the same left edge, right edge or middle."""
    edges = ([line.box[0] for line in lines], [line.box[2] for line in lines])
    middles = [(left + right) / 2 for left, right in zip(*edges, strict=True)]
    return any(max(places) - min(places) <= _FLUSH_TOLERANCE * height for places in (*edges, middles))


def _has_amounts(rows: Sequence[_Row], columns: _Columns) -> bool:
    """Return True if at least half of the rows have an amount in the same column."""
    amounts = Counter(_columns_of(line, columns)[0] for row in rows for line in row if is_amount(line.text))
    return 2 * max(amounts.values(), default=0) >= len(rows)


def _grouped(bands: Sequence[list[_Row]], columns: _Columns, rules: int) -> Iterator[list[_Row]]:
    """Yield the rows of the table, each of one or several rows of lines."""
    for band in bands:
        yield from _group_rows(band, columns, rules)


def _group_rows(band: list[_Row], columns: _Columns, rules: int) -> list[list[_Row]]:
    """Return the rows of the table between two rules: each is one row of lines, or several if a cell has several."""
    if len(band) == 1 or (rules > _MIN_BANDS and _is_one_row(band, columns)):
        return [band]
    pitches = [_pitch(above, below) for above, below in pairwise(band)]
    tight = _TIGHT * min(pitches)
    groups = [[band[0]]]
    for row, pitch in zip(band[1:], pitches, strict=True):
        if pitch <= tight:
            groups[-1].append(row)
        else:
            groups.append([row])
    found: list[list[_Row]] = []
    for group in groups:
        found += [group] if len(groups) > 1 and _is_one_row(group, columns) else _join_further_lines(group, columns)
    return found


def _is_one_row(group: Sequence[_Row], columns: _Columns) -> bool:
    """Return True if at least half of the columns have one line, and none has several amounts."""
    inside: dict[tuple[int, int], list[_Line]] = {}
    for row in group:
        for line in row:
            inside.setdefault(_columns_of(line, columns), []).append(line)
    if any(sum(is_amount(line.text) for line in lines) > 1 for lines in inside.values()):
        return False
    return len(group) == 1 or 2 * sum(len(lines) == 1 for lines in inside.values()) >= len(inside)


def _join_further_lines(rows: Sequence[_Row], columns: _Columns) -> list[list[_Row]]:
    """Return rows, with those that are further lines of the row above joined to it."""
    found = [[rows[0]]]
    for row in rows[1:]:
        if _is_further_line(found[-1], row, columns):
            found[-1].append(row)
        else:
            found.append([row])
    return found


def _is_further_line(group: Sequence[_Row], row: _Row, columns: _Columns) -> bool:
    """Return True if each line of a row without a first cell is below a line that is about as wide as its column."""
    main = {_columns_of(line, columns) for line in group[0]}
    own = {_columns_of(line, columns) for line in row}
    if (0, 0) in own or not own < main or any(is_amount(line.text) for line in row):
        return False
    for line in row:
        column = _columns_of(line, columns)
        above = [other for other in group[-1] if _columns_of(other, columns) == column]
        left, right = columns[column[0]][0], columns[column[1]][1]
        if not above or above[-1].box[2] - above[-1].box[0] < _WIDE * (right - left):
            return False
    return True


def _columns_of(line: _Line, columns: _Columns) -> tuple[int, int]:
    """Return the first and the last column that a line is in."""
    left, right = line.box[0], line.box[2]
    inside = [n for n, (start, end) in enumerate(columns) if left < end and start < right]
    if not inside:  # in a gap that few rows reach into
        nearest = min(range(len(columns)), key=lambda n: max(columns[n][0] - right, left - columns[n][1]))
        return nearest, nearest
    return inside[0], inside[-1]


def _place(groups: Sequence[Sequence[_Row]], columns: _Columns) -> list[Cell] | None:
    """Return the cells of the table, or None if two cells would overlap."""
    cells: list[Cell] = []
    for number, group in enumerate(groups):
        inside: dict[tuple[int, int], list[_Line]] = {}
        for row in group:
            for line in row:
                inside.setdefault(_columns_of(line, columns), []).append(line)
        used = [column for first, last in inside for column in range(first, last + 1)]
        if len(used) > len(set(used)):
            return None
        inside.update(((column, column), []) for column in range(len(columns)) if column not in used)
        for (first, last), lines in sorted(inside.items()):
            ordered = [line.number for line in sorted(lines, key=lambda line: (line.middle, line.box[0]))]
            cells.append(Cell(number, first, ordered, col_span=last - first + 1))
    return cells


def _widen_headings(cells: Sequence[Cell], group: Sequence[_Row], columns: _Columns, height: float) -> list[Cell]:
    """Return the cells, with each heading that is centred over several columns in all of them."""
    lines = {line.number: line for row in group for line in row}
    first = [cell for cell in cells if cell.row == 0]
    below = {cell.column for cell in cells if cell.row == 1 and cell.lines}
    empty = {cell.column for cell in first if not cell.lines and cell.column in below}
    widened: dict[int, Cell] = {}
    covered: set[int] = set()
    for cell in first:
        if not cell.lines:
            continue
        box = lines[cell.lines[0]].box
        spans = [
            (start, end)
            for start in range(cell.column, -1, -1)
            for end in range(cell.end_column, len(columns) + 1)
            if end - start > cell.col_span
            and set(range(start, end)) - set(range(cell.column, cell.end_column)) <= empty - covered
            and abs(columns[start][0] + columns[end - 1][1] - box[0] - box[2]) / 2 < _CENTRED * height
        ]
        if spans and cell.column in below:
            start, end = spans[0]
            widened[cell.column] = cell._replace(column=start, col_span=end - start)
            covered.update(set(range(start, end)) - {cell.column})
    kept = [cell for cell in cells if cell.row != 0 or cell.column not in covered]
    return sorted(widened.get(cell.column, cell) if cell.row == 0 else cell for cell in kept)


def _merge_down(cells: Sequence[Cell], groups: Sequence[Sequence[_Row]], levels: Sequence[_Level]) -> list[Cell]:
    """Return the cells, with empty ones merged with the one above if only other columns have a rule between the two."""
    tops = [min(line.middle for row in group for line in row) for group in groups]
    found: list[Cell] = []
    for cell in cells:
        between = [level for level in levels if cell.row and tops[cell.row - 1] < level.at < tops[cell.row]]
        above = next((at for at, other in enumerate(found) if _is_above(other, cell)), None)
        is_open = bool(between) and not any(cell.column in level.columns for level in between)
        if is_open and above is not None and not (cell.lines and found[above].lines):
            merged = found[above]
            found[above] = merged._replace(lines=merged.lines or cell.lines, row_span=merged.row_span + 1)
        else:
            found.append(cell)
    return found


def _is_above(one: Cell, other: Cell) -> bool:
    return (one.end_row, one.column, one.col_span) == (other.row, other.column, other.col_span)


def _is_table(cells: Sequence[Cell], rows: Sequence[_Row], columns: _Columns, ruled: bool, height: float) -> bool:
    lines = {line.number: line for row in rows for line in row}
    count = cells[-1].row + 1
    if count < _MIN_ROWS or (len(columns) == 2 and count < _MIN_ROWS_OF_TWO):
        return False
    filled = [cell for cell in cells if cell.lines]
    places = sum(cell.col_span for cell in filled)
    if places < (_MIN_FILLED if len(columns) > 2 or ruled else 1.0) * count * len(columns):
        return False
    if sum(cell.col_span > 1 for cell in filled) > max(1, _MAX_MERGED * count):
        return False
    for column in range(len(columns)):
        own = [cell for cell in filled if cell.column == column and cell.col_span == 1]
        if len(own) < (1 - _MAX_BLANK) * count or not _is_flush([lines[cell.lines[0]].box for cell in own], height):
            return False
        width = _WIDE * (columns[column][1] - columns[column][0])
        if _runs_on([[lines[index] for index in cell.lines] for cell in own], width):
            return False
    if len(columns) > 2:
        return True
    wordy = [median(_words(lines, cell) for cell in filled if cell.column == column) >= _WORDY for column in (0, 1)]
    return not all(wordy) and (ruled or all(len(cell.lines) == 1 or cell.column == 0 for cell in filled))


def _words(lines: Mapping[int, _Line], cell: Cell) -> int:
    return sum(len(lines[index].text.split()) for index in cell.lines)


def _runs_on(cells: Sequence[_Row], width: float) -> bool:
    """Return True if the text of several cells of a column goes on in the cell below. Such lines have this width."""
    running = sum(
        " " in below[0].text
        and above[-1].box[2] - above[-1].box[0] > width
        and continues(above[-1].text, below[0].text)
        for above, below in pairwise(cells)
    )
    return running > max(1, _MAX_RUNNING * len(cells))


def _is_flush(cells: Sequence[Box], height: float) -> bool:
    """Return True if most cells of a column have the same left edge, right edge or middle."""
    for edges in ([c[0] for c in cells], [c[2] for c in cells], [(c[0] + c[2]) / 2 for c in cells]):
        usual = sorted(edges)[len(edges) // 2]
        if sum(abs(edge - usual) <= _FLUSH_TOLERANCE * height for edge in edges) >= _MIN_FLUSH * len(edges):
            return True
    return False
