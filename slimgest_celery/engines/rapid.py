"""RapidOCR: PP-OCR's detection and recognition, with the models that its wheel carries, on OpenVINO.

OpenVINO rather than onnxruntime because on one core it read the same pages in half the time or less (1.1-2.4 s
against 2.9-5.5 s a page, AVX-512 VNNI, see docs/performance.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import rapidocr

from ..config import Settings
from ..errors import EngineUnavailable
from .protocol import Image, Line

_MODELS = Path(rapidocr.__file__).parent / "models"


class RapidOcr:
    """Reads Latin and Chinese print; one thread, one image at a time."""

    name = "rapidocr"
    version = version("rapidocr")
    batch_size = 1

    def __init__(self, settings: Settings) -> None:
        # A model that is not in the wheel would be downloaded at the first page, by whichever worker is first.
        if len(list(_MODELS.glob("*.onnx"))) < 2:
            raise EngineUnavailable(f"RapidOCR's models are missing in {_MODELS}. Install `rapidocr>=3.10` again.")
        self._ocr = rapidocr.RapidOCR(
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
