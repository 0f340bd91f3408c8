"""The benchmarks that call the worker's code in their own process run to their end, on a few pages."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import render_ahead, text_layer
from slimgest_celery.models.job import Mode
from tests.support import pdfs
from tests.support.worker_context import FakeDevice, worker_context


@pytest.mark.parametrize("overlapped", [False, True])
def test_the_benchmark_of_rendering_measures_the_busy_share_of_the_device(overlapped: bool) -> None:
    busy, pages_per_s = render_ahead._run(pdfs.photographed(2), 50, 0, 1, overlapped=overlapped)
    assert 0 < busy <= 1 and pages_per_s > 0


def test_the_benchmark_of_text_layers_compares_every_page(tmp_path: Path) -> None:
    pdf = tmp_path / "two.pdf"
    pdf.write_bytes(pdfs.text_pages(["first", "second"]))
    with worker_context(tmp_path / "jobs", FakeDevice(0.0, 1)) as at:
        assert text_layer._row(at, pdf, Mode.AUTO, rounds=1).startswith("| two | 2 |")
