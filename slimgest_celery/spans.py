"""How a job's pages are shared out: which of them, how many to a task, which first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from . import trust
from .errors import (
    PagesOutOfRange,
    PageUnreadable,
    PdfTooManyPages,
)
from .model import Mode, Options, Source
from .pdf import Pdf

# Batches per task of an engine that takes several pages at once: while it reads one the next are rendered, so a task of
# one batch would make it wait for every first page. More would keep a document from being shared out among workers.
_BATCHES_PER_SPAN = 4
_PROBED_PAGES = 12
# Celery priorities, 0 first, by how many pages of the job come before: the start of every job passes the bulk of any,
# and 0 is what opens and ends jobs. What was given back half-read comes between: its pages are missed first.
_START, GIVEN_BACK = 1, 2
_PRIORITY_STEPS = (2, 8, 32, 128, 512)


@dataclass(frozen=True, kw_only=True)
class Span:
    """Consecutive pages of a job that one task reads."""

    first: int
    last: int
    priority: int

    @property
    def page_numbers(self) -> range:
        return range(self.first, self.last + 1)


def spans(page_numbers: Sequence[int], length: Callable[[int], int]) -> Iterator[Span]:
    """Runs of consecutive pages with their priority, each at most as long as `length` says for the pages left then."""
    start = 0
    for end in range(1, len(page_numbers) + 1):
        most = length(len(page_numbers) - start)
        if end == len(page_numbers) or page_numbers[end] != page_numbers[end - 1] + 1 or end - start >= most:
            yield Span(first=page_numbers[start], last=page_numbers[end - 1], priority=_priority(start))
            start = end


def _priority(before: int) -> int:
    steps = sum(before >= step for step in _PRIORITY_STEPS)
    return GIVEN_BACK + steps if steps else _START


def chosen(options: Options, page_count: int, max_pages: int) -> list[int]:
    """The pages of a PDF that a job is to read; raises `PagesOutOfRange` or `PdfTooManyPages`."""
    page_numbers = options.page_numbers(page_count)
    if not page_numbers:
        raise PagesOutOfRange(f"None of the pages {options.pages} is in the PDF: it has {page_count}.")
    if len(page_numbers) > max_pages:
        raise PdfTooManyPages(
            f"The PDF has {len(page_numbers)} pages to read and this service reads at most {max_pages} in one job. "
            "Choose some with `pages`."
        )
    return page_numbers


def expected_source(pdf: Pdf, options: Options, page_numbers: Sequence[int]) -> Source:
    """Where most text of these pages will come from. A few speak for all."""
    if options.mode != Mode.AUTO:
        return Source.TEXT_LAYER if options.mode == Mode.TEXT else Source.OCR
    return Source.TEXT_LAYER if all(has_text(pdf, number) for number in sample(page_numbers)) else Source.OCR


def sample(page_numbers: Sequence[int]) -> Sequence[int]:
    """A few of these pages, evenly spread."""
    return page_numbers[:: max(1, len(page_numbers) // _PROBED_PAGES)]


def batched_length(batch_size: int) -> int:
    """Pages to a task of an engine that takes several at once."""
    return batch_size * _BATCHES_PER_SPAN


def has_text(pdf: Pdf, page_number: int) -> bool:
    """Whether the page's text layer can be trusted at first sight; False for a page that cannot be read."""
    try:
        with pdf.page(page_number) as page:
            return trust.weigh(page.text_lines(), page.picture_cover()).likely
    except PageUnreadable:
        return False
