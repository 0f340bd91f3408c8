"""The resources of a measure: its share of the time, the scale of the run, a folder, and any real scans."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from benchmarks.support import drawn
from benchmarks.support.drawn import Scans


@dataclass(frozen=True)
class Resources:
    """The resources of one measure."""

    folder: Path  # empty, used by this measure only
    seconds: float  # the share of the time
    scale: float = 1.0  # factor for the numbers of pages and clients; below 1 for a trial
    corpus: Path | None = None  # a folder of real PDFs
    documents: Path | None = None  # a folder of the user's, for the measure of that name
    began_s: float = field(default_factory=time.monotonic)

    def size(self, full: int, least: int = 1) -> int:
        """Return a size at the scale of this run."""
        return max(least, round(full * self.scale))

    def runs(self, most: int, until: float = 1.0) -> Iterator[int]:
        """Yield run numbers: at least one, and more while a run as long as the longest fits into the measure's time.

        `until` is the part of that time, from its start, in which these runs must end.
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
        """The upright scans without a text layer, in one PDF, with their true text."""
        return drawn.scans(self.folder / "scans.pdf", self.corpus, pages=self.size(20, least=4))

    def real(self, *names: str) -> Path | None:
        """Return a PDF of the corpus, or None if it is missing."""
        path = self.corpus.joinpath(*names) if self.corpus else None
        return path if path and path.is_file() else None
