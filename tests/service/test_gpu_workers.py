"""GPU workers, started by the supervisor, with fakes of torch, nemotron-ocr and NVML (tests/fakes)."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import psutil
import pytest

from slimgest_celery.engines import nemotron_checkpoint
from tests.support import pdfs
from tests.support.stack import ROOT, Stack, running, wait_for


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A machine with two GPUs: `slimgest worker`, where only the folder of the checkpoint is set."""
    folder, model_dir = tmp_path_factory.mktemp("gpu"), tmp_path_factory.mktemp("model")
    for name in nemotron_checkpoint.FILES:
        (model_dir / name).touch()
    gpus = {"PYTHONPATH": f"{ROOT / 'tests' / 'fakes'}:{ROOT}", "TEST_GPUS": "2", "TEST_ENGINE_SECONDS": "0.02"}
    with running(folder, workers=0, SLIMGEST_ENGINE="auto", NEMOTRON_OCR_MODEL_DIR=str(model_dir), **gpus) as started:
        started.env.pop("CUDA_VISIBLE_DEVICES", None)
        supervisor = started.spawn(sys.executable, "-m", "workers", "worker", log="workers")
        started.wait_ready(2)
        started.workers["all"] = supervisor
        yield started


def test_each_gpu_has_a_worker_whose_status_explains_the_choice_of_nemotron(stack: Stack) -> None:
    workers = stack.ready_workers()
    assert [worker["name"].partition("@")[0] for worker in workers] == ["gpu0", "gpu1"]
    for worker in workers:
        assert worker["device"] == "gpu: NVIDIA Double"
        assert worker["engine"].startswith("nemotron ")
        assert worker["detail"] == "a CUDA device, nemotron-ocr and its checkpoint are here"
        assert worker["device_memory_mb"] >= 300
    written = (stack.folder / "workers.log").read_text()
    assert "gpu0@" in written and "a CUDA device, nemotron-ocr and its checkpoint are here" in written


def test_both_gpus_read_batches_and_every_page_is_read_once(stack: Stack) -> None:
    job_id = stack.submit(pdfs.numbered(200), mode="ocr")
    assert stack.wait_end(job_id)["status"] == "completed"
    pages = stack.document(job_id)["pages"]
    assert [page["text"] for page in pages] == [f"page {number}" for number in range(1, 201)]
    assert {page["blocks"][0]["box"][3] for page in pages} == {0.5}, "`upper` is the larger y"
    assert {page["worker"].partition("@")[0] for page in pages} == {"gpu0", "gpu1"}


def test_a_page_that_breaks_the_device_fails_alone(stack: Stack) -> None:
    """An illegal access leaves CUDA unusable in that process. A new child continues, page by page."""
    job_id = stack.submit(pdfs.coloured([(0, 1, 0), (0, 2, 0), (255, 255, 0), (0, 4, 0)]), mode="ocr")
    assert stack.wait_end(job_id)["status"] == "partial"
    pages = stack.document(job_id)["pages"]
    assert [page["text"] for page in pages] == ["page 1", "page 2", "", "page 4"]
    assert pages[2]["error"]["code"] == "page.worker_lost"
    wait_for(lambda: len(stack.ready_workers()) == 2, what="both workers again")


def test_a_child_that_leaks_on_its_device_is_replaced_between_two_tasks(stack: Stack) -> None:
    def children() -> set[int]:
        workers = psutil.Process(stack.workers["all"].pid).children()
        return {child.pid for worker in workers for child in worker.children()}

    before = children()
    job_id = stack.submit(pdfs.coloured([(255, 0, 255), *[(0, number, 0) for number in range(2, 80)]]), mode="ocr")
    assert stack.wait_end(job_id)["status"] == "completed"
    assert {page["attempts"] for page in stack.document(job_id)["pages"]} == {1}, "nothing was read twice"
    wait_for(lambda: len(before & children()) == len(before) - 1, what="one child replaced")
    wait_for(lambda: len(stack.ready_workers()) == 2, what="both workers again")
