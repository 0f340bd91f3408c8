"""`NemotronOCRV2` of nemotron-ocr 2.0.2: the same signature and results of the same form, without network and GPU.

A green page (0, n, 0) has the text "page n" in a box over its upper left quarter (as in `ByColour`). A white page
is empty, a purple page leaks a GB, a yellow page loses the device. A batch of more than `fits` pages is out of memory.
"""

from __future__ import annotations

import os
import time
from typing import Any

import numpy as np
import torch

from .pipeline import DEFAULT_MERGE_LEVEL, MERGE_LEVELS, NemotronOCR

fits = 1000  # pages that fit into the device's memory
batches: list[int] = []  # the size of each batch


class NemotronOCRV2(NemotronOCR):
    def __init__(
        self,
        *,
        detector_max_batch_size: int = 8,
        recognizer_chunk_size: int = 128,
        relational_chunk_size: int = 128,
        use_prefilter: bool = True,
        prefilter_peak_kernel: int = 3,
        detector_only: bool = False,
        skip_relational: bool = False,
        pad_color=None,
        pad_how=None,
        infer_length=None,
        verbose_post: bool = False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.given = {
            "detector_max_batch_size": detector_max_batch_size,
            "recognizer_chunk_size": recognizer_chunk_size,
            "relational_chunk_size": relational_chunk_size,
            "infer_length": infer_length,
        }
        torch.cuda.allocated += 300 << 20

    def __call__(
        self,
        images,
        merge_level: str = DEFAULT_MERGE_LEVEL,
        include_invalid: bool = False,
    ):
        if merge_level not in MERGE_LEVELS:
            raise ValueError(f"Invalid merge level: {merge_level}. Must be one of {MERGE_LEVELS}.")
        if not isinstance(images, list):
            raise TypeError("the real one takes anything but a list for a single image, and gives a flat list")
        if not torch.inference_modes:
            raise RuntimeError("not in inference mode")
        batches.append(len(images))
        torch.cuda.reserved = torch.cuda.allocated + (len(images) << 28)
        if len(images) > fits:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        time.sleep(len(images) * float(os.environ.get("TEST_ENGINE_SECONDS", "0")))
        return [_read(image) for image in images]


def _read(image: np.ndarray[Any, Any]) -> list[dict[str, Any]]:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.flags.writeable:
        raise TypeError("not a writable array of height x width x 3 bytes")
    red, green, blue = map(int, image[image.shape[0] // 2, image.shape[1] // 2])
    if (red, green, blue) == (255, 255, 0):
        torch.cuda.lost = True
        raise RuntimeError("CUDA error: an illegal memory access was encountered")
    if (red, green, blue) == (255, 0, 255):
        torch.cuda.allocated += 1 << 30
    if (red, blue) != (0, 0):
        return []
    half = np.float16(0.5)
    return [
        {
            "text": f"page {green}",
            "confidence": 0.5,
            "left": np.float16(0),
            "upper": half,
            "right": half,
            "lower": np.float16(0),
        }
    ]
