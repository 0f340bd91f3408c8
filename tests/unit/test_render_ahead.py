"""Render helpers: what they give, how they end, and how busy they keep a device."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from slimgest_celery.config import Settings
from slimgest_celery.pdf import Pdf, open_pdf
from slimgest_celery.render_ahead import Renderers
from slimgest_celery.render_helper import Helper
from tests.support import pdfs
from tests.support.desk import FakeDevice, desk, read_all
from tests.support.engines import Batching
from tests.support.stack import ROOT, wait_for

GREEN = [(0, number, 0) for number in range(1, 41)]


@pytest.fixture(scope="module")
def renderers() -> Iterator[Renderers]:
    made = Renderers(2, window=4, limit_mb=512)
    yield made
    made.close()


def _opened(folder: Path, content: bytes, password: str | None = None) -> tuple[Pdf, tuple[Path, str | None]]:
    path = folder / "test.pdf"
    path.write_bytes(content)
    return open_pdf(path, password), (path, password)


HOW = {"dpi": 100.0, "max_pixels": 10**7}


def test_helpers_give_the_very_images_that_the_child_would_have_rendered(renderers: Renderers, tmp_path: Path) -> None:
    pdf, source = _opened(tmp_path, pdfs.scanned([f"page {n}" for n in range(10)]))
    with renderers.ahead(pdf, source, range(1, 11), look_for_text=False, **HOW) as ahead:
        assert len(ahead) == 10
        for number in range(1, 11):
            with ahead.page(number) as page, pdf.page(number) as same:
                rendered, own = page.render(**HOW), same.render(**HOW)
                assert np.array_equal(rendered.image, own.image) and rendered.dpi == own.dpi == 100
                assert rendered.image.flags.writeable and page.rotation == 0
    pdf.close()


def test_pages_with_a_text_layer_are_left_to_the_child(tmp_path: Path) -> None:
    path = tmp_path / "test.pdf"
    path.write_bytes(pdfs.text_pages(["A page with a text layer that can be trusted"]))
    helper = Helper([os.memfd_create("test")])
    for look, rendered in ((True, False), (False, True)):
        helper.answer({"open": str(path), "password": None, "look_for_text": look, **HOW})
        answer = helper.answer({"page": 1, "slot": 0})
        assert answer and (answer["shape"] is not None) == rendered


@pytest.mark.parametrize("how", [{"dpi": 200.0, "max_pixels": 10**7}, {"dpi": 100.0, "max_pixels": 10**4}])
def test_a_page_asked_for_in_another_way_is_rendered_anew(
    renderers: Renderers, tmp_path: Path, how: dict[str, float]
) -> None:
    pdf, source = _opened(tmp_path, pdfs.numbered(2))
    with (
        renderers.ahead(pdf, source, [1, 2], look_for_text=False, **HOW) as ahead,
        ahead.page(1) as page,
        pdf.page(1) as same,
    ):
        assert page.render(**how).image.shape == same.render(**how).image.shape  # type: ignore[arg-type]
    pdf.close()


def test_pages_that_are_passed_over_do_not_hold_up_the_rest(renderers: Renderers, tmp_path: Path) -> None:
    pdf, source = _opened(tmp_path, pdfs.numbered(30))
    with renderers.ahead(pdf, source, range(1, 31), look_for_text=False, **HOW) as ahead:
        for number in range(3, 31, 9):
            with ahead.page(number) as page:
                assert page.render(**HOW).image[50, 50, 1] == number
    pdf.close()


def test_an_encrypted_pdf_is_rendered_ahead_too(renderers: Renderers, tmp_path: Path) -> None:
    pdf, source = _opened(tmp_path, pdfs.text_pages(["secret"], password="pass"), "pass")
    with renderers.ahead(pdf, source, [1], look_for_text=False, **HOW) as ahead:
        wait_for(lambda: ahead.ready(1, 0.01), what="the page")
        with ahead.page(1) as page:
            assert page.render(**HOW).image.min() < 128
    pdf.close()


def test_a_helper_that_dies_costs_time_only_and_is_replaced(tmp_path: Path) -> None:
    renderers = Renderers(2, window=8, limit_mb=512)
    pdf, source = _opened(tmp_path, pdfs.numbered(20))
    first = renderers.pids()
    try:
        for _ in range(2):
            with renderers.ahead(pdf, source, range(1, 21), look_for_text=False, **HOW) as ahead:
                for number in range(1, 21):
                    if number == 3:
                        os.kill(renderers.pids()[0], signal.SIGKILL)
                    with ahead.page(number) as page:
                        assert page.render(**HOW).image[50, 50, 1] == number
        assert len(set(first + renderers.pids())) == 3, "only the one that died has a successor"
    finally:
        pids = renderers.pids()
        renderers.close()
        pdf.close()
    assert not any(psutil.pid_exists(pid) for pid in pids), "closing ends them"


def test_helpers_die_with_their_parent_even_by_sigkill() -> None:
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import time; from slimgest_celery.render_ahead import Renderers\n"
            "made = Renderers(2, 4, 512); print(*made.pids(), flush=True); time.sleep(60)",
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout
    helpers = [psutil.Process(int(pid)) for pid in parent.stdout.readline().split()]
    parent.kill()
    parent.wait()
    parent.stdout.close()
    _, alive = psutil.wait_procs(helpers, timeout=10)
    assert len(helpers) == 2 and not [one for one in alive if one.status() != psutil.STATUS_ZOMBIE]


def test_a_helper_s_memory_is_limited_and_a_page_too_large_for_a_slot_stays_with_the_child(tmp_path: Path) -> None:
    renderers = Renderers(1, window=2, limit_mb=256)
    pdf, source = _opened(tmp_path, pdfs.huge_page(60))
    how = {"dpi": 100.0, "max_pixels": 40_000_000}
    try:
        with renderers.ahead(pdf, source, [1], look_for_text=False, **how) as ahead:
            wait_for(lambda: ahead.ready(1, 0.1), what="an answer")
            limit = psutil.Process(renderers.pids()[0]).rlimit(psutil.RLIMIT_AS)  # type: ignore[attr-defined]
            assert limit == ((256 + 1024) << 20,) * 2
            with ahead.page(1) as page:
                assert page.render(**how).image.shape == (6000, 6000, 3)
    finally:
        renderers.close()
        pdf.close()


# --- Through the pipeline ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("helpers", [0, 2])
def test_a_document_of_scans_and_text_reads_the_same_with_and_without_helpers(tmp_path: Path, helpers: int) -> None:
    scans, text = pdfs.coloured(GREEN), pdfs.text_pages(["A page with a text layer that can be trusted"] * 5)
    with desk(tmp_path, Batching(Settings()), helpers) as at:
        pages = read_all(at, scans)
        assert [(page.page_number, page.text) for page in pages] == [(n, f"page {n}") for n in range(1, 41)]
        assert {page.source for page in read_all(at, text)} == {"text_layer"}


def test_a_device_of_20_ms_a_page_is_kept_busy_by_pages_that_render_in_up_to_15_ms(tmp_path: Path) -> None:
    """0.9 and more on an idle machine of two cores (docs/gpu.md); here others may be at work beside this test."""
    content = pdfs.photographed(64)
    device = FakeDevice(0.02, 8)
    shares: list[float] = []
    with desk(tmp_path, device, helpers=2) as at:
        read_all(at, pdfs.numbered(8), mode="ocr")  # the helpers have started
        while len(shares) < 4 and max(shares, default=0) < 0.8:
            device.batches.clear()
            pages = read_all(at, content, mode="ocr", dpi=110)
            assert len({page.text for page in pages}) == 64, "every page once, and none for another"
            shares.append(device.busy_share())
    assert max(shares) > 0.7, shares
