"""The part of nvidia-ml-py that `workers/nvml.py` uses: `TEST_GPUS` whole GPUs, GPU-00000000-double and so on."""

from __future__ import annotations

import os
from types import SimpleNamespace

NVML_DEVICE_MIG_ENABLE = 1


class NVMLError(Exception):
    pass


class NVMLError_NotSupported(NVMLError):
    pass


class NVMLError_NotFound(NVMLError):
    pass


def nvmlInit() -> None:
    if "TEST_GPUS" not in os.environ:
        raise NVMLError("Driver Not Loaded")


def nvmlShutdown() -> None:
    pass


def nvmlDeviceGetCount() -> int:
    return int(os.environ["TEST_GPUS"])


def nvmlDeviceGetHandleByIndex(index: int) -> int:
    return index


def nvmlDeviceGetUUID(handle: int) -> str:
    return f"GPU-{handle:08}-double"


def nvmlDeviceGetName(handle: int) -> str:
    return "NVIDIA Double"


def nvmlDeviceGetMigMode(handle: int) -> list[int]:
    raise NVMLError_NotSupported("Not Supported")


def nvmlDeviceGetHandleByUUID(uuid: str) -> int:
    return int(uuid.split("-")[1])


def nvmlDeviceGetUtilizationRates(handle: int) -> SimpleNamespace:
    return SimpleNamespace(gpu=50, memory=50)
