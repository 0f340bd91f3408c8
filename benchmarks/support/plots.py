"""The plots of `make bench`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from benchmarks.support.rows import Row

_MET, _MISSED = "#2a7f62", "#c0392b"


def speed(shares: Sequence[tuple[str, float, bool]], target: Path) -> None:
    """Draw a bar for each target: the share of it that was reached."""
    figure, axis = plt.subplots(figsize=(10, 1 + 0.32 * max(1, len(shares))))
    names = [what for what, _, _ in shares]
    axis.barh(names, [share for _, share, _ in shares], color=[_MET if met else _MISSED for _, _, met in shares])
    axis.axvline(1, color="black", linewidth=1)
    axis.invert_yaxis()
    _logarithmic(axis)
    axis.set_xlabel("share of the target that was reached; it is met right of the line")
    axis.tick_params(axis="y", labelsize=7)
    _save(figure, target)


def growth(rows: Sequence[Row], target: Path) -> None:
    """Draw a curve for each row that has points."""
    columns = 3
    lines = max(1, math.ceil(len(rows) / columns))
    figure, axes = plt.subplots(lines, columns, figsize=(11, 2.6 * lines), squeeze=False)
    for axis in list(axes.flat)[len(rows) :]:
        axis.set_visible(False)
    for axis, row in zip(axes.flat, rows, strict=False):
        axis.plot(*zip(*row.points, strict=True), marker="o", markersize=3, linewidth=1)
        _logarithmic(axis)
        axis.set_ylim(bottom=0, top=1.25 * max(value for _, value in row.points))
        axis.set_title(row.what, fontsize=7)
        axis.set_xlabel(row.axes[0], fontsize=7)
        axis.set_ylabel(row.axes[1], fontsize=7)
        axis.tick_params(labelsize=7)
    _save(figure, target)


def _logarithmic(axis: Axes) -> None:
    axis.set_xscale("log")
    axis.xaxis.set_major_formatter("{x:,g}")
    axis.xaxis.set_minor_formatter("")


def _save(figure: plt.Figure, target: Path) -> None:
    figure.tight_layout()
    figure.savefig(target, dpi=90, bbox_inches="tight")
    plt.close(figure)
