"""The drawn tables, the measure of their similarity, and what is found of them in text layers."""

from __future__ import annotations

from benchmarks.tables.__main__ import measure
from benchmarks.tables.drawing import draw_table
from benchmarks.tables.teds import teds
from slimgest_celery.formats.tables import Table, TextCell


def _table(*texts: str, header: bool = True) -> Table:
    return Table(
        cells=[TextCell(row=n // 2, column=n % 2, header=header and n < 2, text=text) for n, text in enumerate(texts)]
    )


def test_the_similarity_counts_cells_and_letters() -> None:
    truth = _table("Name", "Sum", "Oats", "12")  # table, thead, tbody, 2 rows, 4 cells
    assert teds(truth, truth) == 1
    assert teds(_table("Name", "Sum", "Oats", "13"), truth) == 1 - 0.5 / 9
    assert teds(_table("Name", "Sum", "Oats", "12", "Rye", "7"), truth) == 1 - 3 / 12
    spanned = Table(cells=[*truth.cells[:2], TextCell(row=1, column=0, col_span=2, text="Oats")])
    assert teds(spanned, truth) == 1 - 2 / 9, "a changed and a missing cell"


def test_most_drawn_tables_are_read_from_text_layers() -> None:
    assert draw_table(1).truth == draw_table(1).truth and draw_table(1).ruling == "half-ruled"
    assert measure(["text_layer"], count=12)["text_layer"]["all"] > 0.95
