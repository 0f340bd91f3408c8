"""The results as a page in Markdown, as JSON, and as two plots."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

from benchmarks.quality import _processor as processor
from benchmarks.support.rows import Row, Target

_LIBRARIES = ("celery", "redis", "gunicorn", "gevent", "pypdfium2", "rapidocr", "openvino", "onnxruntime", "tesserocr")
_LIBRARIES += ("ocrmypdf", "numpy")


@dataclass(frozen=True, kw_only=True)
class About:
    """The date, machine and versions of a run."""

    date: str
    minutes: float
    scale: float
    machine: str
    versions: dict[str, str]

    @classmethod
    def here(cls, minutes: float, scale: float) -> About:
        """Describe a run on this machine, now."""
        memory_gb = psutil.virtual_memory().total / (1 << 30)
        return cls(
            date=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
            minutes=round(minutes, 1),
            scale=scale,
            machine=f"{processor()}, {os.cpu_count()} cores, {memory_gb:.0f} GB, {platform.system()}",
            versions={"python": platform.python_version(), **{name: _version(name) for name in _LIBRARIES}},
        )


def page(rows: Sequence[Row], about: About, titles: dict[str, str], how: dict[str, str]) -> str:
    """Return the text of docs/benchmarks/README.md: summary, table, plots, and methods."""
    parts = [
        "# Benchmarks",
        "Written by `make bench`. Each measure compares the service with a bare loop or another program on the same "
        "files. Both run in turn, in one session; the figure is the median. Failures are pages, jobs or clients that "
        "failed during the measure: with any failure, its target is missed.",
        f"{about.date}, {about.minutes:g} minutes. Machine: {about.machine}. Versions: "
        + ", ".join(f"{name} {number}" for name, number in about.versions.items())
        + ".",
    ]
    if about.scale != 1:
        parts.append(f"**A trial at scale {about.scale:g}: do not rely on its figures.**")
    parts += [verdict(rows), table(rows)]
    parts += ["![The share of each target that was reached](speed.png)", "![Growth](growth.png)"]
    parts += ["## Method", *(f"**{titles[name]}.** {text}" for name, text in how.items())]
    return "\n\n".join(parts) + "\n"


def verdict(rows: Sequence[Row]) -> str:
    """Return the number of targets met, and a list of the others."""
    with_target = [row for row in rows if row.met is not None]
    missed = [row for row in with_target if not row.met]
    absent = [row for row in rows if row.figure is None]
    lines = [f"{len(with_target) - len(missed)} of {len(with_target)} targets are met."]
    lines += [f"- **Missed:** {row.what}: {_figure(row)}, target {row.target}{_failed(row)}" for row in missed]
    lines += [f"- Not measured: {row.what}: {row.detail}" for row in absent]
    return "\n".join([lines[0], "", *lines[1:]]).strip()


def table(rows: Sequence[Row]) -> str:
    """Return all rows as a table; a missed target is in bold."""
    lines = ["| what | figure | target | | failures | runs | |", "|---|---:|---:|---|---:|---:|---|"]
    return "\n".join([*lines, *map(_line, rows)])


def _line(row: Row) -> str:
    if row.figure is None:
        return f"| {row.what} | – | | not measured | | | {_cell(row.detail)} |"
    word = {None: "", True: "met", False: "**missed**"}[row.met]
    return (
        f"| {row.what} | {_figure(row)} | {row.target or ''} | {word} | {row.failures} | {row.runs} "
        f"| {_cell(row.detail)} |"
    )


def _figure(row: Row) -> str:
    assert row.figure is not None
    size = abs(row.figure)
    text = f"{row.figure:,.0f}" if size >= 100 or row.figure == int(row.figure) else f"{row.figure:.3g}"
    return f"{text} {row.unit}".strip()


def _failed(row: Row) -> str:
    return f" ({row.failures} failures)" if row.failures else ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def as_json(rows: Sequence[Row], about: About) -> str:
    """Return all results as JSON."""
    return json.dumps({"about": asdict(about), "rows": [_entry(row) for row in rows]}, indent=1, ensure_ascii=False)


def _entry(row: Row) -> dict[str, Any]:
    return {**asdict(row), "met": row.met}


def shares(rows: Sequence[Row]) -> list[tuple[str, float, bool]]:
    """Return the share of each row's target that was reached (more is better), and whether the target is met."""
    return [
        (row.what, _share(row.figure, row.target), bool(row.met))
        for row in rows
        if row.figure is not None and row.target is not None and row.target.bound > 0
    ]


def _share(figure: float, target: Target) -> float:
    if target.at_least:
        return figure / target.bound
    return target.bound / max(figure, target.bound / 10)


def write(folder: Path, rows: Sequence[Row], about: About, titles: dict[str, str], how: dict[str, str]) -> None:
    """Write README.md, results.json, speed.png and growth.png."""
    from benchmarks.support import plots

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "README.md").write_text(page(rows, about, titles, how), encoding="utf-8")
    (folder / "results.json").write_text(as_json(rows, about) + "\n", encoding="utf-8")
    plots.speed(shares(rows), folder / "speed.png")
    plots.growth([row for row in rows if row.points], folder / "growth.png")


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"
