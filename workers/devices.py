"""Which device each worker process is pinned to, decided before it starts."""

from __future__ import annotations

from dataclasses import dataclass

# One thread per worker and one worker per core read about a quarter more pages than one worker with two threads.
_ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OMP_THREAD_LIMIT", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}


@dataclass(frozen=True, kw_only=True)
class Slot:
    """The place of one worker process."""

    name: str  # the part of the Celery node's name before the @, such as cpu0
    env: dict[str, str]  # what pins it; set before the process starts


def plan(num_workers: int) -> list[Slot]:
    """A slot per worker."""
    return [Slot(name=f"cpu{index}", env={**_ONE_THREAD, "CUDA_VISIBLE_DEVICES": ""}) for index in range(num_workers)]


def device_of(node: str) -> str:
    """The device of a Celery node by its name: `cpu0@host` runs on `cpu`."""
    return node.partition("@")[0].rstrip("0123456789") or "cpu"
