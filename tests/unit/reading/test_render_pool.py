"""The pool of render workers: its images, its processes, and the load of a device that it serves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from slimgest_celery.config import Settings
from slimgest_celery.pdf.document import Pdf, open_pdf
from slimgest_celery.reading.render_pool import RenderPool
from tests.support import pdfs
from tests.support.engines import Batching
from tests.support.stack import ROOT, wait_for
from tests.support.worker_context import FakeDevice, read_all, worker_context

GREEN = [(0, number, 0) for number in range(1, 41)]


@pytest.fixture(scope="module")
def render_pool() -> Iterator[RenderPool]:
    made = RenderPool(2, window=4, limit_mb=512)
    yield made
    made.close()


def _opened(folder: Path, content: bytes, password: str | None = None) -> tuple[Pdf, tuple[Path, str | None]]:
    path = folder / "test.pdf"
    path.write_bytes(content)
    return open_pdf(path, password), (path, password)


SETTINGS = {"dpi": 100.0, "max_pixels": 10**7}


def test_render_workers_and_the_worker_child_render_the_same_images(render_pool: RenderPool, tmp_path: Path) -> None:
    pdf, source = _opened(tmp_path, pdfs.scanned([f"page {n}" for n in range(10)]))
    with render_pool.render_ahead(pdf, source, range(1, 11), skip_text_pages=False, **SETTINGS) as ahead:
        assert len(ahead) == 10
        for number in range(1, 11):
            with ahead.page(number) as page, pdf.page(number) as same:
                rendered, own = page.render(**SETTINGS), same.render(**SETTINGS)
                assert np.array_equal(rendered.image, own.image) and rendered.dpi == own.dpi == 100
                assert rendered.image.flags.writeable and page.rotation == 0
    pdf.close()


@pytest.mark.parametrize("settings", [{"dpi": 200.0, "max_pixels": 10**7}, {"dpi": 100.0, "max_pixels": 10**4}])
def test_a_page_with_other_settings_is_rendered_again(
    render_pool: RenderPool, tmp_path: Path, settings: dict[str, float]
) -> None:
    pdf, source = _opened(tmp_path, pdfs.numbered(2))
    with (
        render_pool.render_ahead(pdf, source, [1, 2], skip_text_pages=False, **SETTINGS) as ahead,
        ahead.page(1) as page,
        pdf.page(1) as same,
    ):
        assert page.render(**settings).image.shape == same.render(**settings).image.shape  # type: ignore[arg-type]
    pdf.close()


def test_skipped_pages_do_not_block_the_rest(render_pool: RenderPool, tmp_path: Path) -> None:
    pdf, source = _opened(tmp_path, pdfs.numbered(30))
    with render_pool.render_ahead(pdf, source, range(1, 31), skip_text_pages=False, **SETTINGS) as ahead:
        for number in range(3, 31, 9):
            with ahead.page(number) as page:
                assert page.render(**SETTINGS).image[50, 50, 1] == number
    pdf.close()


def test_an_encrypted_pdf_is_rendered_ahead_too(render_pool: RenderPool, tmp_path: Path) -> None:
    pdf, source = _opened(tmp_path, pdfs.text_pages(["secret"], password="pass"), "pass")
    with render_pool.render_ahead(pdf, source, [1], skip_text_pages=False, **SETTINGS) as ahead:
        wait_for(lambda: ahead.is_ready(1, 0.01), what="the page")
        with ahead.page(1) as page:
            assert page.render(**SETTINGS).image.min() < 128
    pdf.close()


def test_a_render_worker_that_dies_costs_only_time_and_is_replaced(tmp_path: Path) -> None:
    render_pool = RenderPool(2, window=8, limit_mb=512)
    pdf, source = _opened(tmp_path, pdfs.numbered(20))
    first = render_pool.pids()
    try:
        for _ in range(2):
            with render_pool.render_ahead(pdf, source, range(1, 21), skip_text_pages=False, **SETTINGS) as ahead:
                for number in range(1, 21):
                    if number == 3:
                        os.kill(render_pool.pids()[0], signal.SIGKILL)
                    with ahead.page(number) as page:
                        assert page.render(**SETTINGS).image[50, 50, 1] == number
        assert len(set(first + render_pool.pids())) == 3, "only the process that died is replaced"
    finally:
        pids = render_pool.pids()
        render_pool.close()
        pdf.close()
    assert not any(psutil.pid_exists(pid) for pid in pids), "the pool ends its processes when it is closed"


def test_render_workers_end_with_their_parent_even_after_sigkill() -> None:
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import time; from slimgest_celery.reading.render_pool import RenderPool\n"
            "made = RenderPool(2, 4, 512); print(*made.pids(), flush=True); time.sleep(60)",
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout
    processes = [psutil.Process(int(pid)) for pid in parent.stdout.readline().split()]
    parent.kill()
    parent.wait()
    parent.stdout.close()
    _, alive = psutil.wait_procs(processes, timeout=30)
    assert len(processes) == 2 and not [one for one in alive if one.status() != psutil.STATUS_ZOMBIE]


def test_the_memory_of_a_render_worker_is_limited_and_the_worker_child_renders_a_page_too_large_for_a_slot(
    tmp_path: Path,
) -> None:
    render_pool = RenderPool(1, window=2, limit_mb=256)
    pdf, source = _opened(tmp_path, pdfs.huge_page(60))
    settings = {"dpi": 100.0, "max_pixels": 40_000_000}
    try:
        with render_pool.render_ahead(pdf, source, [1], skip_text_pages=False, **settings) as ahead:
            wait_for(lambda: ahead.is_ready(1, 0.1), what="an answer")
            limit = psutil.Process(render_pool.pids()[0]).rlimit(psutil.RLIMIT_AS)  # type: ignore[attr-defined]
            assert limit == ((256 + 1024) << 20,) * 2
            with ahead.page(1) as page:
                assert page.render(**settings).image.shape == (6000, 6000, 3)
    finally:
        render_pool.close()
        pdf.close()


# --- Through the pipeline ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("processes", [0, 2])
def test_scans_and_text_are_read_the_same_with_and_without_render_workers(tmp_path: Path, processes: int) -> None:
    scans, text = pdfs.coloured(GREEN), pdfs.text_pages(["A page with a text layer that can be trusted"] * 5)
    with worker_context(tmp_path, Batching(Settings()), processes) as at:
        pages = read_all(at, scans)
        assert [(page.page_number, page.text) for page in pages] == [(n, f"page {n}") for n in range(1, 41)]
        assert {page.source for page in read_all(at, text)} == {"text_layer"}


@pytest.mark.alone
def test_a_device_that_needs_20_ms_per_page_is_busy_with_pages_that_render_in_up_to_15_ms(tmp_path: Path) -> None:
    """At least 0.9 on an idle machine with two cores (docs/gpu.md). If other programs use the cores, skip the test."""
    content = pdfs.photographed(64)
    device = FakeDevice(0.02, 8)
    shares: list[float] = []
    with worker_context(tmp_path, device, helpers=2) as at:
        read_all(at, pdfs.numbered(8), mode="ocr")  # the processes have started
        began_s, others_began_s = time.monotonic(), _cpu_s_of_other_programs()
        while len(shares) < 4 and max(shares, default=0) <= 0.7:
            device.batches.clear()
            pages = read_all(at, content, mode="ocr", dpi=110)
            assert len({page.text for page in pages}) == 64, "each page is read exactly once"
            shares.append(device.busy_share())
        others_s = _cpu_s_of_other_programs() - others_began_s
        others_share = others_s / (time.monotonic() - began_s) / psutil.cpu_count()
    if max(shares) <= 0.7 and others_share > 0.2:
        pytest.skip(f"other programs used {others_share:.0%} of the CPU")
    assert max(shares) > 0.7, shares


def _cpu_s_of_other_programs() -> float:
    """Return the CPU seconds that the machine has spent on everything but this process and its children."""
    here, machine = psutil.Process(), psutil.cpu_times()
    own = [process.cpu_times() for process in (here, *here.children(recursive=True))]
    return sum(machine) - machine.idle - machine.iowait - sum(times.user + times.system for times in own)
