"""The Nemotron adapter with fakes of torch and the wheel (tests/fakes); the fakes' signatures are checked too."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from slimgest_celery.config import Settings
from slimgest_celery.engines import nemotron_checkpoint
from slimgest_celery.engines.nemotron import DeviceOutOfMemory, Nemotron, batch_sizes, to_lines
from slimgest_celery.engines.protocol import GpuEngine, to_blocks
from slimgest_celery.engines.registry import choose_engine, load_engine
from slimgest_celery.errors import EngineUnavailable
from tests.support.stack import ROOT

FAKES = ROOT / "tests" / "fakes"
_OURS = ("torch", "nemotron_ocr")


def _forget() -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] in _OURS]:
        del sys.modules[name]


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """Fresh fakes instead of the real packages."""
    kept = {name: module for name, module in sys.modules.items() if name.partition(".")[0] in _OURS}
    _forget()
    monkeypatch.syspath_prepend(FAKES)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-0")
    monkeypatch.delenv("TEST_GPUS", raising=False)
    yield SimpleNamespace(
        cuda=importlib.import_module("torch.cuda"),
        ocr=importlib.import_module("nemotron_ocr.inference.pipeline_v2"),
        regnet=importlib.import_module("nemotron_ocr.inference.models.detector.regnet"),
    )
    _forget()
    sys.modules.update(kept)


@pytest.fixture
def model_dir(tmp_path: Path) -> Path:
    for name in nemotron_checkpoint.FILES:
        (tmp_path / name).touch()
    return tmp_path


@pytest.fixture
def engine(fakes: SimpleNamespace, model_dir: Path) -> Nemotron:
    return Nemotron(Settings(NEMOTRON_OCR_MODEL_DIR=model_dir))


def page(green: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    image = np.zeros((200, 100, 3), np.uint8)
    image[:, :, 1] = green
    return image


EMPTY = np.full((200, 100, 3), 255, np.uint8)


# --- Loading ----------------------------------------------------------------------------------------------------------


def test_only_the_missing_files_are_named(model_dir: Path) -> None:
    (model_dir / "relational.pth").unlink()
    (model_dir / "charset.txt").unlink()
    for allowed in (False, True):
        settings = Settings(NEMOTRON_OCR_MODEL_DIR=model_dir, SLIMGEST_ALLOW_MODEL_DOWNLOAD=allowed)
        with pytest.raises(EngineUnavailable) as caught:
            nemotron_checkpoint.folder(settings)
        assert "lacks relational.pth, charset.txt" in caught.value.message
        assert "detector.pth" not in caught.value.message


def test_nothing_is_downloaded_unless_allowed(fakes: SimpleNamespace, model_dir: Path) -> None:
    with pytest.raises(EngineUnavailable, match="SLIMGEST_ALLOW_MODEL_DOWNLOAD=1"):
        Nemotron(Settings())
    assert Nemotron(Settings(NEMOTRON_OCR_MODEL_DIR=model_dir))._ocr.downloaded is None
    allowed = Settings(SLIMGEST_ALLOW_MODEL_DOWNLOAD="1", SLIMGEST_NEMOTRON_LANG="en")
    assert Nemotron(allowed)._ocr.downloaded == "en"
    assert fakes.regnet.downloads == 0, "the detector's ImageNet weights"
    fakes.regnet.regnet_y_8gf(pretrained=True)
    assert fakes.regnet.downloads == 1, "and the package is then as it was"


def test_the_settings_reach_the_package(fakes: SimpleNamespace, model_dir: Path) -> None:
    settings = Settings(
        NEMOTRON_OCR_MODEL_DIR=model_dir,
        SLIMGEST_NEMOTRON_BATCH_SIZE=4,
        SLIMGEST_NEMOTRON_REGION_BATCH=64,
        SLIMGEST_NEMOTRON_INFER_LENGTH=1536,
        SLIMGEST_WORKERS_PER_DEVICE=2,
    )
    engine = Nemotron(settings)
    assert engine.batch_size == 4
    assert engine._ocr.given == {
        "detector_max_batch_size": 4,
        "recognizer_chunk_size": 64,
        "relational_chunk_size": 64,
        "infer_length": 1536,
    }
    assert fakes.cuda.fraction == 0.95 / 2, "two workers share the device's memory"


def test_a_process_without_a_device_gives_an_error(
    fakes: SimpleNamespace, model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(EngineUnavailable, match="needs an NVIDIA GPU"):
        Nemotron(Settings(NEMOTRON_OCR_MODEL_DIR=model_dir))


def test_the_error_for_a_missing_package_gives_the_install_command(
    model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "nemotron_ocr", None)
    with pytest.raises(EngineUnavailable, match=r"pip install 'slimgest\[gpu\]'"):
        Nemotron(Settings(NEMOTRON_OCR_MODEL_DIR=model_dir))


def test_auto_selects_nemotron_if_device_package_and_checkpoint_exist(
    fakes: SimpleNamespace, model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(NEMOTRON_OCR_MODEL_DIR=model_dir)
    choice = choose_engine(settings)
    assert (choice.name, choice.reason) == ("nemotron", "a CUDA device, nemotron-ocr and its checkpoint are here")
    assert load_engine(settings).name == "nemotron"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert "sees no CUDA device" in choose_engine(settings).reason
    (model_dir / "charset.txt").unlink()
    assert "lacks charset.txt" in choose_engine(settings).reason
    assert "neither NEMOTRON_OCR_MODEL_DIR" in choose_engine(Settings()).reason
    assert choose_engine(Settings()).name == "rapidocr"


# --- Reading ----------------------------------------------------------------------------------------------------------


def test_pages_are_returned_in_order_as_lines_in_pixels(engine: Nemotron) -> None:
    found = engine.read([page(1), EMPTY, page(3)])
    assert [[line.text for line in lines] for lines in found] == [["page 1"], [], ["page 3"]]
    assert found[0][0].box == (0, 0, 50, 100), "the upper left quarter: `upper` is the larger y"


def test_batches_are_powers_of_two_and_warmed_up(engine: Nemotron, fakes: SimpleNamespace) -> None:
    engine.warm_up(page(1))
    warmed = set(fakes.ocr.batches)
    assert warmed == {1, 2, 4, 8}
    fakes.ocr.batches.clear()
    for count in range(1, 20):
        assert len(engine.read([page(1)] * count)) == count
    assert set(fakes.ocr.batches) <= warmed


def test_batch_sizes_add_up() -> None:
    assert batch_sizes(13, 8) == [8, 4, 1]
    assert batch_sizes(20, 6) == [4, 4, 4, 4, 4]
    assert batch_sizes(0, 8) == []


@pytest.mark.parametrize("fits", [1, 2, 3, 7])
def test_out_of_device_memory_halves_the_batch_and_continues(
    engine: Nemotron, fakes: SimpleNamespace, fits: int
) -> None:
    fakes.ocr.fits = fits
    found = engine.read([page(n) for n in range(8)])
    assert [lines[0].text for lines in found] == [f"page {n}" for n in range(8)]
    assert fakes.cuda.emptied > 0, "what the failed try had taken is given back"
    assert max(size for size in fakes.ocr.batches if size <= fits) == batch_sizes(fits, 8)[0]


def test_a_page_that_does_not_fit_alone_is_out_of_memory(engine: Nemotron, fakes: SimpleNamespace) -> None:
    fakes.ocr.fits = 0
    with pytest.raises(DeviceOutOfMemory):
        engine.read([page(1), page(2)])
    assert issubclass(DeviceOutOfMemory, MemoryError), "which the pipeline stores as page.out_of_memory"
    fakes.ocr.fits = 8
    assert engine.read([page(1)])[0][0].text == "page 1", "and the engine goes on"


def test_read_only_images_are_copied(engine: Nemotron) -> None:
    image = page(5)
    image.flags.writeable = False
    assert engine.read([image])[0][0].text == "page 5"


def test_a_lost_device_ends_the_process(
    engine: Nemotron, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ended: list[int] = []
    monkeypatch.setattr("os.kill", lambda pid, number: ended.append(pid))
    broken = page(255)
    broken[:, :, 0] = 255
    with pytest.raises(RuntimeError, match="illegal memory access"):
        engine.read([broken])
    assert len(ended) == 1 and "no longer works" in caplog.text


# --- Predictions ------------------------------------------------------------------------------------------------------


def _prediction(**changed: Any) -> dict[str, Any]:
    return {"text": "word", "confidence": 0.9, "left": 0.1, "upper": 0.4, "right": 0.5, "lower": 0.2, **changed}


def _boxes(*predictions: dict[str, Any]) -> list[tuple[str, tuple[float, float, float, float]]]:
    return [(block.text, block.box) for block in to_blocks(to_lines(predictions, 1000, 2000), 1000, 2000)]


def test_upper_is_the_larger_y() -> None:
    assert _boxes(_prediction()) == [("word", (0.1, 0.2, 0.5, 0.4))]


def test_half_precision_numbers_are_converted() -> None:
    half = {key: np.float16(value) for key, value in _prediction().items() if key != "text"}
    ((text, box),) = _boxes({"text": np.str_("word"), **half})
    assert text == "word" and type(text) is str
    assert all(math.isclose(a, b, abs_tol=0.0005) for a, b in zip(box, (0.1, 0.2, 0.5, 0.4), strict=True))


@pytest.mark.parametrize("nothing", ["nan", math.nan, np.float16("nan")])
def test_nan_values_are_not_text(nothing: object) -> None:
    assert _boxes({key: nothing if key != "text" else "nan" for key in _prediction()}) == []
    assert _boxes(_prediction(left=nothing)) == []
    assert _boxes(_prediction(confidence=nothing)) == []


def test_the_word_nan_on_a_page_is_text() -> None:
    assert _boxes(_prediction(text="nan")) == [("nan", (0.1, 0.2, 0.5, 0.4))]


def test_a_page_without_predictions_is_empty() -> None:
    assert to_lines([], 10, 10) == []


# --- Memory -----------------------------------------------------------------------------------------------------------


def test_unused_memory_in_the_cache_is_bounded(engine: Nemotron, fakes: SimpleNamespace) -> None:
    engine.read([page(1)])
    assert fakes.cuda.emptied == 0
    engine.batch_size = 64
    engine.read([page(1)] * 32)  # the cache keeps 8 of 16 GB afterwards
    assert fakes.cuda.emptied == 1
    assert engine.memory_mb() == 300, "what the model itself takes"


def test_a_leak_on_the_device_is_a_reason_to_restart_the_process(engine: Nemotron, fakes: SimpleNamespace) -> None:
    engine.warm_up(page(1))
    assert engine.restart_reason() == ""
    fakes.cuda.allocated += 600 << 20
    assert engine.restart_reason() == "600 MB of device memory were not freed"
    assert isinstance(engine, GpuEngine)


# --- The fakes and the wheel ------------------------------------------------------------------------------------------


def _signatures(folder: Path) -> dict[str, Any]:
    """The parameters of the classes and their calls, read from source: importing the wheel needs CUDA's libraries."""
    found = {}
    for module, name in (("pipeline", "NemotronOCR"), ("pipeline_v2", "NemotronOCRV2")):
        tree = ast.parse((folder / "inference" / f"{module}.py").read_text())
        (made,) = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name]
        for method in made.body:
            wanted = ("__init__", "__call__") if module == "pipeline_v2" else ("__init__",)
            if isinstance(method, ast.FunctionDef) and method.name in wanted:
                found[f"{name}.{method.name}"] = _takes(method.args)
        for node in tree.body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "CHECKPOINT_FILES":
                found["files"] = ast.literal_eval(node.value)
    return found


def _takes(arguments: ast.arguments) -> dict[str, str | None]:
    """Names and defaults."""
    places = [*arguments.posonlyargs, *arguments.args]
    defaults = [None] * (len(places) - len(arguments.defaults)) + [ast.unparse(value) for value in arguments.defaults]
    keys = [None if value is None else ast.unparse(value) for value in arguments.kw_defaults]
    taken = dict(zip([place.arg for place in places], defaults, strict=True))
    taken |= dict(zip([f"{key.arg}=" for key in arguments.kwonlyargs], keys, strict=True))
    return taken | ({"**": None} if arguments.kwarg else {})


def test_the_fake_has_the_signatures_of_the_installed_package() -> None:
    spec = importlib.util.find_spec("nemotron_ocr")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("nemotron-ocr is not installed here (extra `gpu`): nothing to compare the fake with")
    installed = _signatures(Path(spec.submodule_search_locations[0]))
    assert installed == _signatures(FAKES / "nemotron_ocr")
    assert tuple(installed["files"]) == nemotron_checkpoint.FILES
    regnet = Path(spec.submodule_search_locations[0]) / "inference" / "models" / "detector" / "regnet.py"
    (make,) = [n for n in ast.parse(regnet.read_text()).body if isinstance(n, ast.FunctionDef) and n.name == "_regnet"]
    assert [argument.arg for argument in make.args.args][:3] == ["arch", "block_params", "pretrained"]
