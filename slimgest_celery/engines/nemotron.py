"""Nemotron OCR v2 on one NVIDIA GPU, with the package `nemotron-ocr` (written for version 2.0.2, see docs/gpu.md).

The process sees only the device that it is pinned to (workers/devices.py). The model is loaded once. A batch that does
not fit into the device's memory is halved, down to one page; a page that does not fit alone fails.
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

from slimgest_celery.config import Settings
from slimgest_celery.engines import nemotron_checkpoint
from slimgest_celery.engines.protocol import Image, OcrLine, model_hash
from slimgest_celery.errors import EngineUnavailable
from slimgest_celery.geometry import scale

# The share of the device's memory that torch may keep unused, before its cache is emptied.
_CACHE_SHARE = 0.25
# Growth of the allocated device memory since the warm-up; more than this is a leak.
_LEAK_MB = 512
_MB = 1 << 20
_log = logging.getLogger(__name__)


class DeviceOutOfMemory(MemoryError):
    """A single page does not fit into the device's memory."""


class Nemotron:
    """Reads printed text of many scripts, a batch of pages at a time."""

    name = "nemotron"

    def __init__(self, settings: Settings) -> None:
        """Load the checkpoint onto the device. Raises `EngineUnavailable` with what is missing."""
        folder = nemotron_checkpoint.folder(settings)
        self._torch, ocr_class = _imported()
        self.version = _version()
        self.model = model_hash(*(folder / name for name in nemotron_checkpoint.FILES)) if folder else ""
        self.batch_size = settings.nemotron_batch_size
        self._merge_level = settings.nemotron_merge_level
        self.device = self._use_device(settings.workers_per_device)
        with backbone_not_downloaded():
            self._ocr = ocr_class(
                model_dir=None if folder is None else str(folder),
                lang=settings.nemotron_lang,
                infer_length=settings.nemotron_infer_length,
                detector_max_batch_size=settings.nemotron_batch_size,
                recognizer_chunk_size=settings.nemotron_region_batch,
                relational_chunk_size=settings.nemotron_region_batch,
            )
        # One thread for all calls: torch caches cuDNN's measured plans per thread, and would measure them again in a
        # thread that did not do the warm-up (ATen/native/cudnn/Conv_v8.cpp).
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="nemotron")
        self._cuda = self._torch.cuda
        self._device_bytes: int = self._cuda.mem_get_info()[1]
        self._settled_bytes: int = self._cuda.memory_allocated()

    def read(self, images: Sequence[Image]) -> list[list[OcrLine]]:
        """Return the lines of each image. Raises `DeviceOutOfMemory` if one image alone does not fit.

        Batches are powers of two: cuDNN measures its algorithms for each size, and the warm-up covers these sizes.
        """
        return self._thread.submit(self._read_all, images).result()

    def warm_up(self, image: Image) -> None:
        for size in reversed(batch_sizes(2 * self.batch_size - 1, self.batch_size)):
            self.read([image] * size)
        self._settled_bytes = self._cuda.memory_allocated()

    def memory_mb(self) -> int:
        return int(self._cuda.memory_reserved()) // _MB

    def restart_reason(self) -> str:
        grown_mb = (self._cuda.memory_allocated() - self._settled_bytes) // _MB
        return f"{grown_mb} MB of device memory were not freed" if grown_mb > _LEAK_MB else ""

    def _read_all(self, images: Sequence[Image]) -> list[list[OcrLine]]:
        found: list[list[OcrLine]] = []
        start = 0
        for size in batch_sizes(len(images), self.batch_size):
            found += self._read(images[start : start + size])
            start += size
        self._bound_cache()
        return found

    def _read(self, images: Sequence[Image]) -> list[list[OcrLine]]:
        """Read a batch; halve the batch if the device's memory is too small."""
        found = self._try(images)
        if found is not None:
            return found
        # Not in the exception handler: the exception and its frames keep references to the tensors to be freed.
        self._cuda.empty_cache()
        if len(images) == 1:
            raise DeviceOutOfMemory
        _log.warning("out of device memory with a batch of %s pages; trying half of them", len(images))
        middle = len(images) // 2
        return [*self._read(images[:middle]), *self._read(images[middle:])]

    def _try(self, images: Sequence[Image]) -> list[list[OcrLine]] | None:
        """Return the predictions as lines, or None if the device ran out of memory."""
        try:
            with self._torch.inference_mode():
                # A list: the package takes any other type for one image. Writable: torch warns otherwise.
                found = self._ocr([np.require(image, requirements=("C", "W")) for image in images], self._merge_level)
        except self._torch.OutOfMemoryError:
            return None
        except Exception:
            self._end_if_device_is_lost()
            raise
        pairs = zip(found, images, strict=True)
        return [to_lines(predictions, width=image.shape[1], height=image.shape[0]) for predictions, image in pairs]

    def _bound_cache(self) -> None:
        """Empty torch's cache if it has grown large: after large pages, other processes could not use this memory."""
        kept = self._cuda.memory_reserved() - self._cuda.memory_allocated()
        if kept > _CACHE_SHARE * self._device_bytes:
            self._cuda.empty_cache()

    def _end_if_device_is_lost(self) -> None:
        """Kill this process if CUDA refuses all calls, as after an illegal memory access; a new process continues.

        SIGKILL, as the watchdog does: the task is delivered again, and its pages are then read one by one.
        """
        try:
            self._cuda.synchronize()
        except Exception:
            _log.critical("the device no longer works in this process; ending the process", exc_info=True)
            os.kill(os.getpid(), signal.SIGKILL)

    def _use_device(self, workers_on_device: int) -> str:
        cuda = self._torch.cuda
        if not cuda.is_available():
            raise EngineUnavailable(f"Nemotron OCR needs an NVIDIA GPU: torch {self._torch.__version__} sees none.")
        if workers_on_device > 1:  # leave memory for the others
            cuda.set_per_process_memory_fraction(0.95 / workers_on_device)
        return str(cuda.get_device_name(0))


def batch_sizes(count: int, most: int) -> list[int]:
    """Split this many pages into batches, each a power of two and at most `most`: 13 with at most 8 is 8, 4, 1."""
    found = []
    while count:
        size = 1 << (min(count, most).bit_length() - 1)
        found.append(size)
        count -= size
    return found


def to_lines(predictions: Sequence[Mapping[str, Any]], width: int, height: int) -> list[OcrLine]:
    """Convert the package's predictions for one image to lines in pixels.

    The package returns fractions of the image, sometimes as float16. `upper` is the larger y, `lower` the smaller. If
    it found nothing, every value may be "nan": such numbers become NaN, and `to_blocks` drops the line. The text "nan"
    with finite numbers is a word on the page.
    """
    return [
        OcrLine(
            text=str(one["text"]),
            confidence=float(one["confidence"]),
            box=scale(
                (float(one["left"]), float(one["lower"]), float(one["right"]), float(one["upper"])), width, height
            ),
        )
        for one in predictions
    ]


def _imported() -> tuple[Any, Any]:
    """Import torch and the package's class. Raises `EngineUnavailable`."""
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
    """Prevent the download of ImageNet weights for the detector, which the checkpoint replaces at once.

    `FOTSDetector` of 2.0.2 makes its backbone with `pretrained=True` even if it loads from a folder: every load would
    contact download.pytorch.org, and fail without a network. The checkpoint is loaded with `strict`, so it contains
    every weight that is not downloaded. A version of the package without this function is not changed.
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
