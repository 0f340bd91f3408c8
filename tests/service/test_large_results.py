"""The API sends a result of any length with little memory: 5,000 pages, stored as by workers."""

from __future__ import annotations

import io
import random
import re
import tempfile
import time
import tracemalloc
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx
import psutil
import pytest

from slimgest_celery.client import Client
from slimgest_celery.formats.registry import FORMATS
from slimgest_celery.jobs import searchable_pdf
from slimgest_celery.models.job import End, EngineInfo, Job, JobStatus, Options, Plan
from slimgest_celery.models.page import Block, Page, Source
from slimgest_celery.models.record import now
from slimgest_celery.storage.job_files import JobFiles
from tests.support.stack import Stack, running
from tests.support.stored_jobs import store_job

PAGES = 5000
MOST_MB = 150
PLAIN = {"Accept-Encoding": "identity"}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """An API without workers: the results are stored by the test."""
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
    engine = EngineInfo(name="none", version="1")
    files.put_plan(made, Plan(page_numbers=list(range(1, PAGES + 1)), engine=engine, started_at=moment))
    lot = random.Random(5)
    for first in range(1, PAGES + 1, 16):
        files.put_pages(made, [_page(number, lot) for number in range(first, min(first + 16, PAGES + 1))])
    files.put_end(made, End(status=JobStatus.COMPLETED, completed_at=moment))
    with tempfile.NamedTemporaryFile() as pdf:  # instead of the file that a worker makes
        pdf.truncate(300 << 20)
        files.put_export(made, searchable_pdf.file_name(moment), Path(pdf.name))
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
    """Return the peak memory of a process."""
    found = re.search(r"^VmHWM:\s+(\d+) kB", Path(f"/proc/{process.pid}/status").read_text(), re.M)
    assert found
    return int(found[1]) / 1024


def _reset_peak(process: psutil.Process) -> None:
    Path(f"/proc/{process.pid}/clear_refs").write_text("5")


@pytest.mark.parametrize("form", FORMATS)
def test_a_result_of_5000_pages_takes_little_memory(api: Stack, job_id: str, form: str) -> None:
    (gunicorn,) = [process for _, process in api.apis]
    (worker,) = psutil.Process(gunicorn.pid).children()
    api.get("/health/live")
    idle_mb = worker.memory_info().rss / (1 << 20)
    _reset_peak(worker)
    size = 0
    path = f"{api.url}/jobs/{job_id}/result"
    with httpx.stream("GET", path, params={"format": form}, headers=PLAIN, timeout=170) as answer:
        assert answer.status_code == 200
        for piece in answer.iter_raw():
            size += len(piece)
    assert size > 10_000_000 or form == "csv", "a document of several thousand pages, without a table"
    more_mb = _peak_mb(worker) - idle_mb
    print(f"{form}: {size / 1e6:.0f} MB sent, {more_mb:.1f} MB above idle")
    assert more_mb < MOST_MB


@pytest.fixture(scope="module")
def bomb_id(api: Stack) -> str:
    """A document whose pages have as much text as is allowed: 250,000 characters, each a word of its own."""
    block = Block(text="a " * 5000, confidence=0.9, box=(0.1, 0.1, 0.9, 0.2))
    page = Page(page_number=1, status="ok", text="\n".join([block.text] * 25), blocks=[block] * 25, width=99, height=99)
    return store_job(api.files, "bomb.pdf", [page.model_copy(update={"page_number": n}) for n in range(1, 3)])


@pytest.mark.alone
@pytest.mark.parametrize("form", ["hocr", "json", "zip"])
def test_six_downloads_of_pages_of_the_largest_size_leave_the_api_small_and_quick(
    api: Stack, bomb_id: str, form: str
) -> None:
    (gunicorn,) = [process for _, process in api.apis]
    (worker,) = psutil.Process(gunicorn.pid).children()
    api.get("/health/live")
    idle_mb = worker.memory_info().rss / (1 << 20)
    _reset_peak(worker)

    def download(_: int) -> int:
        path = f"{api.url}/jobs/{bomb_id}/result"
        how = {"params": {"format": form, "formats": "hocr,alto"}, "headers": PLAIN, "timeout": 170}
        with httpx.stream("GET", path, **how) as answer:  # type: ignore[arg-type]
            return sum(map(len, answer.iter_raw()))

    with ThreadPoolExecutor(6) as pool:
        sizes = [pool.submit(download, number) for number in range(6)]
        waits = []
        while not all(size.done() for size in sizes):
            waits.append(api.get("/health/live").elapsed.total_seconds())
            time.sleep(0.1)
        assert len({size.result() for size in sizes}) == 1 and sizes[0].result() > 400_000
    more_mb = _peak_mb(worker) - idle_mb
    size_mb = sizes[0].result() / 1e6
    print(f"{form}: {size_mb:.0f} MB each, {more_mb:.1f} MB above idle, longest wait {max(waits):.2f} s")
    assert more_mb < MOST_MB and max(waits) < 2


def test_ten_slow_readers_of_events_leave_the_api_small(api: Stack) -> None:
    page = Page(page_number=1, status="ok", text="a" * 250_000)
    job_id = store_job(api.files, "slow.pdf", [page.model_copy(update={"page_number": n}) for n in range(1, 101)])
    (gunicorn,) = [process for _, process in api.apis]
    (worker,) = psutil.Process(gunicorn.pid).children()
    idle_mb = worker.memory_info().rss / (1 << 20)
    with ExitStack() as exits:
        for _ in range(10):
            stream = httpx.stream("GET", f"{api.url}/jobs/{job_id}/events", timeout=60)
            next(exits.enter_context(stream).iter_raw())  # reads no further: the API waits
        time.sleep(2)
        more_mb = worker.memory_info().rss / (1 << 20) - idle_mb
    print(f"{more_mb:.1f} MB above idle")
    assert more_mb < 60, "ten times the text of all pages is 250 MB"


@pytest.mark.alone
def test_other_requests_are_served_while_a_large_result_is_sent(api: Stack, job_id: str) -> None:
    path = f"{api.url}/jobs/{job_id}/result"
    with httpx.stream("GET", path, params={"format": "alto"}, headers=PLAIN, timeout=170) as answer:
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
