"""The benchmark for GPUs, on fakes: it runs to its end and prints the table for docs/gpu.md."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from slimgest_celery.engines import nemotron_checkpoint
from tests.support.stack import ROOT


def _run(env: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.gpu", *arguments]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **env}, capture_output=True, text=True, timeout=120)


def test_the_benchmark_compares_four_ways_and_prints_memory_and_load_time(tmp_path: Path) -> None:
    for name in nemotron_checkpoint.FILES:
        (tmp_path / name).touch()
    env = {"PYTHONPATH": f"{ROOT / 'tests' / 'fakes'}:{ROOT}", "TEST_GPUS": "1", "TEST_ENGINE_SECONDS": "0.01"}
    done = _run({**env, "CUDA_VISIBLE_DEVICES": "0"}, "--pages", "10", "--batch", "4", "--model-dir", str(tmp_path))
    assert done.returncode == 0, done.stderr
    rows = [line.split(" | ") for line in done.stdout.splitlines() if line.startswith(("| bare", "| worker"))]
    assert [row[0][2:] for row in rows] == [
        "bare package, rendered pages",
        "worker path, rendered pages",
        "bare package, PDF pages (rendered, then read)",
        "worker path, PDF pages",
    ]
    assert all(0 < float(row[1]) <= 100 for row in rows), "10 ms a page: at most 100 pages a second"
    assert [row[2] for row in rows[::2]] == ["1.00", "1.00"] and all(row[3] == "50 % |" for row in rows)
    assert "loaded in" in done.stdout and "peak device memory" in done.stdout


def test_without_a_gpu_the_benchmark_prints_an_error_and_no_number() -> None:
    done = _run({"PYTHONPATH": f"{ROOT / 'tests' / 'fakes'}:{ROOT}", "TEST_GPUS": "0"})
    assert done.returncode == 1 and "needs an NVIDIA GPU" in done.stderr and done.stdout == ""
