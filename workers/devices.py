"""The assignment of devices to worker processes, decided before they start. Pure functions; nvml.py lists the GPUs.

A process is pinned to its device with `CUDA_VISIBLE_DEVICES` in its environment, before exec, and with UUIDs: a UUID
names the same device in CUDA and NVML. A number does not: CUDA counts the fastest device first, NVML counts in the
order of the PCI bus.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from slimgest_celery.config import Settings
from slimgest_celery.engines.registry import choose_engine
from workers.nvml import Gpu, NoNvml, list_gpus

# One thread per worker and one worker per core read about a quarter more pages than one worker with two threads.
_GPU_WORKER_MB = "8192"  # CUDA and torch take host memory too
_ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OMP_THREAD_LIMIT", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}


@dataclass(frozen=True, kw_only=True)
class Device:
    """A device for one worker: a GPU, or a MIG instance of a GPU."""

    uuid: str  # in the form of CUDA_VISIBLE_DEVICES
    name: str  # such as NVIDIA H200


@dataclass(frozen=True, kw_only=True)
class DetectedDevices:
    """The devices that this process may use, or the reason why there are none."""

    devices: tuple[Device, ...] = ()
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class WorkerPlan:
    """The name and the environment of one worker process."""

    name: str  # the part of the Celery node's name before the @, such as cpu0, gpu3 or gpu3x1
    env: dict[str, str]  # pins the process to its device; set before it starts


def find_devices(environ: Mapping[str, str], gpus: Callable[[], list[Gpu]] = list_gpus) -> DetectedDevices:
    """Return the devices of this machine that `CUDA_VISIBLE_DEVICES` allows. Uses NVML, never CUDA."""
    try:
        devices = visible_devices(gpus(), environ.get("CUDA_VISIBLE_DEVICES"))
    except NoNvml as error:
        return DetectedDevices(reason=str(error))
    if not devices:
        is_set = "CUDA_VISIBLE_DEVICES" in environ
        return DetectedDevices(reason="CUDA_VISIBLE_DEVICES allows no GPU" if is_set else "there is no GPU")
    return DetectedDevices(devices=tuple(devices))


def visible_devices(gpus: Sequence[Gpu], value: str | None) -> list[Device]:
    """Return the devices that a value of `CUDA_VISIBLE_DEVICES` names, in its order; all devices if it is None.

    Entries are numbers, UUIDs of GPUs or MIG instances or the start of a UUID, and older names of MIG instances. As in
    CUDA, all entries from the first invalid one on are ignored. A GPU that was divided with MIG is replaced by all of
    its instances: CUDA would use the first one, but here each process gets one.
    Source: CUDA C++ Programming Guide, "CUDA environment variables"; NVIDIA MIG User Guide, "CUDA_VISIBLE_DEVICES".
    """
    if value is None:
        return [device for gpu in gpus for device in _devices(gpu)]
    chosen: list[Device] = []
    for entry in value.split(","):
        named = _devices_named(gpus, entry.strip())
        if not named:
            break
        chosen += [device for device in named if device not in chosen]
    return chosen


def plan_workers(settings: Settings, detected: DetectedDevices) -> list[WorkerPlan]:
    """Return the plan of each worker: on GPUs if the engine is Nemotron, else on the CPU.

    If `SLIMGEST_NUM_WORKERS` is set, that many workers are distributed over the devices. Else each device has
    `SLIMGEST_WORKERS_PER_DEVICE`. Nemotron without a device gets one worker, which reports what is missing.
    """
    if choose_engine(settings, lambda: detected.reason).name != "nemotron":
        return [_on_cpu(index) for index in range(settings.num_workers)]
    if not detected.devices:
        return [WorkerPlan(name="gpu0", env={})]
    devices = detected.devices
    workers = settings.num_workers if settings.num_workers_is_set else len(devices) * settings.workers_per_device
    sharing = math.ceil(workers / len(devices))
    plans = [_on_gpu(devices[n % len(devices)], n % len(devices), n // len(devices), sharing) for n in range(workers)]
    return plans if "max_worker_mb" in settings.model_fields_set else [_with_more_memory(plan) for plan in plans]


def plan_export_worker() -> WorkerPlan:
    """Return the plan of the worker that reads no pages and only consumes the queue `exports`."""
    return WorkerPlan(name="exports", env=_on_cpu(0).env)


def device_of(node: str) -> str:
    """Return the kind of device of a Celery node: `cpu` for `cpu0@host`, `gpu` for `gpu3x1@host`."""
    kind = re.match(r"[a-z]+", node.partition("@")[0])
    return kind[0] if kind else "cpu"


def _on_cpu(index: int) -> WorkerPlan:
    return WorkerPlan(name=f"cpu{index}", env={**_ONE_THREAD, "CUDA_VISIBLE_DEVICES": ""})


def _on_gpu(device: Device, number: int, nth: int, sharing: int) -> WorkerPlan:
    """Return the nth worker of a device. It gets the number of workers that share the device's memory."""
    name = f"gpu{number}" if sharing == 1 else f"gpu{number}x{nth}"
    return WorkerPlan(name=name, env={"CUDA_VISIBLE_DEVICES": device.uuid, "SLIMGEST_WORKERS_PER_DEVICE": str(sharing)})


def _with_more_memory(plan: WorkerPlan) -> WorkerPlan:
    return WorkerPlan(name=plan.name, env={**plan.env, "SLIMGEST_MAX_WORKER_MB": _GPU_WORKER_MB})


def _devices(gpu: Gpu) -> list[Device]:
    if gpu.mig:
        return [Device(uuid=instance.uuid, name=f"{gpu.name} MIG") for instance in gpu.instances]
    return [Device(uuid=gpu.uuid, name=gpu.name)]


def _devices_named(gpus: Sequence[Gpu], entry: str) -> list[Device]:
    """Return the devices of one entry; none if it names no GPU, or more than one."""
    if entry.isdecimal():
        return _devices(gpus[int(entry)]) if int(entry) < len(gpus) else []
    if entry.startswith("MIG-"):
        parts = [(gpu, part) for gpu in gpus for part in gpu.instances if _has_name(entry, part.uuid, part.old_name)]
        return [Device(uuid=part.uuid, name=f"{gpu.name} MIG") for gpu, part in parts] if len(parts) == 1 else []
    whole = [gpu for gpu in gpus if entry.startswith("GPU-") and gpu.uuid.startswith(entry)]
    return _devices(whole[0]) if len(whole) == 1 else []


def _has_name(entry: str, uuid: str, old_name: str) -> bool:
    return entry == old_name or uuid.startswith(entry)
