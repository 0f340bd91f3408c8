"""Make an untrained checkpoint of Nemotron OCR: the models of the package with random weights.

It finds boxes and reads random characters in them, so that all code of the package and all of ours runs without the
real weights. `python -m tests.gpu.checkpoint FOLDER` writes the five files.
"""

from __future__ import annotations

import json
import string
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from slimgest_celery.engines.nemotron import backbone_not_downloaded
from workers.warm_up_page import built_in_page

CHARSET = list(string.ascii_letters + string.digits + string.punctuation)
CONFIG = {
    "backbone": "regnet_y_8gf",
    "scope": 512,
    "max_width": 32,
    "num_tokens": len(CHARSET) + 3,  # blank, end and unknown come first
    "depth": 128,
    "num_layers": 3,
    "nhead": 8,
    "infer_length": 1024,
}
# The detector is adjusted to accept this share of its cells, and to give each a square box of about 40 x 40 pixels.
_SURE = 0.01
_HALF_BOX_PX = 20.0


def make(folder: Path, seed: int = 4) -> None:
    """Write the five files: the same for the same seed on the same device. Uses the GPU if there is one."""
    import torch
    from nemotron_ocr.inference.models.detector.fots_detector import FOTSDetector
    from nemotron_ocr.inference.models.recognizer import TransformerRecognizer
    from nemotron_ocr.inference.models.relational import GlobalRelationalModel

    torch.manual_seed(seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    with backbone_not_downloaded():
        detector = FOTSDetector(coordinate_mode="RBOX", backbone=CONFIG["backbone"], scope=CONFIG["scope"])
    recognizer = TransformerRecognizer(
        nic=detector.num_features[-1],
        **{name: CONFIG[name] for name in ("num_tokens", "max_width", "depth", "num_layers", "nhead")},
    )
    relational = GlobalRelationalModel(
        num_input_channels=detector.num_features,
        recog_feature_depth=recognizer.feature_depth,
        dropout=0.1,
        k=16,
        num_layers=4,
    )
    with torch.no_grad():
        features = _adjust_detector(detector.to(device), _page(device))
        _adjust_recogniser(recognizer.to(device), features)
    for name, model in (("detector", detector), ("recognizer", recognizer), ("relational", relational)):
        torch.save({key: value.cpu() for key, value in model.state_dict().items()}, folder / f"{name}.pth")
    (folder / "charset.txt").write_text(json.dumps(CHARSET), encoding="utf-8")
    (folder / "model_config.json").write_text(json.dumps(CONFIG))


def _page(device: str) -> Any:
    """Return the built-in page as input of the detector: 1 x 3 x 1024 x 1024, 0-1, padded with white to a square."""
    import torch
    import torch.nn.functional as F

    image = torch.from_numpy(built_in_page().copy()).permute(2, 0, 1).float().div(255).to(device)
    _, height, width = image.shape
    square = F.pad(image, (0, max(0, height - width), 0, max(0, width - height)), value=1.0)
    side = CONFIG["infer_length"]
    return F.interpolate(square.unsqueeze(0), size=(side, side), mode="bilinear", align_corners=True)


def _adjust_detector(detector: Any, page: Any) -> Any:
    """Make the detector accept some cells, with boxes of a usual size; return the features of the page."""
    import torch

    seen: list[Any] = []
    last = detector.output.preds[-1]
    hook = last.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0]))
    detector.float()
    _set_batch_norms(detector, lambda: detector(page))
    detector.eval()
    seen.clear()
    features = detector(page)[3]
    hook.remove()
    cells = seen[0].permute(0, 2, 3, 1).reshape(-1, seen[0].shape[1])
    # The layer has no bias. `level` is 1 for the average cell, and replaces the bias of the threshold and of the size.
    mean = cells.mean(0)
    level = mean / mean.square().sum()
    direction = torch.randn_like(mean)
    score = cells @ direction
    threshold = (score / (cells @ level).clamp(min=0.01)).quantile(1 - _SURE)
    confident = (direction - threshold * level) * (8 / score.std())
    size = level * _HALF_BOX_PX / detector.scope
    weights = torch.stack([confident, size, size, size, size, torch.zeros_like(size)])
    last.weight.copy_(weights.reshape(last.weight.shape))
    return features


def _adjust_recogniser(recognizer: Any, features: Any) -> None:
    """Raise the confidence of the recogniser, so that few results are rejected as unreadable."""
    import torch

    regions = features.mean() + features.std() * torch.randn(
        64, features.shape[1], 8, CONFIG["max_width"], device=features.device
    )
    _set_batch_norms(recognizer, lambda: recognizer(regions))
    recognizer.eval()
    logits, _ = recognizer(regions)
    recognizer.classifier.weight.mul_(12 / logits.std())


def _set_batch_norms(model: Any, run: Callable[[], object]) -> None:
    """Set every batch norm from one run, as training would: otherwise activations exceed half precision."""
    import torch

    norms = [module for module in model.modules() if isinstance(module, torch.nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        norm.momentum = 1.0
    model.train()
    run()
    for norm in norms:
        norm.momentum = 0.1


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    make(target)
