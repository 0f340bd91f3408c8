"""The sizes of a job's tasks, and the order of its last pages, so that all workers finish it at about the same time.

If a long page is begun last, the job waits for it while the other workers idle: 3 % of the time of twenty pages for two
workers, 10 % for four. So the longest of the last pages are read first (Graham, "Bounds on multiprocessing timing
anomalies", 1969). The time of a page is not known before it is read. But of scans with the same compression, the one
with more bytes has more on it. If that estimate is wrong, any other order would have been as good.
"""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

from slimgest_celery.errors import PageUnreadable
from slimgest_celery.pdf.document import Pdf
from slimgest_celery.pipeline.page_range import PageRange

# A task costs some 4 ms. It is also what a page of another job may have to wait for; a job's start does not wait for it
# (preemption.py).
_TASK_S = 0.5
_MIN_TASK_S = 0.04  # a shorter task is not worth sending to an idle worker
_MAX_PAGES = 256
_TASKS_PER_WORKER = 2  # at least, of the pages left, so that all workers end with a job at about the same time
# Batches per task of an engine that reads several pages at once. While it reads one batch, the next is rendered: with
# one batch per task it would wait for every first page. With more, fewer workers would share a document.
_BATCHES_PER_RANGE = 4
_LAST_PAGES_PER_WORKER = 3  # more gain little, and viewers prefer pages in order
_ESTIMATE_S = 0.1  # at most, for the comparison of pages: the job waits for it


def batched_length(batch_size: int) -> int:
    """Return the pages per task of an engine that reads several pages at once."""
    return batch_size * _BATCHES_PER_RANGE


def range_length(page_s: float, left: int, workers: int) -> int:
    """Return the number of pages per task for a job with `left` pages not yet scheduled.

    The number is one where a page takes long, and up to hundreds where pages are fast. Tasks get shorter towards the
    end (guided self-scheduling, Polychronopoulos and Kuck, 1987), so that no worker is left alone with a long task when
    the others are done.
    """
    shared = max(math.ceil(left / (_TASKS_PER_WORKER * max(1, workers))), math.ceil(_MIN_TASK_S / page_s))
    return max(1, min(shared, int(_TASK_S / page_s), _MAX_PAGES))


def longest_first(page_ranges: Sequence[PageRange], pdf: Pdf, workers: int) -> list[PageRange]:
    """Return a job's page ranges; if the last ones are single pages, these are reordered, longest first.

    The priorities stay in their places. The first page of each worker also stays, because viewers wait for it.
    """
    start = max(workers, len(page_ranges) - _LAST_PAGES_PER_WORKER * workers)
    places = page_ranges[start:]
    if workers < 2 or any(page_range.first != page_range.last for page_range in places):
        return list(page_ranges)
    weights = _weights(pdf, [page_range.first for page_range in places])
    ordered = sorted(places, key=lambda page_range: -weights[page_range.first])
    changed = [replace(page_range, priority=place.priority) for page_range, place in zip(ordered, places, strict=True)]
    return [*page_ranges[:start], *changed]


def _weights(pdf: Pdf, page_numbers: Sequence[int]) -> dict[int, float]:
    """Return the relative amount of content of each page: 1 is the mean, and the default if it is unknown."""
    sizes = _sizes(pdf, page_numbers)
    by_compression: defaultdict[str, list[int]] = defaultdict(list)
    for size in sizes.values():
        for compression, count in size.items():
            by_compression[compression].append(count)
    shares = {
        number: [count / fmean(by_compression[compression]) for compression, count in size.items()]
        for number, size in sizes.items()
    }
    return {number: fmean(shares[number]) if shares.get(number) else 1.0 for number in page_numbers}


def _sizes(pdf: Pdf, page_numbers: Sequence[int]) -> dict[int, dict[str, int]]:
    """Return the bytes of images by compression, of as many pages as the time allows."""
    deadline_s = time.monotonic() + _ESTIMATE_S
    sizes: dict[int, dict[str, int]] = {}
    for number in page_numbers:
        if time.monotonic() > deadline_s:
            break
        try:
            with pdf.page(number) as page:
                sizes[number] = {kind: count for kind, count in page.picture_bytes().items() if count > 0}
        except PageUnreadable:
            continue
    return sizes
