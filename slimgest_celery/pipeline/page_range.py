"""The pages of a job: selected by its options, and divided into ranges that one task reads each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from slimgest_celery.errors import PagesOutOfRange, PdfTooManyPages
from slimgest_celery.models.job import Options
from slimgest_celery.state.queues import page_priority

_SAMPLED_PAGES = 12


@dataclass(frozen=True, kw_only=True)
class PageRange:
    """Consecutive pages of a job that one task reads; `first` and `last` are 1-based and included."""

    first: int
    last: int
    priority: int

    @property
    def page_numbers(self) -> range:
        return range(self.first, self.last + 1)


def split_into_ranges(
    page_numbers: Sequence[int], length: Callable[[int], int], jobs_ahead: int = 0
) -> Iterator[PageRange]:
    """Yield ranges of consecutive pages with their priorities.

    `length` gives the maximum length of the next range by the number of pages left. `jobs_ahead` is the number of
    earlier jobs of the same owner that have not ended.
    """
    start = 0
    for end in range(1, len(page_numbers) + 1):
        max_length = length(len(page_numbers) - start)
        if end == len(page_numbers) or page_numbers[end] != page_numbers[end - 1] + 1 or end - start >= max_length:
            priority = page_priority(start, jobs_ahead)
            yield PageRange(first=page_numbers[start], last=page_numbers[end - 1], priority=priority)
            start = end


def select_pages(options: Options, page_count: int, max_pages: int) -> list[int]:
    """Return the numbers of the pages to read. Raises `PagesOutOfRange` or `PdfTooManyPages`."""
    page_numbers = options.page_numbers(page_count)
    if not page_numbers:
        raise PagesOutOfRange(f"None of the pages {options.pages} is in the PDF: it has {page_count}.")
    if len(page_numbers) > max_pages:
        raise PdfTooManyPages(
            f"The PDF has {len(page_numbers)} pages to read and this service reads at most {max_pages} in one job. "
            "Choose some with `pages`."
        )
    return page_numbers


def sample(page_numbers: Sequence[int]) -> Sequence[int]:
    """Return a few of these pages, evenly spread."""
    return page_numbers[:: max(1, len(page_numbers) // _SAMPLED_PAGES)]
