"""The real Nemotron OCR on a GPU, with random weights."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from slimgest_celery.config import Settings
from slimgest_celery.engines import nemotron_checkpoint
from slimgest_celery.engines.nemotron import Nemotron
from slimgest_celery.engines.protocol import to_blocks
from slimgest_celery.engines.registry import choose_engine
from tests.support import pdfs
from tests.support.stack import ROOT, running
from tests.support.worker_context import read_all, worker_context
from workers.warm_up_page import built_in_page

pytestmark = [pytest.mark.gpu, pytest.mark.timeout(600), pytest.mark.filterwarnings("default")]


def test_the_checkpoint_has_the_five_files_and_auto_selects_nemotron(model_dir: Path) -> None:
    assert {file.name for file in model_dir.iterdir()} == set(nemotron_checkpoint.FILES)
    assert choose_engine(Settings(NEMOTRON_OCR_MODEL_DIR=model_dir)).name == "nemotron"


def test_a_page_of_print_gives_boxes_within_the_page(nemotron: Nemotron) -> None:
    page = built_in_page()
    (lines,) = nemotron.read([page])
    blocks = to_blocks(lines, page.shape[1], page.shape[0])
    assert len(blocks) > 10
    assert all(left < right and top < bottom for left, top, right, bottom in (block.box for block in blocks))


def test_a_batch_gives_the_results_of_single_pages(nemotron: Nemotron) -> None:
    """Nearly: half precision rounds differently in each batch size, and random weights are sensitive to that."""
    pages = [np.roll(built_in_page(), 40 * turn, axis=0) for turn in range(4)]
    together = [len(lines) for lines in nemotron.read(pages)]
    alone = [len(nemotron.read([page])[0]) for page in pages]
    assert together == pytest.approx(alone, rel=0.1)


def test_an_empty_page_and_pages_of_all_sizes_are_read(nemotron: Nemotron) -> None:
    shapes = [(100, 100), (1754, 1240), (300, 3000), (1, 1)]
    assert len(nemotron.read([np.full((*shape, 3), 255, np.uint8) for shape in shapes])) == len(shapes)


def test_reading_leaves_nothing_on_the_device(nemotron: Nemotron) -> None:
    for _ in range(20):
        nemotron.read([built_in_page()] * 4)
    assert nemotron.restart_reason() == "" and nemotron.memory_mb() > 0


def test_too_little_device_memory_halves_the_batch(nemotron: Nemotron, caplog: pytest.LogCaptureFixture) -> None:
    import torch

    total = torch.cuda.mem_get_info()[1]
    torch.cuda.empty_cache()
    try:  # memory for the loaded models and for little more than one page
        torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved() + (1 << 30)) / total)
        assert len(nemotron.read([built_in_page()] * 4)) == 4
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert nemotron.memory_mb() < 16_000


def test_the_pipeline_reads_a_document(nemotron: Nemotron, tmp_path: Path) -> None:
    with worker_context(tmp_path, nemotron, helpers=2) as at:
        pages = read_all(at, pdfs.photographed(12), mode="ocr")
    assert [page.page_number for page in pages] == list(range(1, 13))
    assert all(page.status == "ok" for page in pages)


def test_the_supervisor_s_workers_read_on_their_gpus(model_dir: Path, tmp_path: Path) -> None:
    with running(tmp_path, workers=0, SLIMGEST_ENGINE="auto", NEMOTRON_OCR_MODEL_DIR=str(model_dir)) as stack:
        stack.spawn(sys.executable, "-m", "workers", "worker", log="workers")
        stack.wait_ready(1)
        job_id = stack.submit(pdfs.photographed(12), mode="ocr")
        assert stack.wait_end(job_id, within_s=300)["status"] == "completed"
        assert all(worker["device_memory_mb"] > 0 for worker in stack.ready_workers())


def test_the_benchmark_runs(model_dir: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.gpu", "--pages", "8", "--model-dir", str(model_dir)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr
    assert "pages/s" in done.stdout
