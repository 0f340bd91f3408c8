"""Compare the CPU engine as shipped with `RapidOCR()` at its defaults (onnxruntime), on the same scans.

Each runs in a bare process with one thread (set in OpenVINO and onnxruntime, and OMP_NUM_THREADS=1). They read the same
pages in turn. The unit is CPU seconds, so the figure is pages/s per core. Both texts are compared with the true text:
the speed counts only if our word F1 is at most 0.005 lower. Our engine detects the orientation of a page, as in the
service; stock RapidOCR detects the orientation of each line, as by default.
"""

from __future__ import annotations

import importlib.util
from statistics import fmean

from benchmarks.quality import word_f1
from benchmarks.support.bare import Answer, loops
from benchmarks.support.resources import Resources
from benchmarks.support.rows import NotMeasured, Row, Target, middle, spread

TITLE = "CPU reading"
_PAGES = 8
_LESS_F1 = 0.005


def measure(resources: Resources) -> list[Row]:
    """Measure speed and quality."""
    if importlib.util.find_spec("onnxruntime") is None:
        raise NotMeasured("not installed: onnxruntime, which stock RapidOCR needs")
    scans = resources.scans
    pages = range(1, min(_PAGES, scans.pages) + 1)
    truth = scans.truth[: len(pages)]
    ours: list[Answer] = []
    theirs: list[Answer] = []
    with loops("upright:rapidocr") as (our,), loops("stock") as (their,):
        for _ in resources.runs(most=3):
            theirs.append(their.read(scans.path, pages))
            ours.append(our.read(scans.path, pages))
    times = [other.cpu_s / one.cpu_s for one, other in zip(ours, theirs, strict=True)]
    our_f1, their_f1 = _f1(ours[-1], truth), _f1(theirs[-1], truth)
    failed = sum(answer.failures for answer in ours + theirs)
    return [
        Row(
            measure="cpu_reading",
            what="CPU engine as shipped over stock RapidOCR(): pages/s per core",
            figure=middle(times),
            unit="×",
            target=Target(bound=2.0),
            failures=failed,
            runs=len(times),
            detail=f"CPU s a page {middle([one.cpu_s for one in ours]) / len(pages):.2f}, stock "
            f"{middle([one.cpu_s for one in theirs]) / len(pages):.2f} ({spread(times)}); {len(pages)} pages; "
            f"{scans.origin}",
        ),
        Row(
            measure="cpu_reading",
            what="Word F1 of the CPU engine as shipped, minus that of stock RapidOCR()",
            figure=round(our_f1 - their_f1, 4),
            target=Target(bound=-_LESS_F1),
            failures=failed,
            runs=1,
            detail=f"{our_f1:.4f}, stock {their_f1:.4f}",
        ),
    ]


def _f1(answer: Answer, truth: list[str]) -> float:
    return fmean(word_f1(found, true) for found, true in zip(answer.texts, truth, strict=False))
