"""Measure the speed of a folder of real documents.

Service: each PDF of the folder from upload to result with two workers and RapidOCR. Bare: one pypdfium2 loop that only
extracts the text. The runs alternate, and the medians count. The time that the service's workers spend on pages read by
OCR, or with text in pictures, is subtracted, because the bare loop reads no images. The target holds for documents of
at least 50 pages, of which at most one in fifty needs OCR. The last row is the verdict on the worst of them.
"""

from __future__ import annotations

import time
from pathlib import Path

import httpx

from benchmarks.support.bare import Loop, loops
from benchmarks.support.resources import Resources
from benchmarks.support.rows import Row, Target, middle, not_measured
from benchmarks.support.service import RunningService, service

TITLE = "Documents"
_TARGET = Target(bound=2.5, at_least=False)
_MIN_PAGES, _MAX_OCR_SHARE = 50, 1 / 50
_WORKERS = 2
_PICTURES = "text_in_pictures"


def measure(resources: Resources) -> list[Row]:
    """Return a row for each PDF, worst first, and a row for the worst with a target."""
    paths = sorted(resources.documents.rglob("*.pdf")) if resources.documents else []
    if not paths:
        return [not_measured("documents", TITLE, "no folder of PDFs was named: make bench DOCUMENTS=folder")]
    with service(resources.folder / "service", SLIMGEST_ENGINE="rapidocr") as running, loops("text") as (loop,):
        rows = [_row(running, loop, path) for path in paths]
    rows.sort(key=lambda row: -(row.figure or 0))
    judged = [row for row in rows if row.target]
    if judged:
        worst = judged[0]
        what = f"Worst of {len(judged)} documents: time through the service over a bare PDFium loop"
        failures = sum(row.failures for row in judged)
        rows.append(Row(measure="documents", what=what, figure=worst.figure, target=_TARGET, failures=failures))
    return rows


def _row(running: RunningService, loop: Loop, path: Path) -> Row:
    ours_s, theirs_s = [], []
    for _ in range(3):
        started_s = time.perf_counter()
        document = _process(running.http, path)
        ours_s.append(time.perf_counter() - started_s)
        pages = len(document["pages"])
        if not pages:
            return not_measured("documents", path.name, str((document.get("error") or {}).get("code")))
        theirs_s.append(loop.read(path, range(1, pages + 1)).seconds)
    ocr = [page for page in document["pages"] if page["source"] == "ocr" or _PICTURES in page["reason"]]
    ocr_s = sum(page["seconds"]["render"] + page["seconds"]["read"] for page in ocr) / _WORKERS
    seconds, bare_s = max(0.0, middle(ours_s) - ocr_s), middle(theirs_s)
    is_judged = pages >= _MIN_PAGES and len(ocr) <= _MAX_OCR_SHARE * pages
    return Row(
        measure="documents",
        what=f"{path.name}: time through the service over a bare PDFium loop",
        figure=seconds / bare_s,
        target=_TARGET if is_judged else None,
        failures=sum(page["status"] != "ok" for page in document["pages"]),
        runs=len(ours_s),
        detail=f"{pages} pages, {len(ocr)} by OCR; {middle(ours_s):.2f} s, OCR {ocr_s:.2f} s of it; "
        f"bare {bare_s:.2f} s",
    )


def _process(http: httpx.Client, path: Path) -> dict[str, list[dict[str, object]]]:
    answer = http.post("/process-pdf", files={"file": (path.name, path.read_bytes())})
    body = answer.json()
    return body["pdfs"][0] if answer.status_code == 200 else {"pages": [], "error": body}  # type: ignore[no-any-return]
