"""What all tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .support.stack import ROOT, Stack, running

CORPUS = ROOT.parent / "shared" / "corpus"


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of real PDFs beside the checkout."""
    if not CORPUS.is_dir():
        pytest.skip(f"the real PDFs are not here ({CORPUS})")
    return CORPUS


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Two workers with an engine that reads colours, two API processes. Shared: a test leaves it as it was."""
    folder = tmp_path_factory.mktemp("stack")
    limits = {"SLIMGEST_MAX_PENDING_JOBS": "20", "SLIMGEST_MAX_UPLOAD_MB": "2", "SLIMGEST_MAX_PAGES": "300"}
    with running(folder, apis=2, TEST_ENGINE_SECONDS="0.05", **limits) as started:
        yield started


@pytest.fixture(scope="session")
def rapid(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Two workers with RapidOCR, the engine as shipped. Shared, too."""
    with running(tmp_path_factory.mktemp("rapid"), SLIMGEST_ENGINE="rapidocr") as started:
        yield started
