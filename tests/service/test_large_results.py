"""The API sends a result of any length in little memory: 5,000 pages, written to storage as workers would."""

from __future__ import annotations

import io
import random
import re
import tempfile
import tracemalloc
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from slimgest_celery import exports
from slimgest_celery.client import Client
from slimgest_celery.files import JobFiles
from slimgest_celery.formats import FORMATS
from slimgest_celery.model import Block, End, Engine, Job, JobStatus, Options, Page, Plan, Source, now
from tests.support.stack import Stack, running

PAGES = 5000
MOST_MB = 150


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """An API without workers: what it sends was stored before."""
    with running(tmp_path_factory.mktemp("large"), workers=0) as started:
        yield started


@pytest.fixture(scope="module")
def job_id(api: Stack) -> str:
    """A document of 5,000 pages of 40 lines."""
    return _store(api.files)


def _store(files: JobFiles) -> str:
    made = str(uuid.uuid4())
    moment = now()
    files.create(Job(job_id=made, filename="book.pdf", options=Options(), created_at=moment), io.BytesIO(b"%PDF"), None)
    engine = Engine(name="none", version="1")
    files.put_plan(made, Plan(page_numbers=list(range(1, PAGES + 1)), engine=engine, started_at=moment))
    lot = random.Random(5)
    for first in range(1, PAGES + 1, 16):
        files.put_pages(made, [_page(number, lot) for number in range(first, min(first + 16, PAGES + 1))])
    files.put_end(made, End(status=JobStatus.COMPLETED, completed_at=moment))
    with tempfile.NamedTemporaryFile() as pdf:  # what a worker would have made
        pdf.truncate(300 << 20)
        files.put_export(made, exports.file_name(moment), Path(pdf.name))
    return made


def _page(number: int, lot: random.Random) -> Page:
    lines = [" ".join(f"w{lot.randrange(10**6)}" for _ in range(10)) for _ in range(40)]
    blocks = [
        Block(text=line, confidence=0.9, box=(0.1, 0.02 * row, 0.9, 0.02 * row + 0.015))
        for row, line in enumerate(lines)
    ]
    text = "\n".join(lines)
    how = {"source": Source.OCR, "width": 1240, "height": 1754}
    return Page(page_number=number, status="ok", text=text, blocks=blocks, **how)  # type: ignore[arg-type]


def _peak_mb(process: psutil.Process) -> float:
    """The most memory that a process ever had."""
    found = re.search(r"^VmHWM:\s+(\d+) kB", Path(f"/proc/{process.pid}/status").read_text(), re.M)
    assert found
    return int(found[1]) / 1024


def _forget_peak(process: psutil.Process) -> None:
    Path(f"/proc/{process.pid}/clear_refs").write_text("5")


@pytest.mark.parametrize("form", FORMATS)
def test_a_result_of_5000_pages_takes_little_memory(api: Stack, job_id: str, form: str) -> None:
    (gunicorn,) = [process for _, process in api.apis]
    (worker,) = psutil.Process(gunicorn.pid).children()
    api.get("/health/live")
    idle_mb = worker.memory_info().rss / (1 << 20)
    _forget_peak(worker)
    size = 0
    with httpx.stream("GET", f"{api.url}/jobs/{job_id}/result", params={"format": form}, timeout=170) as answer:
        assert answer.status_code == 200
        for piece in answer.iter_raw():
            size += len(piece)
    assert size > 10_000_000, "a document of several thousand pages"
    more_mb = _peak_mb(worker) - idle_mb
    print(f"{form}: {size / 1e6:.0f} MB sent, {more_mb:.1f} MB above idle")
    assert more_mb < MOST_MB


def test_others_are_served_while_a_large_result_is_sent(api: Stack, job_id: str) -> None:
    with httpx.stream("GET", f"{api.url}/jobs/{job_id}/result", params={"format": "alto"}, timeout=170) as answer:
        pieces = answer.iter_raw()
        next(pieces)
        waits = []
        for _, _piece in zip(range(200), pieces, strict=False):
            asked = httpx.get(f"{api.url}/health/live", timeout=10)
            waits.append(asked.elapsed.total_seconds())
        assert max(waits) < 1


def test_the_client_writes_and_reads_a_large_result_in_little_memory(api: Stack, job_id: str, tmp_path: Path) -> None:
    with Client(api.url) as client:
        client.status(job_id)
        tracemalloc.start()
        made = client.download(job_id, "pdf", tmp_path / "made.pdf")
        assert sum(1 for _ in client.pages(job_id)) == PAGES
        peak_mb = tracemalloc.get_traced_memory()[1] / (1 << 20)
        tracemalloc.stop()
    assert made.stat().st_size == 300 << 20
    assert peak_mb < 10
