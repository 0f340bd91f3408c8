"""The options of a sweep, and its results: one for each page, and one for each file."""

from __future__ import annotations

from dataclasses import dataclass, field

from benchmarks.sweep.kinds import Kind


@dataclass(frozen=True, kw_only=True)
class SweepOptions:
    """The pages that a sweep reads, and the measures that it takes."""

    pages: str = "1"  # of each PDF
    auto: bool = False  # also measure the time a page with `mode=auto`
    judge: bool = False  # also ask OCR which text of a page that differs is right
    engine: str = "auto"  # for `auto` and `judge`
    limit_s: float = 60.0  # for one file

    @property
    def needs_engine(self) -> bool:
        return self.auto or self.judge


@dataclass(frozen=True, kw_only=True)
class PageResult:
    """The comparison of one page. The first fields are those of `Comparison`."""

    number: int
    letters: float
    words: float
    order: float
    our_letters: int
    their_letters: int
    missing: str
    extra: str
    seconds: float  # of reading with `mode=text`
    reason: str  # with `mode=text`: the doubts about the text layer follow `mode_text`
    blocks: int
    tall_blocks: int  # blocks with several printed lines, outside tables
    tall_cells: int  # the same, as cells of tables
    tall_text: str  # the start of the first of them
    kind: Kind = Kind.SAME
    verdict: str = ""  # of OCR, on a page that differs; see `Verdict`
    error: str = ""  # the code of the error if the page could not be read
    auto: str = ""  # how `mode=auto` has read the page
    auto_s: float = 0.0

    def is_comparable(self, least: int) -> bool:
        """Return True if both programs found at least so many letters."""
        return not self.error and min(self.our_letters, self.their_letters) >= least


@dataclass(frozen=True, kw_only=True)
class FileResult:
    """The pages of one file, or the reason why there are none."""

    file: str  # relative to the folder
    outcome: str = "read"  # or an error code, or how its process ended
    pages: list[PageResult] = field(default_factory=list)
