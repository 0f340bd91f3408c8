"""A device whose memory is a few counters."""

from __future__ import annotations

import os
from types import SimpleNamespace

memory_bytes = 16 << 30
allocated = 0
reserved = 0
fraction = 1.0
emptied = 0  # the number of times
lost = False  # True after an illegal access


def is_available() -> bool:
    return os.environ.get("CUDA_VISIBLE_DEVICES") != "" and os.environ.get("TEST_GPUS", "1") != "0"


def get_device_name(index: int) -> str:
    return "NVIDIA Double"


def memory_allocated() -> int:
    return allocated


def memory_reserved() -> int:
    return max(allocated, reserved)


def mem_get_info() -> tuple[int, int]:
    return memory_bytes - memory_reserved(), memory_bytes


def set_per_process_memory_fraction(value: float) -> None:
    global fraction
    fraction = value


def empty_cache() -> None:
    global emptied, reserved
    emptied += 1
    reserved = allocated


def synchronize() -> None:
    if lost:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")


def reset_peak_memory_stats() -> None:
    pass


def max_memory_reserved() -> int:
    return memory_reserved()


def get_device_properties(index: int) -> SimpleNamespace:
    return SimpleNamespace(uuid="00000000-double")
