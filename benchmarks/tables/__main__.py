"""Measure the tables that are found: draw 40, read each as text layer, clean scan and noisy scan, and compare.

`python -m benchmarks.tables` prints the mean TEDS (teds.py) by ruling and form. `--forms text_layer` needs no OCR.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from statistics import mean

from benchmarks.sweep.worker import NoOcr
from benchmarks.tables.drawing import RULING, DrawnTable, draw_table, to_scan
from benchmarks.tables.teds import best_score
from slimgest_celery.config import Settings
from slimgest_celery.engines.registry import load_engine
from slimgest_celery.formats.tables import table_of
from slimgest_celery.models.job import Mode, Options
from slimgest_celery.pdf.document import open_pdf
from slimgest_celery.reading.page_reader import PageReader

FORMS = ("text_layer", "clean", "noisy")
COUNT = 40


def score_table(reader: PageReader, drawn: DrawnTable, form: str) -> float:
    """Return the TEDS of a drawn table, read in this form; 0 if no table was found."""
    pdf = drawn.pdf if form == "text_layer" else to_scan(drawn.pdf, noisy=form == "noisy", seed=drawn.number)
    mode = Mode.TEXT if form == "text_layer" else Mode.OCR
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.pdf"
        path.write_bytes(pdf)
        with closing(open_pdf(path)) as opened:
            (page,) = reader.read_pages(opened, Options(mode=mode), [1])
    found = [table_of(page, paragraph) for paragraph in page.paragraphs if paragraph.cells is not None]
    return best_score(found, drawn.truth)


def measure(forms: Sequence[str], count: int = COUNT) -> dict[str, dict[str, float]]:
    """Return the mean TEDS of the first tables, by form and ruling, and over all rulings (`all`)."""
    settings = Settings()
    engine = load_engine(settings) if set(forms) != {"text_layer"} else NoOcr()
    reader = PageReader(engine=engine, worker="", max_pixels=settings.max_page_pixels)
    tables = [draw_table(number) for number in range(count)]
    means = {}
    for form in forms:
        scores: defaultdict[str, list[float]] = defaultdict(list)
        for drawn in tables:
            score = score_table(reader, drawn, form)
            scores[drawn.ruling].append(score)
            scores["all"].append(score)
        means[form] = {ruling: mean(own) for ruling, own in scores.items()}
    return means


def main() -> None:
    """Print the mean TEDS as a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--forms", nargs="+", choices=FORMS, default=FORMS)
    found = measure(parser.parse_args().forms)
    rulings = [*RULING, "all"]
    print(f"| form | {' | '.join(rulings)} |", "|---|" + "---:|" * len(rulings), sep="\n")
    for form, means in found.items():
        print(f"| {form} | {' | '.join(f'{means[ruling]:.3f}' for ruling in rulings)} |")


if __name__ == "__main__":
    main()
