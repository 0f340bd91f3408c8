"""Devices as NVML lists them, workers planned on them, and the environment that pins each."""

from __future__ import annotations

import importlib.util
import sys

import pytest

from slimgest_celery import engines
from slimgest_celery.config import Settings
from tests.support.stack import ROOT
from workers import __main__ as workers
from workers.devices import Device, Found, device_of, find, plan, visible
from workers.nvml import Gpu, Instance, NoNvml, list_gpus

WHOLE = [Gpu(uuid=f"GPU-{index}aaa-{index}", name="NVIDIA H200", mig=False) for index in range(8)]
DIVIDED = Gpu(
    uuid="GPU-mmm",
    name="NVIDIA A100",
    mig=True,
    instances=tuple(Instance(uuid=f"MIG-{n}bbb", old_name=f"MIG-GPU-mmm/{n}/0") for n in (7, 8)),
)
NEMOTRON = Settings(SLIMGEST_ENGINE="nemotron")


def _found(count: int) -> Found:
    return Found(devices=tuple(visible(WHOLE[:count], None)))


@pytest.mark.parametrize("count", [1, 4, 8])
def test_each_device_has_a_worker_that_sees_it_alone(count: int) -> None:
    slots = plan(NEMOTRON, _found(count))
    assert [slot.name for slot in slots] == [f"gpu{index}" for index in range(count)]
    assert [slot.env["CUDA_VISIBLE_DEVICES"] for slot in slots] == [gpu.uuid for gpu in WHOLE[:count]]
    assert all(slot.env["SLIMGEST_WORKERS_PER_DEVICE"] == "1" for slot in slots)


def test_without_a_device_nemotron_has_one_worker_to_say_so_and_auto_takes_the_cpu() -> None:
    nothing = Found(reason="no NVIDIA driver answers")
    assert [(slot.name, slot.env) for slot in plan(NEMOTRON, nothing)] == [("gpu0", {})]
    slots = plan(Settings(SLIMGEST_NUM_WORKERS=3), nothing)
    assert [slot.name for slot in slots] == ["cpu0", "cpu1", "cpu2"]
    assert all(slot.env["OMP_NUM_THREADS"] == "1" and slot.env["CUDA_VISIBLE_DEVICES"] == "" for slot in slots)


def test_several_workers_on_a_device_are_told_that_they_share_it() -> None:
    slots = plan(NEMOTRON.model_copy(update={"workers_per_device": 2}), _found(2))
    assert [slot.name for slot in slots] == ["gpu0x0", "gpu1x0", "gpu0x1", "gpu1x1"]
    assert [slot.env["CUDA_VISIBLE_DEVICES"][:5] for slot in slots] == ["GPU-0", "GPU-1", "GPU-0", "GPU-1"]
    assert {slot.env["SLIMGEST_WORKERS_PER_DEVICE"] for slot in slots} == {"2"}


@pytest.mark.parametrize(
    ("number", "names"),
    [(1, ["gpu0"]), (2, ["gpu0", "gpu1"]), (3, ["gpu0x0", "gpu1x0", "gpu0x1"])],
)
def test_the_number_of_workers_rules_where_it_is_set(number: int, names: list[str]) -> None:
    settings = Settings(SLIMGEST_ENGINE="nemotron", SLIMGEST_NUM_WORKERS=number, SLIMGEST_WORKERS_PER_DEVICE=4)
    assert [slot.name for slot in plan(settings, _found(2))] == names


def test_a_number_that_is_the_default_counts_as_set_only_where_somebody_set_it() -> None:
    assert not Settings.from_env({}).num_workers_is_set
    assert Settings.from_env({"SLIMGEST_NUM_WORKERS": "2"}).num_workers_is_set


def test_gpus_do_not_change_what_other_engines_are_given() -> None:
    settings = Settings(SLIMGEST_ENGINE="rapidocr", SLIMGEST_NUM_WORKERS=2)
    assert [slot.name for slot in plan(settings, _found(8))] == ["cpu0", "cpu1"]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (None, ["GPU-0aaa-0", "GPU-1aaa-1", "MIG-7bbb", "MIG-8bbb"]),
        ("", []),
        ("1,0", ["GPU-1aaa-1", "GPU-0aaa-0"]),
        ("0,7,1", ["GPU-0aaa-0"]),  # as in CUDA: what follows a wrong entry is not seen
        ("-1", []),
        ("0,0", ["GPU-0aaa-0"]),
        ("GPU-1", ["GPU-1aaa-1"]),
        ("GPU-", []),  # more than one is called so
        (" GPU-1aaa-1 , 0", ["GPU-1aaa-1", "GPU-0aaa-0"]),
        ("MIG-8bbb", ["MIG-8bbb"]),
        ("MIG-GPU-mmm/7/0", ["MIG-7bbb"]),
        ("MIG-", []),
        ("2", ["MIG-7bbb", "MIG-8bbb"]),
        ("GPU-mmm,1", ["MIG-7bbb", "MIG-8bbb", "GPU-1aaa-1"]),
        ("nonsense", []),
    ],
)
def test_cuda_visible_devices_is_honoured(asked: str | None, expected: list[str]) -> None:
    assert [device.uuid for device in visible([*WHOLE[:2], DIVIDED], asked)] == expected


def test_a_divided_gpu_without_instances_is_no_device() -> None:
    assert visible([Gpu(uuid="GPU-x", name="NVIDIA A100", mig=True)], None) == []


def test_what_keeps_devices_from_being_found_is_said() -> None:
    def broken() -> list[Gpu]:
        raise NoNvml("no NVIDIA driver answers")

    assert find({}, broken) == Found(reason="no NVIDIA driver answers")
    assert find({"CUDA_VISIBLE_DEVICES": ""}, lambda: WHOLE).reason == "CUDA_VISIBLE_DEVICES allows none of its GPUs"
    assert find({}, list).reason
    assert find({"CUDA_VISIBLE_DEVICES": "3"}, lambda: WHOLE).devices == (
        Device(uuid="GPU-3aaa-3", name="NVIDIA H200"),
    )


def test_a_node_s_name_says_the_kind_of_its_device() -> None:
    nodes = ("cpu0@host", "gpu12@host", "gpu3x1@host", "celery@host", "0@host")
    assert [device_of(node) for node in nodes] == ["cpu", "gpu", "gpu", "celery", "cpu"]


def test_auto_plans_gpus_where_the_package_and_its_checkpoint_are_there_too(monkeypatch: pytest.MonkeyPatch) -> None:
    auto = Settings(SLIMGEST_ALLOW_MODEL_DOWNLOAD=True)
    monkeypatch.setattr(engines, "_without", lambda *_: "")
    assert [slot.name for slot in plan(auto, _found(4))] == ["gpu0", "gpu1", "gpu2", "gpu3"]
    assert plan(Settings(), _found(4))[0].name == "cpu0", "no checkpoint"
    assert plan(auto, Found(reason="no NVIDIA driver answers"))[0].name == "cpu0"


class FakeNvml:
    """nvidia-ml-py on a machine with a whole GPU and a divided one; older releases answered in bytes."""

    NVML_DEVICE_MIG_ENABLE = 1

    class NVMLError(Exception): ...

    class NVMLError_NotSupported(NVMLError): ...

    class NVMLError_NotFound(NVMLError): ...

    def __init__(self) -> None:
        self.open = 0

    def nvmlInit(self) -> None:
        self.open += 1

    def nvmlShutdown(self) -> None:
        self.open -= 1

    def nvmlDeviceGetCount(self) -> int:
        return 2

    def nvmlDeviceGetHandleByIndex(self, index: int) -> str:
        return f"gpu{index}"

    def nvmlDeviceGetUUID(self, handle: str) -> str | bytes:
        return {"gpu0": "GPU-0", "gpu1": b"GPU-1", "part": "MIG-2"}[handle]

    def nvmlDeviceGetName(self, handle: str) -> str:
        return "NVIDIA A100"

    def nvmlDeviceGetMigMode(self, handle: str) -> list[int]:
        if handle == "gpu0":
            raise self.NVMLError_NotSupported
        return [1, 1]

    def nvmlDeviceGetMaxMigDeviceCount(self, handle: str) -> int:
        return 3

    def nvmlDeviceGetMigDeviceHandleByIndex(self, handle: str, index: int) -> str:
        if index != 1:
            raise self.NVMLError_NotFound
        return "part"

    def nvmlDeviceGetGpuInstanceId(self, handle: str) -> int:
        return 7

    def nvmlDeviceGetComputeInstanceId(self, handle: str) -> int:
        return 0


def test_nvml_s_answers_become_gpus_and_it_is_closed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml = FakeNvml()
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    assert list_gpus() == [
        Gpu(uuid="GPU-0", name="NVIDIA A100", mig=False),
        Gpu(
            uuid="GPU-1",
            name="NVIDIA A100",
            mig=True,
            instances=(Instance(uuid="MIG-2", old_name="MIG-GPU-1/7/0"),),
        ),
    ]
    assert nvml.open == 0


def test_a_machine_without_a_driver_or_without_the_binding_has_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    class Driverless(FakeNvml):
        def nvmlInit(self) -> None:
            raise self.NVMLError("Driver Not Loaded")

    monkeypatch.setitem(sys.modules, "pynvml", Driverless())
    with pytest.raises(NoNvml, match="no NVIDIA driver answers"):
        list_gpus()
    monkeypatch.setitem(sys.modules, "pynvml", None)
    with pytest.raises(NoNvml, match=r"slimgest\[gpu\]"):
        list_gpus()


@pytest.mark.parametrize("count", [0, 1, 4, 8])
def test_each_started_worker_gets_its_environment(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "tests" / "doubles")
    monkeypatch.delitem(sys.modules, "pynvml", raising=False)
    monkeypatch.setenv("TEST_GPUS", str(count))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert importlib.util.find_spec("nemotron_ocr")
    services = workers._workers(Settings(SLIMGEST_ALLOW_MODEL_DOWNLOAD=True))
    sys.modules.pop("pynvml", None)  # the double goes with its path
    names = [service.argv[service.argv.index("-n") + 1] for service in services]
    if count == 0:
        assert names == ["cpu0@%h", "cpu1@%h"]
        assert all(service.env["CUDA_VISIBLE_DEVICES"] == "" for service in services)
        return
    assert names == [f"gpu{index}@%h" for index in range(count)]
    assert [service.env for service in services] == [
        {"CUDA_VISIBLE_DEVICES": f"GPU-{index:08}-double", "SLIMGEST_WORKERS_PER_DEVICE": "1"} for index in range(count)
    ]
    assert "torch" not in sys.modules or not hasattr(sys.modules["torch"], "inference_modes"), "the double of torch"
