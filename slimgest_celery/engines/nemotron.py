"""Nemotron OCR v2 on one NVIDIA GPU, by the package `nemotron-ocr` (read and written for 2.0.2, docs/gpu.md).

The process sees the one device that it is pinned to (workers/devices.py). The model is made once and stays; a batch
that does not fit into the device's memory is halved, down to a page; what does not fit alone fails that page.
"""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from ..config import Settings
from ..errors import EngineUnavailable
from . import checkpoint
from .protocol import Image, Line, model_hash

# What torch keeps of freed device memory, beyond what is in use, before it is given back: a share of the device.
_CACHE_SHARE = 0.25
# After every batch the device should hold what it held after the warm-up. What stays behind beyond this is a leak.
_LEAK_MB = 512
_MB = 1 << 20
_log = logging.getLogger(__name__)


class DeviceOutOfMemory(MemoryError):
    """One page alone does not fit into the device's memory."""


class Nemotron:
    """Reads print of many scripts, a batch of pages at a time."""

    name = "nemotron"

    def __init__(self, settings: Settings) -> None:
        """Loads the checkpoint onto the device; raises `EngineUnavailable`, which says what is missing."""
        folder = checkpoint.folder(settings)
        self._torch, ocr_class = _imported()
        self.version = _version()
        self.model = model_hash(*(folder / name for name in checkpoint.FILES)) if folder else ""
        self.batch_size = settings.nemotron_batch_size
        self._merge_level = settings.nemotron_merge_level
        self.device = self._take_device(settings.workers_per_device)
        with backbone_not_downloaded():
            self._ocr = ocr_class(
                model_dir=None if folder is None else str(folder),
                lang=settings.nemotron_lang,
                infer_length=settings.nemotron_infer_length,
                detector_max_batch_size=settings.nemotron_batch_size,
                recognizer_chunk_size=settings.nemotron_region_batch,
                relational_chunk_size=settings.nemotron_region_batch,
            )
        # One thread for all reading, whoever asks: torch keeps cuDNN's measured plans per thread, and so would measure
        # again for whoever comes after the warm-up (ATen/native/cudnn/Conv_v8.cpp).
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="nemotron")
        self._cuda = self._torch.cuda
        self._device_bytes: int = self._cuda.mem_get_info()[1]
        self._settled_bytes: int = self._cuda.memory_allocated()

    def read(self, images: Sequence[Image]) -> list[list[Line]]:
        """The lines of each image; raises `DeviceOutOfMemory` where one alone is too much.

        Batches are powers of two: cuDNN measures its algorithms anew for each size, and those are warmed up.
        """
        return self._thread.submit(self._read_all, images).result()

    def warm_up(self, image: Image) -> None:
        for size in reversed(sizes(2 * self.batch_size - 1, self.batch_size)):
            self.read([image] * size)
        self._settled_bytes = self._cuda.memory_allocated()

    def memory_mb(self) -> int:
        return int(self._cuda.memory_reserved()) // _MB

    def worn(self) -> str:
        grown_mb = (self._cuda.memory_allocated() - self._settled_bytes) // _MB
        return f"{grown_mb} MB of device memory were not given back" if grown_mb > _LEAK_MB else ""

    def _read_all(self, images: Sequence[Image]) -> list[list[Line]]:
        found: list[list[Line]] = []
        start = 0
        for size in sizes(len(images), self.batch_size):
            found += self._read(images[start : start + size])
            start += size
        self._bound_cache()
        return found

    def _read(self, images: Sequence[Image]) -> list[list[Line]]:
        """Halves the batch as long as the device's memory is too small for it."""
        found = self._try(images)
        if found is not None:
            return found
        # Outside the handler: the exception and its frames hold the tensors that have to go first.
        self._cuda.empty_cache()
        if len(images) == 1:
            raise DeviceOutOfMemory
        _log.warning("out of device memory with %s pages at once; going on with half of them", len(images))
        middle = len(images) // 2
        return [*self._read(images[:middle]), *self._read(images[middle:])]

    def _try(self, images: Sequence[Image]) -> list[list[Line]] | None:
        """What the package finds; None where it ran out of device memory."""
        try:
            with self._torch.inference_mode():
                # A list, for anything else is taken for one image; writable, for torch warns of what is not.
                found = self._ocr([np.require(image, requirements=("C", "W")) for image in images], self._merge_level)
        except self._torch.OutOfMemoryError:
            return None
        except Exception:
            self._end_if_device_is_lost()
            raise
        pairs = zip(found, images, strict=True)
        return [lines(predictions, width=image.shape[1], height=image.shape[0]) for predictions, image in pairs]

    def _bound_cache(self) -> None:
        """Gives freed memory back when it has become much: large pages would keep it from everyone else."""
        kept = self._cuda.memory_reserved() - self._cuda.memory_allocated()
        if kept > _CACHE_SHARE * self._device_bytes:
            self._cuda.empty_cache()

    def _end_if_device_is_lost(self) -> None:
        """After an illegal access CUDA refuses everything for the rest of the process: a fresh one must go on.

        Ended as the guard ends a child: the task comes back, and pages are then read one by one.
        """
        try:
            self._cuda.synchronize()
        except Exception:
            _log.critical("the device does not answer this process any more; it is ended", exc_info=True)
            os.kill(os.getpid(), signal.SIGKILL)

    def _take_device(self, sharing: int) -> str:
        cuda = self._torch.cuda
        if not cuda.is_available():
            raise EngineUnavailable(f"Nemotron OCR needs an NVIDIA GPU: torch {self._torch.__version__} sees none.")
        if sharing > 1:  # so that none takes what the others will need
            cuda.set_per_process_memory_fraction(0.95 / sharing)
        return str(cuda.get_device_name(0))


def sizes(count: int, most: int) -> list[int]:
    """This many pages as batches, each a power of two and at most `most`: 13 by 8 is 8, 4, 1."""
    found = []
    while count:
        size = 1 << (min(count, most).bit_length() - 1)
        found.append(size)
        count -= size
    return found


def lines(predictions: Sequence[Mapping[str, Any]], width: int, height: int) -> list[Line]:
    """The package's predictions for one image, as lines in pixels.

    It gives fractions of the image, sometimes as float16, with `upper` the larger y and `lower` the smaller. Where it
    found nothing it may say "nan" in place of every value: these become numbers that are none, and `normalise` drops
    them. The word "nan" with numbers beside it stands on the page.
    """
    return [
        Line(
            text=str(one["text"]),
            confidence=float(one["confidence"]),
            box=(
                float(one["left"]) * width,
                float(one["lower"]) * height,
                float(one["right"]) * width,
                float(one["upper"]) * height,
            ),
        )
        for one in predictions
    ]


def _imported() -> tuple[Any, Any]:
    """torch and the package's class; raises `EngineUnavailable`."""
    try:
        import torch
        from nemotron_ocr.inference.pipeline_v2 import NemotronOCRV2
    except (ImportError, OSError) as error:  # OSError: a shared library of CUDA is missing
        raise EngineUnavailable(f"nemotron-ocr cannot be imported: {error}. `pip install 'slimgest[gpu]'`.") from error
    return torch, NemotronOCRV2


def _version() -> str:
    try:
        return version("nemotron-ocr")
    except PackageNotFoundError:
        return "unknown"


@contextmanager
def backbone_not_downloaded() -> Iterator[None]:
    """Keeps the package from fetching ImageNet weights for its detector, which its checkpoint replaces at once.

    `FOTSDetector` of 2.0.2 makes its backbone with `pretrained=True`, whatever folder it is to load from: every load
    would go to download.pytorch.org, and one without a network would fail. The checkpoint is loaded with `strict`,
    so every weight that was not fetched is in it. A package without that function is left as it is.
    """
    from nemotron_ocr.inference.models.detector import regnet

    make = getattr(regnet, "_regnet", None)
    if make is None:
        yield
        return
    regnet._regnet = lambda arch, params, pretrained, *rest, **how: make(arch, params, False, *rest, **how)
    try:
        yield
    finally:
        regnet._regnet = make
