"""What was measured, as a page in Markdown, as JSON, and as two plots."""

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
from benchmarks.rows import Row, Target

_LIBRARIES = ("celery", "redis", "gunicorn", "gevent", "pypdfium2", "rapidocr", "openvino", "onnxruntime", "tesserocr")
_LIBRARIES += ("ocrmypdf", "numpy")


@dataclass(frozen=True, kw_only=True)
class About:
    """When, where and with what it was measured."""

    date: str
    minutes: float
    scale: float
    machine: str
    versions: dict[str, str]

    @classmethod
    def here(cls, minutes: float, scale: float) -> About:
        """This machine, now."""
        memory_gb = psutil.virtual_memory().total / (1 << 30)
        return cls(
            date=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
            minutes=round(minutes, 1),
            scale=scale,
            machine=f"{processor()}, {os.cpu_count()} cores, {memory_gb:.0f} GB, {platform.system()}",
            versions={"python": platform.python_version(), **{name: _version(name) for name in _LIBRARIES}},
        )


def page(rows: Sequence[Row], about: About, titles: dict[str, str], how: dict[str, str]) -> str:
    """docs/benchmarks/README.md: verdict, table, plots, and how each measure is made."""
    parts = [
        "# Benchmarks",
        "Written by `make bench`. Each figure was measured in one run against a bare loop or another program on the "
        "same files, turn about; the median counts. Failures are pages, jobs or clients that failed while it was "
        "measured: with any, a target is missed.",
        f"{about.date}, {about.minutes:g} minutes. Machine: {about.machine}. Versions: "
        + ", ".join(f"{name} {number}" for name, number in about.versions.items())
        + ".",
    ]
    if about.scale != 1:
        parts.append(f"**A trial at scale {about.scale:g}: its figures are not to be relied on.**")
    parts += [verdict(rows), table(rows)]
    parts += ["![What is kept of the bare speed, as a share of the target](speed.png)", "![Growth](growth.png)"]
    parts += ["## How", *(f"**{titles[name]}.** {text}" for name, text in how.items())]
    return "\n\n".join(parts) + "\n"


def verdict(rows: Sequence[Row]) -> str:
    """How many targets are met, and which are not."""
    held = [row for row in rows if row.met is not None]
    missed = [row for row in held if not row.met]
    absent = [row for row in rows if row.figure is None]
    lines = [f"{len(held) - len(missed)} of {len(held)} targets are met."]
    lines += [f"- **Missed:** {row.what}: {_figure(row)}, target {row.target}{_failed(row)}" for row in missed]
    lines += [f"- Not measured: {row.what}: {row.detail}" for row in absent]
    return "\n".join([lines[0], "", *lines[1:]]).strip()


def table(rows: Sequence[Row]) -> str:
    """All rows, those that miss their target in bold."""
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
    told = f"{row.figure:,.0f}" if size >= 100 or row.figure == int(row.figure) else f"{row.figure:.3g}"
    return f"{told} {row.unit}".strip()


def _failed(row: Row) -> str:
    return f" ({row.failures} failures)" if row.failures else ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def as_json(rows: Sequence[Row], about: About) -> str:
    """Everything, for machines."""
    return json.dumps({"about": asdict(about), "rows": [_entry(row) for row in rows]}, indent=1, ensure_ascii=False)


def _entry(row: Row) -> dict[str, Any]:
    return {**asdict(row), "met": row.met}


def shares(rows: Sequence[Row]) -> list[tuple[str, float, bool]]:
    """Of each row with a target: what share of it was reached (more is better), and whether it is met."""
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
    """README.md, results.json, speed.png and growth.png."""
    from benchmarks import plots

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
