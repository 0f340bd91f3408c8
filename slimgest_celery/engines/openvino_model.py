"""A neural network on OpenVINO: one input, one thread, one output or several."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slimgest_celery.process_limits import forbid_openvino_telemetry

Tensor = NDArray[np.float32]
_malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # of glibc


class DynamicModel:
    """A network whose input may have any shape. Each new shape costs 10 to 60 ms and 3 to 8 MB."""

    def __init__(self, path: Path) -> None:
        self._request = _compile(path, None)

    def run(self, tensor: Tensor) -> Tensor:
        """Return the output. It is overwritten by the next run."""
        return _run_all(self._request, tensor)[0]


class FixedShapeModel:
    """A network compiled for each shape of its input: a third faster, and half the memory, of a dynamic one.

    Each shape stays in memory: use it for few of them.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._requests: dict[tuple[int, ...], Any] = {}

    def run(self, tensor: Tensor) -> Tensor:
        """Return the output. It is overwritten by the next run."""
        return self.run_all(tensor)[0]

    def run_all(self, tensor: Tensor) -> list[Tensor]:
        """Return all outputs. They are overwritten by the next run."""
        if tensor.shape not in self._requests:
            self._requests[tensor.shape] = _compile(self._path, tensor.shape)
        return _run_all(self._requests[tensor.shape], tensor)

    @property
    def compiled_shapes(self) -> int:
        """The number of shapes for which the network is in memory."""
        return len(self._requests)


def free_unused_memory() -> None:
    """Return memory that the last page needed, and the next may not, to the system. Takes 3 ms."""
    if _malloc_trim:
        _malloc_trim(0)


def _compile(path: Path, shape: Sequence[int] | None) -> Any:
    forbid_openvino_telemetry()
    import openvino  # 0.2 s: not needed for a page with a text layer

    core = openvino.Core()
    model = core.read_model(path)
    if shape:
        model.reshape(list(shape))
    # More workers are faster than more threads.
    return core.compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1}).create_infer_request()


def _run_all(request: Any, tensor: Tensor) -> list[Tensor]:
    request.infer([tensor])
    return [output.data for output in request.output_tensors]
