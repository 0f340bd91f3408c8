"""The list of GPUs, from NVIDIA's management library (NVML). The only module that imports `nvidia-ml-py`.

NVML lists the GPUs without CUDA: a parent that has used CUDA, even to count devices, breaks every child that it forks.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


class NoNvml(RuntimeError):
    """The GPUs cannot be listed. The message gives the reason."""


@dataclass(frozen=True, kw_only=True)
class Instance:
    """A part of a GPU that was divided with MIG (Multi-Instance GPU). To CUDA it is a device of its own."""

    uuid: str  # MIG-xxxxxxxx-…
    old_name: str  # MIG-GPU-…/gpu instance/compute instance: the name in drivers before 470


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """A GPU as NVML lists it, in the order of the PCI bus."""

    uuid: str  # GPU-xxxxxxxx-…
    name: str  # such as NVIDIA H200
    mig: bool  # True if it is divided: its instances are the devices, and there may be none yet
    instances: tuple[Instance, ...] = ()


def list_gpus() -> list[Gpu]:
    """Return every GPU of this machine or container. Raises `NoNvml`."""
    with _opened() as nvml:
        count = nvml.nvmlDeviceGetCount()
        return [_gpu(nvml, nvml.nvmlDeviceGetHandleByIndex(index)) for index in range(count)]


@contextmanager
def _opened() -> Iterator[Any]:
    try:
        import pynvml
    except ImportError:
        raise NoNvml("nvidia-ml-py is not installed (`pip install 'slimgest[gpu]'`)") from None
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        raise NoNvml(f"no NVIDIA driver answers ({error})") from error
    try:
        yield pynvml
    except pynvml.NVMLError as error:
        raise NoNvml(f"the NVIDIA driver does not list its devices ({error})") from error
    finally:
        pynvml.nvmlShutdown()


def _gpu(nvml: Any, handle: Any) -> Gpu:
    uuid = _text(nvml.nvmlDeviceGetUUID(handle))
    try:
        mig = nvml.nvmlDeviceGetMigMode(handle)[0] == nvml.NVML_DEVICE_MIG_ENABLE
    except nvml.NVMLError_NotSupported:  # most GPUs cannot be divided
        mig = False
    instances = tuple(_instances(nvml, handle, uuid)) if mig else ()
    return Gpu(uuid=uuid, name=_text(nvml.nvmlDeviceGetName(handle)), mig=mig, instances=instances)


def _instances(nvml: Any, gpu: Any, gpu_uuid: str) -> Iterator[Instance]:
    for index in range(nvml.nvmlDeviceGetMaxMigDeviceCount(gpu)):
        try:
            handle = nvml.nvmlDeviceGetMigDeviceHandleByIndex(gpu, index)
        except nvml.NVMLError_NotFound:  # an unused place for an instance
            continue
        place = f"{nvml.nvmlDeviceGetGpuInstanceId(handle)}/{nvml.nvmlDeviceGetComputeInstanceId(handle)}"
        yield Instance(uuid=_text(nvml.nvmlDeviceGetUUID(handle)), old_name=f"MIG-{gpu_uuid}/{place}")


def _text(value: str | bytes) -> str:
    """Decode the bytes that older releases of nvidia-ml-py return."""
    return value.decode() if isinstance(value, bytes) else value
