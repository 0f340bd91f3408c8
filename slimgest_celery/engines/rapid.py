"""RapidOCR: PP-OCR's detection and recognition, with the models that its wheel carries, on OpenVINO.

OpenVINO rather than onnxruntime because on one core it read the same pages in half the time or less (1.1-2.4 s
against 2.9-5.5 s a page, AVX-512 VNNI, see docs/performance.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from ..config import Settings
from ..errors import EngineUnavailable
from .protocol import Image, Line


class RapidOcr:
    """Reads Latin and Chinese print; one thread, one image at a time."""

    name = "rapidocr"
    version = version("rapidocr")
    batch_size = 1

    def __init__(self, settings: Settings) -> None:
        """Looks whether the models are there. They are loaded by the first page, or by `warm_up`."""
        package = find_spec("rapidocr")
        folders = [Path(folder) for folder in (package and package.submodule_search_locations) or ()]
        # A model that is not in the wheel would be downloaded at the first page, by whichever worker is first.
        if sum(1 for folder in folders for _ in folder.glob("models/*.onnx")) < 2:
            raise EngineUnavailable("RapidOCR's models are missing. Install `rapidocr>=3.10` again.")

    @cached_property
    def _ocr(self) -> Any:
        import rapidocr  # with OpenCV and OpenVINO: half a second that a page with a text layer need not wait for

        return rapidocr.RapidOCR(
            params={
                "Global.log_level": "error",
                "Global.use_cls": False,  # lines upside down are the page's orientation's business, not each line's
                "Det.engine_type": rapidocr.EngineType.OPENVINO,
                "Rec.engine_type": rapidocr.EngineType.OPENVINO,
                "EngineConfig.openvino.inference_num_threads": 1,  # one core per worker: more workers beat more threads
            }
        )

    def read(self, images: Sequence[Image]) -> list[list[Line]]:
        return [self._read(image) for image in images]

    def warm_up(self, image: Image) -> None:
        self._read(image)

    def _read(self, image: Image) -> list[Line]:
        # RapidOCR takes arrays in OpenCV's order, BGR.
        found: Any = self._ocr(np.ascontiguousarray(image[:, :, ::-1]))
        if found.boxes is None:
            return []
        return [
            Line(
                text=text,
                confidence=float(score),
                box=(float(x.min()), float(y.min()), float(x.max()), float(y.max())),
            )
            for (x, y), text, score in zip(found.boxes.transpose(0, 2, 1), found.txts, found.scores, strict=True)
        ]
