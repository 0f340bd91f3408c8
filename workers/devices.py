"""Which device each worker process is pinned to, decided before it starts. Pure functions; nvml.py looks at the GPUs.

A process is pinned by `CUDA_VISIBLE_DEVICES` in its environment, before exec, and by UUID: numbers mean one thing to
CUDA (fastest first) and another to NVML (order of the PCI bus), a UUID means the same to both.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from slimgest_celery import engines
from slimgest_celery.config import Settings

from .nvml import Gpu, NoNvml, list_gpus

# One thread per worker and one worker per core read about a quarter more pages than one worker with two threads.
_ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OMP_THREAD_LIMIT", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}


@dataclass(frozen=True, kw_only=True)
class Device:
    """What one worker can have for itself: a GPU, or a MIG instance of one."""

    uuid: str  # as CUDA_VISIBLE_DEVICES takes it
    name: str  # such as NVIDIA H200


@dataclass(frozen=True, kw_only=True)
class Found:
    """The devices that this process may use, or why there are none."""

    devices: tuple[Device, ...] = ()
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Slot:
    """The place of one worker process."""

    name: str  # the part of the Celery node's name before the @, such as cpu0, gpu3 or gpu3x1
    env: dict[str, str]  # what pins it; set before the process starts


def find(environ: Mapping[str, str], gpus: Callable[[], list[Gpu]] = list_gpus) -> Found:
    """The devices of this machine that `CUDA_VISIBLE_DEVICES` allows. Touches NVML, never CUDA."""
    try:
        devices = visible(gpus(), environ.get("CUDA_VISIBLE_DEVICES"))
    except NoNvml as error:
        return Found(reason=str(error))
    if not devices:
        asked = "allows none of its GPUs" if "CUDA_VISIBLE_DEVICES" in environ else "is not set, and there is no GPU"
        return Found(reason=f"CUDA_VISIBLE_DEVICES {asked}")
    return Found(devices=tuple(devices))


def visible(gpus: Sequence[Gpu], asked: str | None) -> list[Device]:
    """The devices that a value of `CUDA_VISIBLE_DEVICES` names, in its order; all of them where it is absent.

    It may hold numbers, UUIDs of GPUs or MIG instances or their first letters, and the older names of MIG instances.
    As in CUDA, what follows the first entry that names nothing is not seen. A GPU that MIG has divided stands for all
    of its instances: CUDA would take the first, but here each process gets one.
    Source: CUDA C++ Programming Guide, "CUDA environment variables"; NVIDIA MIG User Guide, "CUDA_VISIBLE_DEVICES".
    """
    if asked is None:
        return [device for gpu in gpus for device in _devices(gpu)]
    chosen: list[Device] = []
    for entry in asked.split(","):
        named = _named(gpus, entry.strip())
        if not named:
            break
        chosen += [device for device in named if device not in chosen]
    return chosen


def plan(settings: Settings, found: Found) -> list[Slot]:
    """A slot per worker: on GPUs where Nemotron is to read, else on the CPU.

    `SLIMGEST_NUM_WORKERS` rules where it is set: that many, dealt to the devices in turn. Else each device has
    `SLIMGEST_WORKERS_PER_DEVICE`. Nemotron without a device gets one worker, which will say what is missing.
    """
    if engines.choose(settings, lambda: found.reason).name != "nemotron":
        return [_on_cpu(index) for index in range(settings.num_workers)]
    if not found.devices:
        return [Slot(name="gpu0", env={})]
    devices = found.devices
    workers = settings.num_workers if settings.num_workers_is_set else len(devices) * settings.workers_per_device
    sharing = math.ceil(workers / len(devices))
    return [_on_gpu(devices[n % len(devices)], n % len(devices), n // len(devices), sharing) for n in range(workers)]


def device_of(node: str) -> str:
    """The kind of device of a Celery node by its name: `cpu0@host` runs on `cpu`, `gpu3x1@host` on `gpu`."""
    kind = re.match(r"[a-z]+", node.partition("@")[0])
    return kind[0] if kind else "cpu"


def _on_cpu(index: int) -> Slot:
    return Slot(name=f"cpu{index}", env={**_ONE_THREAD, "CUDA_VISIBLE_DEVICES": ""})


def _on_gpu(device: Device, number: int, nth: int, sharing: int) -> Slot:
    """The nth worker of a device; each is told how many share it, for they share its memory."""
    name = f"gpu{number}" if sharing == 1 else f"gpu{number}x{nth}"
    return Slot(name=name, env={"CUDA_VISIBLE_DEVICES": device.uuid, "SLIMGEST_WORKERS_PER_DEVICE": str(sharing)})


def _devices(gpu: Gpu) -> list[Device]:
    if gpu.mig:
        return [Device(uuid=instance.uuid, name=f"{gpu.name} MIG") for instance in gpu.instances]
    return [Device(uuid=gpu.uuid, name=gpu.name)]


def _named(gpus: Sequence[Gpu], entry: str) -> list[Device]:
    """What one entry names; nothing where it names nothing, or not one thing alone."""
    if entry.isdecimal():
        return _devices(gpus[int(entry)]) if int(entry) < len(gpus) else []
    if entry.startswith("MIG-"):
        parts = [(gpu, part) for gpu in gpus for part in gpu.instances if _is_called(entry, part.uuid, part.old_name)]
        return [Device(uuid=part.uuid, name=f"{gpu.name} MIG") for gpu, part in parts] if len(parts) == 1 else []
    whole = [gpu for gpu in gpus if entry.startswith("GPU-") and gpu.uuid.startswith(entry)]
    return _devices(whole[0]) if len(whole) == 1 else []


def _is_called(entry: str, uuid: str, old_name: str) -> bool:
    return entry == old_name or uuid.startswith(entry)
