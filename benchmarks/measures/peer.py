"""Compare with the command that a user would use instead, OCRmyPDF, on the same scans, with Tesseract in both.

Service: from upload to the document as JSON, with two workers. OCRmyPDF: `ocrmypdf -j 2 --output-type pdf --optimize
0`, including its start. OCRmyPDF makes a searchable PDF; the service makes one on request, which is a second row. The
service renders at its default of 150 dpi; OCRmyPDF reads a scan at the scan's own resolution. The runs alternate.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.measures.ocr import needs
from benchmarks.support.resources import Resources
from benchmarks.support.rows import NotMeasured, Row, Target, middle, ratios, spread
from benchmarks.support.service import RunningService, service

TITLE = "Against OCRmyPDF"


def measure(resources: Resources) -> list[Row]:
    """Return a row for the document, and one that includes the searchable PDF."""
    _check()
    scans = resources.scans
    ours, with_pdf, theirs, failures = [], [], [], 0
    with service(resources.folder / "tesseract", SLIMGEST_ENGINE="tesseract") as running:
        running.process(scans.path, mode="ocr", pages="1-4")
        for number in resources.runs(most=4):
            seconds, failed = _ocrmypdf(scans.path, resources.folder / f"{number}.pdf")
            theirs.append(seconds)
            job_s, made_s, lost = _ours(running, scans.path, scans.pages)
            ours.append(job_s)
            with_pdf.append(job_s + made_s)
            failures += failed + lost
    return [
        _row(resources, what, times, theirs, failures) for what, times in (("", ours), (", searchable PDF", with_pdf))
    ]


def _row(resources: Resources, what: str, ours: list[float], theirs: list[float], failures: int) -> Row:
    times, pages = ratios(ours, theirs), resources.scans.pages
    return Row(
        measure="peer",
        what=f"Pages/s over OCRmyPDF's, Tesseract on both sides{what}",
        figure=middle(times),
        unit="×",
        target=None if what else Target(bound=1.7),
        failures=failures,
        runs=len(times),
        detail=f"{pages / middle(ours):.2f} pages/s, OCRmyPDF {pages / middle(theirs):.2f} ({spread(times)}); "
        + resources.scans.origin,
    )


def _check() -> None:
    missing = [name for name in ("tesseract", "gs") if shutil.which(name) is None]
    missing += [name for name in ("ocrmypdf",) if importlib.util.find_spec(name) is None]
    if missing:
        raise NotMeasured(f"not installed: {', '.join(missing)}")
    needs("tesseract")


def _ocrmypdf(pdf: Path, made: Path) -> tuple[float, int]:
    """Return the seconds taken, and 1 if the command failed."""
    command = [sys.executable, "-m", "ocrmypdf", "-q", "-j", "2", "--output-type", "pdf", "--optimize", "0"]
    started_s = time.perf_counter()
    done = subprocess.run([*command, str(pdf), str(made)], capture_output=True, text=True)
    seconds = time.perf_counter() - started_s
    if done.returncode:
        print(done.stderr, file=sys.stderr)
    return seconds, int(done.returncode != 0)


def _ours(running: RunningService, pdf: Path, pages: int) -> tuple[float, float, int]:
    """Return seconds to the document, further seconds to the searchable PDF, and pages lost."""
    started_s = time.perf_counter()
    job_id = running.submit(pdf, mode="ocr")
    running.wait_end(job_id)
    document = running.http.get(f"/jobs/{job_id}/result")
    job_s = time.perf_counter() - started_s
    while running.http.get(f"/jobs/{job_id}/result", params={"format": "pdf"}).status_code == 202:
        time.sleep(0.02)
    made_s = time.perf_counter() - started_s - job_s
    return job_s, made_s, pages - sum(page["status"] == "ok" for page in document.json()["pages"])
