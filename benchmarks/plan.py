"""What a measure may use: its share of the time, the scale of the run, a folder, and real scans where there are any."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from benchmarks import drawn
from benchmarks.drawn import Scans


@dataclass(frozen=True)
class Plan:
    """One measure's."""

    folder: Path  # of its own, empty
    seconds: float  # its share
    scale: float = 1.0  # of sizes such as pages and clients; below 1 for a trial
    corpus: Path | None = None  # a folder of real PDFs
    began_s: float = field(default_factory=time.monotonic)

    def size(self, full: int, least: int = 1) -> int:
        """A size at this run's scale."""
        return max(least, round(full * self.scale))

    def runs(self, most: int, until: float = 1.0) -> Iterator[int]:
        """Numbers of runs: one at least, and more while another one like the longest fits into the measure's time.

        `until` is the part of that time, from its beginning, in which these runs are to be over.
        """
        longest_s = 0.0
        for number in range(most):
            begun_s = time.monotonic()
            if number and begun_s - self.began_s + longest_s > self.seconds * until:
                return
            yield number
            longest_s = max(longest_s, time.monotonic() - begun_s)

    @cached_property
    def scans(self) -> Scans:
        """Upright scans without a text layer, in one PDF, with their true text."""
        return drawn.scans(self.folder / "scans.pdf", self.corpus, pages=self.size(20, least=4))

    def real(self, *names: str) -> Path | None:
        """A PDF of the corpus, where it is there."""
        path = self.corpus.joinpath(*names) if self.corpus else None
        return path if path and path.is_file() else None
