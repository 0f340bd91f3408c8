"""The last pages of a job, in the order in which its workers end at about the same time.

A long page that is begun when nothing else is left holds up the job while the other workers idle: 3 % of twenty pages
for two workers, 10 % for four. So of the last pages those that will take longest are read first (Graham, "Bounds on
multiprocessing timing anomalies", 1969). How long a page takes shows only when it is read; but the more there is on a
scan, the more bytes it has, among scans that are compressed alike. Where that is wrong, any other order was as good.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

from .errors import PageUnreadable
from .pdf import Pdf
from .spans import Span

_EACH = 3  # pages of each worker; of more there is little to gain, and whoever watches wants to see pages in order
_MOST_S = 0.1  # looked at: the job waits for it


def longest_first(spans: Sequence[Span], pdf: Pdf, workers: int) -> list[Span]:
    """A job's spans; where the last ones are single pages, these change places, but not the priorities of the places.

    The first page of each worker stays where it is: it is waited for.
    """
    start = max(workers, len(spans) - _EACH * workers)
    places = spans[start:]
    if workers < 2 or any(span.first != span.last for span in places):
        return list(spans)
    weights = _weights(pdf, [span.first for span in places])
    ordered = sorted(places, key=lambda span: -weights[span.first])
    changed = [replace(span, priority=place.priority) for span, place in zip(ordered, places, strict=True)]
    return [*spans[:start], *changed]


def _weights(pdf: Pdf, page_numbers: Sequence[int]) -> dict[int, float]:
    """How much is on each page, in multiples of what is on the mean one; 1 where that does not show."""
    sizes = _sizes(pdf, page_numbers)
    alike: defaultdict[str, list[int]] = defaultdict(list)
    for size in sizes.values():
        for compression, count in size.items():
            alike[compression].append(count)
    shares = {
        number: [count / fmean(alike[compression]) for compression, count in size.items()]
        for number, size in sizes.items()
    }
    return {number: fmean(shares[number]) if shares.get(number) else 1.0 for number in page_numbers}


def _sizes(pdf: Pdf, page_numbers: Sequence[int]) -> dict[int, dict[str, int]]:
    """Bytes of pictures by their compression, of as many of these pages as there is time for."""
    deadline_s = time.monotonic() + _MOST_S
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
