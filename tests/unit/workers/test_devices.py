"""The list of devices from NVML, the workers planned for them, and the environment that pins each worker."""

from __future__ import annotations

import importlib.util
import sys

import pytest

from slimgest_celery.config import Settings
from slimgest_celery.engines import registry
from tests.support.stack import ROOT
from workers import __main__ as workers
from workers.devices import DetectedDevices, Device, device_of, find_devices, plan_workers, visible_devices
from workers.nvml import Gpu, Instance, NoNvml, list_gpus

WHOLE = [Gpu(uuid=f"GPU-{index}aaa-{index}", name="NVIDIA H200", mig=False) for index in range(8)]
DIVIDED = Gpu(
    uuid="GPU-mmm",
    name="NVIDIA A100",
    mig=True,
    instances=tuple(Instance(uuid=f"MIG-{n}bbb", old_name=f"MIG-GPU-mmm/{n}/0") for n in (7, 8)),
)
NEMOTRON = Settings(SLIMGEST_ENGINE="nemotron")


def _detect(count: int) -> DetectedDevices:
    return DetectedDevices(devices=tuple(visible_devices(WHOLE[:count], None)))


@pytest.mark.parametrize("count", [1, 4, 8])
def test_each_device_has_a_worker_that_can_use_only_this_device(count: int) -> None:
    planned = plan_workers(NEMOTRON, _detect(count))
    assert [worker.name for worker in planned] == [f"gpu{index}" for index in range(count)]
    assert [worker.env["CUDA_VISIBLE_DEVICES"] for worker in planned] == [gpu.uuid for gpu in WHOLE[:count]]
    assert all(worker.env["SLIMGEST_WORKERS_PER_DEVICE"] == "1" for worker in planned)


def test_without_a_device_nemotron_has_one_worker_that_reports_it_and_auto_uses_the_cpu() -> None:
    no_device = DetectedDevices(reason="no NVIDIA driver answers")
    assert [(worker.name, worker.env) for worker in plan_workers(NEMOTRON, no_device)] == [("gpu0", {})]
    planned = plan_workers(Settings(SLIMGEST_NUM_WORKERS=3), no_device)
    assert [worker.name for worker in planned] == ["cpu0", "cpu1", "cpu2"]
    assert all(worker.env["OMP_NUM_THREADS"] == "1" and worker.env["CUDA_VISIBLE_DEVICES"] == "" for worker in planned)


def test_workers_on_the_same_device_get_the_number_of_workers_that_share_it() -> None:
    planned = plan_workers(NEMOTRON.model_copy(update={"workers_per_device": 2}), _detect(2))
    assert [worker.name for worker in planned] == ["gpu0x0", "gpu1x0", "gpu0x1", "gpu1x1"]
    assert [worker.env["CUDA_VISIBLE_DEVICES"][:5] for worker in planned] == ["GPU-0", "GPU-1", "GPU-0", "GPU-1"]
    assert {worker.env["SLIMGEST_WORKERS_PER_DEVICE"] for worker in planned} == {"2"}


def test_workers_on_a_device_may_use_more_host_memory_unless_the_limit_is_set() -> None:
    assert plan_workers(NEMOTRON, _detect(1))[0].env["SLIMGEST_MAX_WORKER_MB"] == "8192"
    limited = Settings.model_validate(
        {**NEMOTRON.model_dump(by_alias=True, exclude_unset=True), "SLIMGEST_MAX_WORKER_MB": 5000}
    )
    assert "SLIMGEST_MAX_WORKER_MB" not in plan_workers(limited, _detect(1))[0].env
    assert "SLIMGEST_MAX_WORKER_MB" not in plan_workers(Settings(), DetectedDevices())[0].env


@pytest.mark.parametrize(
    ("number", "names"),
    [(1, ["gpu0"]), (2, ["gpu0", "gpu1"]), (3, ["gpu0x0", "gpu1x0", "gpu0x1"])],
)
def test_a_set_number_of_workers_has_precedence_over_the_workers_per_device(number: int, names: list[str]) -> None:
    settings = Settings(SLIMGEST_ENGINE="nemotron", SLIMGEST_NUM_WORKERS=number, SLIMGEST_WORKERS_PER_DEVICE=4)
    assert [worker.name for worker in plan_workers(settings, _detect(2))] == names


def test_a_number_of_workers_equal_to_the_default_counts_as_set_if_it_was_set() -> None:
    assert not Settings.from_env({}).num_workers_is_set
    assert Settings.from_env({"SLIMGEST_NUM_WORKERS": "2"}).num_workers_is_set


def test_gpus_do_not_change_the_workers_of_other_engines() -> None:
    settings = Settings(SLIMGEST_ENGINE="rapidocr", SLIMGEST_NUM_WORKERS=2)
    assert [worker.name for worker in plan_workers(settings, _detect(8))] == ["cpu0", "cpu1"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, ["GPU-0aaa-0", "GPU-1aaa-1", "MIG-7bbb", "MIG-8bbb"]),
        ("", []),
        ("1,0", ["GPU-1aaa-1", "GPU-0aaa-0"]),
        ("0,7,1", ["GPU-0aaa-0"]),  # as in CUDA: entries after an invalid one are ignored
        ("-1", []),
        ("0,0", ["GPU-0aaa-0"]),
        ("GPU-1", ["GPU-1aaa-1"]),
        ("GPU-", []),  # the start of several UUIDs
        (" GPU-1aaa-1 , 0", ["GPU-1aaa-1", "GPU-0aaa-0"]),
        ("MIG-8bbb", ["MIG-8bbb"]),
        ("MIG-GPU-mmm/7/0", ["MIG-7bbb"]),
        ("MIG-", []),
        ("2", ["MIG-7bbb", "MIG-8bbb"]),
        ("GPU-mmm,1", ["MIG-7bbb", "MIG-8bbb", "GPU-1aaa-1"]),
        ("nonsense", []),
    ],
)
def test_cuda_visible_devices_is_honoured(value: str | None, expected: list[str]) -> None:
    assert [device.uuid for device in visible_devices([*WHOLE[:2], DIVIDED], value)] == expected


def test_a_divided_gpu_without_instances_is_no_device() -> None:
    assert visible_devices([Gpu(uuid="GPU-x", name="NVIDIA A100", mig=True)], None) == []


def test_there_is_a_reason_if_no_device_is_found() -> None:
    def fail() -> list[Gpu]:
        raise NoNvml("no NVIDIA driver answers")

    assert find_devices({}, fail) == DetectedDevices(reason="no NVIDIA driver answers")
    assert find_devices({"CUDA_VISIBLE_DEVICES": ""}, lambda: WHOLE).reason == "CUDA_VISIBLE_DEVICES allows no GPU"
    assert find_devices({}, list).reason == "there is no GPU"
    assert find_devices({"CUDA_VISIBLE_DEVICES": "3"}, lambda: WHOLE).devices == (
        Device(uuid="GPU-3aaa-3", name="NVIDIA H200"),
    )


def test_the_kind_of_device_is_the_start_of_the_node_s_name() -> None:
    nodes = ("cpu0@host", "gpu12@host", "gpu3x1@host", "celery@host", "0@host")
    assert [device_of(node) for node in nodes] == ["cpu", "gpu", "gpu", "celery", "cpu"]


def test_auto_uses_gpus_if_the_package_and_its_checkpoint_are_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    auto = Settings(SLIMGEST_ALLOW_MODEL_DOWNLOAD=True)
    monkeypatch.setattr(registry, "_missing_modules", lambda *_: "")
    assert [worker.name for worker in plan_workers(auto, _detect(4))] == ["gpu0", "gpu1", "gpu2", "gpu3"]
    assert plan_workers(Settings(), _detect(4))[0].name == "cpu0", "no checkpoint"
    assert plan_workers(auto, DetectedDevices(reason="no NVIDIA driver answers"))[0].name == "cpu0"


class FakeNvml:
    """nvidia-ml-py on a machine with a whole GPU and a divided one. One UUID is bytes, as in older releases."""

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


def test_the_gpus_of_nvml_are_listed_and_nvml_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_the_error_names_the_missing_driver_or_package(monkeypatch: pytest.MonkeyPatch) -> None:
    class WithoutDriver(FakeNvml):
        def nvmlInit(self) -> None:
            raise self.NVMLError("Driver Not Loaded")

    monkeypatch.setitem(sys.modules, "pynvml", WithoutDriver())
    with pytest.raises(NoNvml, match="no NVIDIA driver answers"):
        list_gpus()
    monkeypatch.setitem(sys.modules, "pynvml", None)
    with pytest.raises(NoNvml, match=r"slimgest\[gpu\]"):
        list_gpus()


@pytest.mark.parametrize("count", [0, 1, 4, 8])
def test_each_started_worker_gets_its_environment(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "tests" / "fakes")
    monkeypatch.delitem(sys.modules, "pynvml", raising=False)
    monkeypatch.setenv("TEST_GPUS", str(count))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert importlib.util.find_spec("nemotron_ocr")
    services = workers._workers(Settings(SLIMGEST_ALLOW_MODEL_DOWNLOAD=True))
    sys.modules.pop("pynvml", None)  # the double goes with its path
    *services, exports = services
    assert (exports.name, exports.argv[-2:]) == ("exports", ["-Q", "exports"])
    assert exports.env["CUDA_VISIBLE_DEVICES"] == "", "it takes no memory of a GPU"
    names = [service.argv[service.argv.index("-n") + 1] for service in services]
    if count == 0:
        assert names == ["cpu0@%h", "cpu1@%h"]
        assert all(service.env["CUDA_VISIBLE_DEVICES"] == "" for service in services)
        return
    assert names == [f"gpu{index}@%h" for index in range(count)]
    shared = {"SLIMGEST_WORKERS_PER_DEVICE": "1", "SLIMGEST_MAX_WORKER_MB": "8192"}
    assert [service.env for service in services] == [
        {"CUDA_VISIBLE_DEVICES": f"GPU-{index:08}-double", **shared} for index in range(count)
    ]
    assert "torch" not in sys.modules or not hasattr(sys.modules["torch"], "inference_modes"), "the double of torch"


def test_the_worker_that_reads_no_pages_can_be_left_out() -> None:
    services = workers._workers(Settings(SLIMGEST_ENGINE="tesseract", SLIMGEST_EXPORT_WORKER=False))
    assert [service.name for service in services] == ["cpu0", "cpu1"]
