"""The checkpoint and the engine, or the reason why these tests are skipped."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from slimgest_celery.config import Settings
from slimgest_celery.engines.nemotron import Nemotron
from tests.gpu import checkpoint


def _missing() -> str:
    absent = [name for name in ("torch", "nemotron_ocr", "pynvml") if importlib.util.find_spec(name) is None]
    if absent:
        return f"needs the extra `gpu`: {', '.join(absent)} not installed"
    import torch

    return "" if torch.cuda.is_available() else "needs an NVIDIA GPU: torch sees none"


@pytest.fixture(scope="session")
def model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a checkpoint of random weights."""
    if missing := _missing():
        pytest.skip(missing)
    folder = tmp_path_factory.mktemp("checkpoint")
    checkpoint.make(folder)
    return folder


@pytest.fixture(scope="session")
def nemotron(model_dir: Path) -> Nemotron:
    """The engine, loaded and warmed up."""
    from workers.warm_up_page import built_in_page

    engine = Nemotron(Settings(NEMOTRON_OCR_MODEL_DIR=model_dir, SLIMGEST_NEMOTRON_BATCH_SIZE=4))
    engine.warm_up(built_in_page())
    return engine
