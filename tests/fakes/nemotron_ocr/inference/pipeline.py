"""`NemotronOCR` of nemotron-ocr 2.0.2 with the same parameters. `downloaded` records what it would download."""

from __future__ import annotations

from pathlib import Path

from .models.detector import regnet

MERGE_LEVELS = {"word", "sentence", "paragraph"}
DEFAULT_MERGE_LEVEL = "paragraph"
CHECKPOINT_FILES = ["detector.pth", "recognizer.pth", "relational.pth", "charset.txt", "model_config.json"]


class NemotronOCR:
    def __init__(
        self,
        model_dir: str | None = None,
        infer_length: int | None = None,
        *,
        lang: str | None = None,
        detector_only: bool = False,
        skip_relational: bool = False,
    ) -> None:
        complete = model_dir is not None and all((Path(model_dir) / name).is_file() for name in CHECKPOINT_FILES)
        self.downloaded = None if complete else lang or "multi"
        self.backbone = regnet.regnet_y_8gf(pretrained=True)
