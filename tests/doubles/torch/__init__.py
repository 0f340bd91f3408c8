"""As much of torch as `engines/nemotron.py` uses, on a device of `cuda.memory_bytes`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from . import cuda as cuda

__version__ = "2.11.0+double"
inference_modes = 0  # how deep in it this process is now


class OutOfMemoryError(RuntimeError):
    """torch.OutOfMemoryError is a RuntimeError too."""


@contextmanager
def inference_mode() -> Iterator[None]:
    global inference_modes
    inference_modes += 1
    try:
        yield
    finally:
        inference_modes -= 1
