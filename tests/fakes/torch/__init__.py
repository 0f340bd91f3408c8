"""The part of torch that `engines/nemotron.py` uses, on a device of `cuda.memory_bytes`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from . import cuda as cuda

__version__ = "2.11.0+double"
inference_modes = 0  # the current depth of nested contexts


class OutOfMemoryError(RuntimeError):
    """A RuntimeError, as in torch."""


@contextmanager
def inference_mode() -> Iterator[None]:
    global inference_modes
    inference_modes += 1
    try:
        yield
    finally:
        inference_modes -= 1
